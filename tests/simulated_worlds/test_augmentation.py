"""Augmentation: more examples from the fitted identities' histories, with the class balance unchanged."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from training import prepare, simulate
from training.data.labels import World
from training.data.targets import prediction_targets
from training.data.verdicts import VERDICT_SOURCE
from training.pipeline.augmentation import NO_AUGMENTATION, Augmentation, augment_rows, hard_negatives, simulated_abuse
from training.pipeline.dataset import Dataset


@pytest.fixture(scope="module")
def data() -> Dataset:
    return prepare(simulate(4, identities=240, days=30), 4)


@pytest.fixture(scope="module")
def augmentation(data: Dataset) -> Augmentation:
    return augment(data, 2)


def augment(data: Dataset, times: int, seed: int = 4) -> Augmentation:
    rows = data.rows(data.split.fit)
    return augment_rows(data.world, data.targets, rows, data.populations, times, seed)


def relabelled(world: World, source: object) -> World:
    """The world with another `label_source`, one for all rows or one per row."""
    column = world.labels.column_names.index("label_source")
    return World(world.events, world.labels.set_column(column, "label_source", source))


def test_augmentation_adds_both_kinds_and_keeps_their_weight(data: Dataset, augmentation: Augmentation) -> None:
    """There are more attacks and more hard negatives; each kind weighs as much in total as before, all else as much."""
    rows = data.rows(data.split.fit)
    own, hard_negative = data.examples(rows), hard_negatives(data.world, data.targets)[rows]
    combined = data.augmented_examples(rows, augmentation)
    is_hard_negative = np.append(hard_negative, ~augmentation.malicious)

    assert augmentation.malicious.sum() > simulated_abuse(data.world, data.targets)[rows].sum()
    assert (~augmentation.malicious).sum() > hard_negative.sum()
    assert combined.weight[combined.target].sum() == pytest.approx(own.weight[own.target].sum())
    assert combined.weight[is_hard_negative].sum() == pytest.approx(hard_negative.sum())
    assert (combined.weight[~combined.target & ~is_hard_negative] == 1.0).all()


def test_augmented_examples_follow_the_own_ones(data: Dataset, augmentation: Augmentation) -> None:
    """Inputs are numbered with the dataset's own rows first."""
    rows = data.rows(data.split.fit)
    inputs = data.augmented_examples(rows, augmentation).inputs(np.array([0, len(rows), 1]))

    expected = np.stack([data.matrix[rows[0]], augmentation.matrix[0], data.matrix[rows[1]]])
    assert inputs.tobytes() == expected.tobytes()


def test_augmented_examples_are_new(data: Dataset, augmentation: Augmentation) -> None:
    """Neither rows of the dataset nor, but for a few, repetitions of one another."""
    own = {row.tobytes() for row in data.matrix}
    added = [row.tobytes() for row in augmentation.matrix]

    assert augmentation.malicious.any()
    assert (~augmentation.malicious).any()
    assert len(set(added)) > 0.95 * len(added)
    assert not own & set(added)


def test_only_fitted_identities_and_earlier_rows_matter(data: Dataset, augmentation: Augmentation) -> None:
    """Without all other identities and all later rows, the examples are the same to the last bit."""
    targets, rows = data.targets, data.rows(data.split.fit)
    fitted = np.isin(targets.identity, np.unique(targets.identity[rows])) & (targets.time <= targets.time[rows].max())
    kept = pa.array(np.flatnonzero(fitted))
    world = World(data.world.events.take(kept), data.world.labels.take(kept))
    kept_rows = np.searchsorted(np.flatnonzero(fitted), rows)

    alone = augment_rows(world, prediction_targets(world), kept_rows, data.populations, 2, 4)

    assert alone.matrix.tobytes() == augmentation.matrix.tobytes()
    assert alone.malicious.tolist() == augmentation.malicious.tolist()


def test_augmentation_does_not_depend_on_the_number_of_processes(data: Dataset) -> None:
    """One process and several give the same examples; another seed gives others."""
    rows = data.rows(data.split.fit)

    one, several, other = (
        augment_rows(
            data.world, data.targets, rows, data.populations, 1, seed, events_per_batch=5_000, processes=processes
        )
        for seed, processes in ((4, 1), (4, 2), (5, 1))
    )

    assert one.matrix.tobytes() == several.matrix.tobytes()
    assert one.matrix.tobytes() != other.matrix.tobytes()


@pytest.mark.parametrize("case", ["attacks that were observed", "no attacks", "no repetitions"])
def test_without_simulated_attacks_nothing_is_added(data: Dataset, case: str) -> None:
    """Attacks that really happened are not repeated, and the own examples keep their weights."""
    if case == "attacks that were observed":
        data = replace(data, world=relabelled(data.world, pa.array(["yours"] * len(data.world.labels))))
    if case == "no attacks":
        data = replace(data, targets=replace(data.targets, malicious=np.zeros(len(data.targets.malicious), bool)))
    own = data.examples(data.rows(data.split.fit))

    augmentation = augment(data, 0 if case == "no repetitions" else 2)

    assert augmentation is NO_AUGMENTATION
    assert augmentation.append_to(own, own.target, ~own.target).weight.tolist() == own.weight.tolist()


def test_verdicts_keep_their_weight_beside_augmentation(data: Dataset, augmentation: Augmentation) -> None:
    """Two verdicts on one identity count together for one example; only simulated attacks are repeated."""
    rows = data.rows(data.split.fit)
    malicious = rows[data.targets.malicious[rows]]
    attacked = int(np.bincount(data.targets.identity[malicious]).argmax())
    with_verdict = malicious[data.targets.identity[malicious] == attacked][:2]
    sources = data.world.labels["label_source"].to_numpy().copy()
    sources[with_verdict] = VERDICT_SOURCE
    data = replace(data, world=relabelled(data.world, [sources]))

    combined, places = data.augmented_examples(rows, augmentation), np.searchsorted(rows, with_verdict)

    assert len(with_verdict) == 2
    own = data.examples(rows)
    assert combined.weight[places].tolist() == own.weight[places].tolist()
    assert own.weight[places].sum() <= 1.0
    assert combined.weight[combined.target].sum() == pytest.approx(own.weight[own.target].sum())
    assert len(augment(data, 1).malicious) > 0
