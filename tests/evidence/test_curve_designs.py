"""Studies: designs of a decay curve, the published login baseline, and poisoning of histories."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from support.synthetic_dataset import make_dataset, make_targets, make_test_set

from features.arrays import Array
from features.event.arrow import conform
from features.history.population import empty_population
from training.data.labels import World, benign_labels
from training.evaluation.studies import design_comparison
from training.evaluation.studies.curve_designs import DESIGNS, Curves
from training.evaluation.studies.design_comparison import DesignResult, compare_designs, comparison_tables
from training.evaluation.studies.login_baseline import score_logins
from training.evaluation.studies.poisoning import POISON_SHARE, attack_rows
from training.model.recipe import Recipe
from training.pipeline.dataset import Dataset
from training.pipeline.deployments import DeploymentPopulations
from training.promotion.checks import count_rising
from training.simulation.parameters import draw_parameters

RECIPES = (Recipe(trees=6, smallest_leaf=5), Recipe(trees=3, leaves=4, smallest_leaf=5))


@pytest.fixture(scope="module")
def data() -> Dataset:
    return make_dataset()


@pytest.mark.parametrize("name", DESIGNS)
def test_every_design_gives_probabilities_for_every_test_row(name: str, data: Dataset) -> None:
    """Five points of trust and four of loss for each row, all between 0 and 1."""
    curves = DESIGNS[name](data, RECIPES, 1)
    rows = len(data.rows(data.split.test))

    assert curves.trust.shape == (rows, 5)
    assert curves.compromised_by.shape == (rows, 4)
    for values in (curves.trust, curves.compromised_by):
        assert ((values >= 0.0) & (values <= 1.0)).all()


@pytest.mark.parametrize("name", ["now and hazard", "one hazard model", "now and exponential"])
def test_designs_with_hazards_cannot_rise(name: str, data: Dataset) -> None:
    """Survival only shrinks, whatever the hazards are."""
    assert count_rising(DESIGNS[name](data, RECIPES, 1).trust) == 0


@pytest.mark.parametrize("name", DESIGNS)
def test_every_design_is_calibrated(name: str, data: Dataset) -> None:
    """Predicted malicious requests match actual ones, within what chance does to some hundred."""
    malicious = data.targets.malicious[data.rows(data.split.test)].sum()

    predicted = _risk_now(DESIGNS[name](data, RECIPES, 1)).sum()

    assert 0.6 < predicted / malicious < 1.6


def _risk_now(curves: Curves) -> Array:
    return 1.0 - curves.trust[:, 0]


def test_drawn_parameters_differ_by_seed_and_repeat_for_one() -> None:
    """Shares are drawn anew for each seed, and stay shares; the size is as given."""
    first, repeated, other = (draw_parameters(seed, 900, 42) for seed in (1, 1, 2))

    assert first == repeated
    assert first != other
    assert (first.identities, first.days) == (900, 42)
    assert 0 < first.compromised_sessions < 0.1


def test_the_comparison_shows_means_over_worlds() -> None:
    """Means stand with the lowest and highest value, and with a dash where nothing was measured."""
    unknown = (float("nan"),) * 4
    results = [DesignResult(world, "pair", 0.1 * world, 0.0, 0.5, unknown) for world in (1, 3)]

    means, by_world = comparison_tables(results)

    assert means.rows[0][:3] == ("pair", "0.2 [0.1, 0.3]", "0 [0, 0]")
    assert means.rows[0][-1] == "-"
    assert len(by_world.rows) == 2


def test_every_design_is_measured_on_every_dataset(monkeypatch: pytest.MonkeyPatch, data: Dataset) -> None:
    """Each dataset also gets a fixed lifetime and an oracle; the pair's curves do not rise, and are calibrated."""
    # The oracle reads the simulation's choice of victims, which a synthetic dataset does not have.
    monkeypatch.setattr(design_comparison, "oracle_scorer", lambda world, targets: lambda pairs: pairs.gap)
    shares: list[float] = []

    results = list(compare_designs(iter([data]), 1, 1, lambda stage, share: shares.append(share), RECIPES))

    pair = results[0]
    assert [result.design for result in results] == [*DESIGNS, "fixed lifetime", "oracle"]
    assert shares == sorted(shares)
    assert pair.rising == 0.0
    assert 0.5 < pair.predicted[2] < 2.0
    assert pair.future_precision > 1 / 12


def logins_of(*rows: tuple[str, str, str]) -> World:
    """Logins an hour apart, each as (identity, address, outcome)."""
    start = datetime(2026, 1, 5, tzinfo=UTC)
    columns: dict[str, Any] = {
        "time": [start + timedelta(hours=number) for number in range(len(rows))],
        "identity.id": [identity for identity, _, _ in rows],
        "action.category": ["authenticate"] * len(rows),
        "action.outcome": [outcome for _, _, outcome in rows],
        "network.ip": [address for _, address, _ in rows],
    }
    events = conform(pa.table(columns))
    return World(events, benign_labels(events))


def test_an_unknown_address_scores_higher_the_longer_the_history() -> None:
    """As published: the more is known of a user, the more another's address stands out against the own one."""
    usual = [("ada", "203.0.113.1", "success"), ("bob", "203.0.113.2", "success")]
    differences = []
    for count in (2, 12, 39):
        last = [("ada", "203.0.113.1", "success"), ("ada", "203.0.113.2", "success")]
        score = score_logins(logins_of(*usual * count, *last)).score
        differences.append(score[-1] - score[-2])

    assert differences == sorted(differences)
    assert len(set(differences)) > 1


def test_refused_logins_teach_nothing() -> None:
    """A login scores the same however often it was refused before."""
    usual = [("ada", "203.0.113.1", "success"), ("bob", "203.0.113.2", "success")] * 5
    refused = [("ada", "203.0.113.2", "failure")] * 5
    last = ("ada", "203.0.113.2", "success")

    without, after_refusals = (score_logins(logins_of(*usual, *tries, last)) for tries in ([], refused))

    assert without.score[-1] == after_refusals.score[-1]
    assert without.before[-1] == after_refusals.before[-1]


def test_attack_rows_lie_in_the_past_and_are_the_documented_share() -> None:
    """One in twenty events of a victim before the test, copied from its own attacker's requests."""
    targets = make_targets(np.zeros(200, np.int64), np.arange(200) >= 195, np.arange(200) * 60.0)
    time = pa.array(targets.time, pa.timestamp("us", tz="UTC"))
    events = conform(pa.table({"time": time, "action.name": [f"a{number}" for number in range(200)]}))
    test_set, split = make_test_set(targets), make_dataset().split
    world = World(events, benign_labels(events))
    data = Dataset(
        world,
        test_set.matrix,
        DeploymentPopulations.one_log(empty_population()),
        split,
        targets,
        test_set.identity_type,
    )

    table, _ = attack_rows(data, np.arange(200), int(targets.time[190]), 1)

    assert table.num_rows == round(POISON_SHARE / (1 - POISON_SHARE) * 190)
    assert (table["time"].cast(pa.int64()).to_numpy() < targets.time[190]).all()
    assert set(table["action.name"].to_pylist()) <= {f"a{number}" for number in range(195, 200)}
