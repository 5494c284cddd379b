"""More examples come from the lives that are fitted alone, are new, and leave the odds as they were."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from training import prepare, simulate
from training.data.labels import World
from training.data.targets import prediction_targets
from training.data.verdicts import VERDICT_SOURCE
from training.pipeline import augmentation as module
from training.pipeline.augmentation import NOTHING, Augmentation, again, surprises
from training.pipeline.dataset import Dataset


@pytest.fixture(scope="module")
def data() -> Dataset:
    return prepare(simulate(4, identities=240, days=30), 4)


@pytest.fixture(scope="module")
def more(data: Dataset) -> Augmentation:
    return _again(data, 2)


def _again(data: Dataset, times: int, seed: int = 4) -> Augmentation:
    return again(data.world, data.targets, data.rows(data.split.fit), data.population, times, seed, None)


def test_there_are_more_of_both_kinds_and_the_odds_stay(data: Dataset, more: Augmentation) -> None:
    """Abuse and surprises count for as much as before in all, and what is ordinary as it did."""
    rows = data.rows(data.split.fit)
    own, surprised = data.examples(rows), surprises(data.world, data.targets)[rows]
    both = data.beside(rows, more)
    of_surprises = np.append(surprised, ~more.malicious)

    assert more.malicious.sum() > own.target.sum() and (~more.malicious).sum() > surprised.sum()
    assert both.weight[both.target].sum() == pytest.approx(own.target.sum())
    assert both.weight[of_surprises].sum() == pytest.approx(surprised.sum())
    assert (both.weight[~both.target & ~of_surprises] == 1.0).all()
    assert both.inputs(np.array([0, len(rows), 1])).tobytes() == (
        np.stack([data.matrix[rows[0]], more.matrix[0], data.matrix[rows[1]]]).tobytes()
    )


def test_they_are_features_of_surprises_and_of_abuse_and_none_twice(data: Dataset, more: Augmentation) -> None:
    """Not the rows there were, nor one row again."""
    known = {row.tobytes() for row in data.matrix}
    made = [row.tobytes() for row in more.matrix]

    assert more.malicious.any() and (~more.malicious).any()
    assert len(set(made)) > 0.95 * len(made) and not known & set(made)


def test_nobody_elses_life_and_nothing_later_plays_a_part(data: Dataset, more: Augmentation) -> None:
    """Without the others, and without what follows, the examples are the same to the last bit."""
    of, rows = data.targets, data.rows(data.split.fit)
    fitted = np.isin(of.identity, np.unique(of.identity[rows])) & (of.time <= of.time[rows].max())
    kept = pa.array(np.flatnonzero(fitted))
    alone = World(data.world.events.take(kept), data.world.labels.take(kept))
    theirs = np.searchsorted(np.flatnonzero(fitted), rows)

    found = again(alone, prediction_targets(alone), theirs, data.population, 2, 4, None)

    assert found.matrix.tobytes() == more.matrix.tobytes() and found.malicious.tolist() == more.malicious.tolist()


def test_they_are_the_same_by_one_process_and_by_several(data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many share the lives among them; another seed gives others."""
    monkeypatch.setattr(module, "TOGETHER", 5_000)
    several = _again(data, 1)
    monkeypatch.setattr(module, "cores", lambda: 1)

    assert _again(data, 1).matrix.tobytes() == several.matrix.tobytes()
    assert _again(data, 1, seed=5).matrix.tobytes() != several.matrix.tobytes()


def test_what_happened_to_somebody_is_not_made_again(data: Dataset) -> None:
    """Abuse that was seen and not simulated, no abuse, or none asked for: nothing is added, and each counts for one."""
    column = data.world.labels.column_names.index("label_source")
    seen = data.world.labels.set_column(column, "label_source", pa.array(["yours"] * len(data.world.labels)))
    harmless = replace(data, targets=replace(data.targets, malicious=np.zeros(len(data.targets.malicious), bool)))

    own = data.examples(data.rows(data.split.fit))
    for nothing in (
        _again(replace(data, world=World(data.world.events, seen)), 2),
        _again(harmless, 2),
        _again(data, 0),
    ):
        assert nothing is NOTHING
        assert nothing.beside(own, own.target, ~own.target).weight.tolist() == own.weight.tolist()


def test_a_verdict_among_simulated_abuse_counts_as_verdicts_do(data: Dataset, more: Augmentation) -> None:
    """Two acts of one identity that an investigator told of count together for one; the rest is made again."""
    rows = data.rows(data.split.fit)
    abuse = rows[data.targets.malicious[rows]]
    said = abuse[data.targets.identity[abuse] == data.targets.identity[abuse[0]]][:2]
    labels, column = data.world.labels, data.world.labels.column_names.index("label_source")
    sources = labels["label_source"].to_numpy().copy()
    sources[said] = VERDICT_SOURCE
    told = replace(data, world=World(data.world.events, labels.set_column(column, "label_source", [sources])))

    both, place = told.beside(rows, more), np.searchsorted(rows, said)

    assert len(said) == 2 and both.weight[place].tolist() == [0.5, 0.5]
    simulated = both.target & ~np.isin(np.arange(len(both.target)), place)
    assert both.weight[simulated].sum() == pytest.approx(len(abuse) - 2)
    assert len(_again(told, 1).malicious) > 0
