"""Ways to a decay curve and what is compared of them; the published rival for logins; attacks that teach."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from support.made_up_test import case_of, made_up, outcomes_of

from features.arrays import Array
from features.event.arrow import conform
from features.history.population import unmeasured
from training.data.labels import World, benign_labels
from training.evaluation.studies import design_comparison
from training.evaluation.studies.curve_designs import DESIGNS, Curves
from training.evaluation.studies.design_comparison import Row, compare, summary
from training.evaluation.studies.login_baseline import logins
from training.evaluation.studies.poisoning import SHARE, fed
from training.model.fit import Recipe
from training.pipeline.dataset import Dataset
from training.promotion.checks import rising_curves
from training.simulation.parameters import draw_parameters

RECIPES = (Recipe(trees=6, smallest_leaf=5), Recipe(trees=3, leaves=4, smallest_leaf=5))


@pytest.fixture(scope="module")
def data() -> Dataset:
    return made_up()


@pytest.mark.parametrize("name", DESIGNS)
def test_every_way_gives_probabilities_for_every_row_of_the_test(name: str, data: Dataset) -> None:
    """Five points of trust a row, and four of loss, all between 0 and 1."""
    curves = DESIGNS[name](data, RECIPES, 1)
    rows = len(data.rows(data.split.test))
    within = all(bool(((values >= 0.0) & (values <= 1.0)).all()) for values in (curves.trust, curves.compromised_by))

    assert (curves.trust.shape, curves.compromised_by.shape, within) == ((rows, 5), (rows, 4), True)


@pytest.mark.parametrize("name", ["now and hazard", "one hazard model", "now and exponential"])
def test_hazards_cannot_rise(name: str, data: Dataset) -> None:
    """Whatever they are, what survives only shrinks."""
    assert rising_curves(DESIGNS[name](data, RECIPES, 1).trust) == 0


def test_each_way_is_calibrated_on_its_own_target(data: Dataset) -> None:
    """As many malicious requests as were said to be, within what chance does to some hundred."""
    malicious = data.targets.malicious[data.rows(data.split.test)].sum()
    said = {name: _now(design(data, RECIPES, 1)).sum() / malicious for name, design in DESIGNS.items()}

    assert {name: 0.6 < ratio < 1.6 for name, ratio in said.items()} == dict.fromkeys(DESIGNS, True)


def _now(curves: Curves) -> Array:
    return 1.0 - curves.trust[:, 0]


def test_worlds_differ_in_what_they_are_and_are_the_same_for_a_seed() -> None:
    """Every share drawn anew, none beyond what a share can be."""
    one, again, other = (draw_parameters(seed, 900, 42) for seed in (1, 1, 2))

    assert (one == again, one == other, (one.identities, one.days), 0 < one.compromised_sessions < 0.1) == (
        True,
        False,
        (900, 42),
        True,
    )


def test_the_summary_takes_means_over_worlds() -> None:
    """With the lowest and the highest, and a dash where nothing was measured."""
    unknown = (float("nan"),) * 4
    rows = [Row(world, "pair", 0.1 * world, 0.0, 0.5, unknown) for world in (1, 3)]
    means, each = summary(rows)

    assert (means.rows[0][:3], means.rows[0][-1], len(each.rows)) == (("pair", "0.2 [0.1, 0.3]", "0 [0, 0]"), "-", 2)


def sign_ins(*rows: tuple[str, str, str]) -> World:
    """(who, address, outcome), an hour apart."""
    start = datetime(2026, 1, 5, tzinfo=UTC)
    columns: dict[str, Any] = {
        "time": [start + timedelta(hours=n) for n in range(len(rows))],
        "identity.id": [who for who, _, _ in rows],
        "action.category": ["authenticate"] * len(rows),
        "action.outcome": [outcome for _, _, outcome in rows],
        "network.ip": [address for _, address, _ in rows],
    }
    events = conform(pa.table(columns))
    return World(events, benign_labels(events))


def test_a_strange_address_scores_higher_the_longer_the_history() -> None:
    """The published shape: what is known of a user makes the stranger stand out, and his own address less and less."""
    home = [("ada", "203.0.113.1", "success"), ("bob", "203.0.113.2", "success")]
    scores = []
    for count in (2, 12, 39):
        these = logins(sign_ins(*home * count, ("ada", "203.0.113.1", "success"), ("ada", "203.0.113.2", "success")))
        scores.append(these.score[-1] - these.score[-2])

    assert scores == sorted(scores) != [scores[0]] * 3


def test_a_refused_sign_in_teaches_nothing() -> None:
    """However often it is tried."""
    home = [("ada", "203.0.113.1", "success"), ("bob", "203.0.113.2", "success")] * 5
    tried = [("ada", "203.0.113.2", "failure")] * 5
    calm, tried_often = (logins(sign_ins(*home, *more, ("ada", "203.0.113.2", "success"))) for more in ([], tried))

    assert (calm.score[-1], calm.before[-1]) == (tried_often.score[-1], tried_often.before[-1])


def test_what_is_fed_lies_in_the_past_and_is_the_share_it_says() -> None:
    """One in twenty of a victim's events before the test, of its own intruder's acts, allowed."""
    seconds = np.arange(200) * 60.0
    of = outcomes_of(np.zeros(200, np.int64), np.arange(200) >= 195, seconds)
    events = conform(
        pa.table(
            {"time": pa.array(of.time, pa.timestamp("us", tz="UTC")), "action.name": [f"a{n}" for n in range(200)]}
        )
    )
    tested = case_of(of)
    data = Dataset(World(events, benign_labels(events)), tested.matrix, unmeasured(), made_up().split, of, tested.kind)

    table = fed(data, np.arange(200), int(of.time[190]), 1)

    times, names = table["time"].cast(pa.int64()).to_numpy(), set(table["action.name"].to_pylist())
    assert (table.num_rows, bool((times < of.time[190]).all()), names <= {f"a{n}" for n in range(195, 200)}) == (
        round(SHARE / (1 - SHARE) * 190),
        True,
        True,
    )


def test_every_way_is_measured_in_every_world(monkeypatch: pytest.MonkeyPatch, data: Dataset) -> None:
    """And beside them a fixed lifetime and an oracle; no hazard rises, and about as many are compromised as was said."""
    monkeypatch.setattr(design_comparison, "simulate", lambda seed, parameters: None)
    monkeypatch.setattr(design_comparison, "prepare", lambda world, seed: data)
    monkeypatch.setattr(design_comparison, "oracle", lambda world, of: lambda these: these.gap)
    monkeypatch.setattr(design_comparison, "RECIPES", RECIPES)
    told: list[float] = []

    rows = list(compare(1, 900, 42, 1, lambda what, share: told.append(share)))

    pair = rows[0]
    assert ([row.design for row in rows], told == sorted(told)) == ([*DESIGNS, "fixed lifetime", "oracle"], True)
    assert (pair.rising, 0.5 < pair.predicted[2] < 2.0, pair.future_precision > 1 / 12) == (0.0, True, True)
