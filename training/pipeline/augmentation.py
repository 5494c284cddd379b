"""Data augmentation: inject more hard negatives and more abuse into the histories that are fitted.

What a model confuses at the top of its scores is rare on both sides: hard negatives and abuse. Benign requests there
are plenty of. So both kinds are injected again and again into the fitted histories, never into those that test or
calibrate, by the functions and at the rates that produced them at first. Each example's weight falls as its kind
grows, so the odds stay what they were. Only simulated abuse is repeated; a recorded incident happened once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.arrays import Array
from features.catalogue.all import FEATURES
from features.event.numpy_row import rows_of
from training.data.labels import SIMULATED, World
from training.data.targets import PredictionTargets
from training.model.fit import Examples, row_examples
from training.parallel import available_cores, map_in_processes
from training.pipeline.deployments import DeploymentPopulations, batch_identities
from training.progress import CountCallback
from training.scenarios.attacks.registry import SCENARIOS
from training.scenarios.guessing import GUESSING
from training.scenarios.injection import inject_abuse, inject_hard_negatives

EVENTS_PER_BATCH = 150_000
"""Events, about, whose histories are augmented at a time."""
TRAINED_SCENARIOS = tuple(scenario for scenario in SCENARIOS if not scenario.held_out)


@dataclass(frozen=True)
class Augmentation:
    """Injected requests."""

    matrix: Array
    """Their features, shape (n, features)."""
    malicious: Array
    """Shape (n,); the others are hard negatives."""
    scenario: Array
    """Name of the abuse, empty for hard negatives, shape (n,)."""
    identity_type: Array
    """Shape (n,)."""

    def part(self, mask: Array) -> Augmentation:
        """Some of the requests."""
        return Augmentation(*(values[mask] for values in vars(self).values()))

    def append_to(self, examples: Examples, abuse: Array, hard_negatives: Array) -> Examples:
        """The given examples followed by these, reweighted so that each kind counts in total for as much as before.

        `abuse` and `hard_negatives` are masks over the given examples.
        """
        injected = row_examples(self.matrix, np.arange(len(self.malicious)), self.malicious)
        weight, injected_weight = examples.weight.copy(), injected.weight.copy()
        for mask, injected_mask in ((abuse, self.malicious), (hard_negatives, ~self.malicious)):
            if injected_mask.any():
                shared = weight[mask].sum() / (weight[mask].sum() + injected_mask.sum())
                weight[mask] *= shared
                injected_weight[injected_mask] = shared
        return examples.weighted(weight).followed_by(injected.weighted(injected_weight))


NO_AUGMENTATION = Augmentation(
    np.empty((0, len(FEATURES))), np.empty(0, bool), np.empty(0, object), np.empty(0, object)
)


@dataclass(frozen=True)
class _Batch:
    """Histories of some identities up to the end of fitting, and what to inject into them."""

    world: World
    populations: DeploymentPopulations
    hard_negative_rate: float
    """Per session, as is `abuse_rate`."""
    abuse_rate: float
    begin: int
    """Injected requests count from this moment on, in µs."""
    seed: tuple[int, ...]


def augment_rows(
    world: World,
    targets: PredictionTargets,
    rows: Array,
    populations: DeploymentPopulations,
    times: int,
    seed: int,
    progress: CountCallback | None = None,
    *,
    events_per_batch: int = EVENTS_PER_BATCH,
    processes: int | None = None,
) -> Augmentation:
    """Inject abuse and hard negatives into the histories of some rows, given by number, `times` times over.

    Each time as many sessions are touched as in the data. Returns NO_AUGMENTATION when no simulated abuse is among the
    rows. The number of processes, by default the available cores, does not change the result.
    """
    if not times or not simulated_abuse(world, targets)[rows].any():
        return NO_AUGMENTATION
    end = targets.time[rows].max()
    fitted = np.isin(targets.identity, np.unique(targets.identity[rows]))
    history = fitted & (targets.time <= end) & targets.known & ~targets.malicious
    deployment = populations.number_rows(world)
    group = batch_identities(targets.identity, deployment, np.flatnonzero(history), events_per_batch)[targets.identity]
    groups = int(group[history].max()) + 1
    batches = _batches(world, targets, rows, populations, np.where(history, group, -1), times, seed)
    processes = min(processes or available_cores(), groups)
    parts = [NO_AUGMENTATION]
    for done, part in enumerate(map_in_processes(_inject, batches, processes), 1):
        parts.append(part)
        if progress:
            progress(done, groups * times)
    return Augmentation(*map(np.concatenate, zip(*(vars(part).values() for part in parts), strict=True)))


def _batches(
    world: World,
    targets: PredictionTargets,
    rows: Array,
    populations: DeploymentPopulations,
    group: Array,
    times: int,
    seed: int,
) -> Iterator[_Batch]:
    """A batch of identities at a time, because histories take much more memory as data frames. `group` is the batch of
    each row, -1 for those that are no history."""
    deployment = populations.number_rows(world)
    begin = int(targets.time[rows].min())
    sessions = max(len(np.unique(targets.session[rows[targets.in_session[rows]]])), 1)
    abuse_rate, hard_negative_rate = (
        len(np.unique(targets.session[rows[mask[rows]]])) / sessions
        for mask in (simulated_abuse(world, targets), hard_negatives(world, targets))
    )
    for number in np.unique(group[group >= 0]).tolist():
        chosen = np.flatnonzero(group == number)
        part = World(world.events.take(pa.array(chosen)), world.labels.take(pa.array(chosen)))
        own = populations.only(deployment[chosen])
        for repetition in range(times):
            yield _Batch(part, own, hard_negative_rate, abuse_rate, begin, (seed, number, repetition))


def _inject(batch: _Batch) -> Augmentation:
    """The injected requests after `batch.begin` whose label is known, with their features."""
    first, second = np.random.SeedSequence(batch.seed).generate_state(2).tolist()
    with_negatives = inject_hard_negatives(batch.world, rate=batch.hard_negative_rate, seed=first)
    augmented = inject_abuse(
        with_negatives.events,
        with_negatives.labels,
        rate=batch.abuse_rate,
        seed=second,
        scenarios=TRAINED_SCENARIOS,
    )
    count = len(batch.world.events)
    touched_identities = augmented.events.slice(count)["identity.id"].unique()
    touched = pc.is_in(augmented.events["identity.id"], value_set=touched_identities)
    injected = np.flatnonzero(touched.to_numpy(zero_copy_only=False)) >= count
    events, labels = augmented.events.filter(touched), augmented.labels.filter(touched)
    rows, compromised = rows_of(events), labels["compromised"]
    kept = injected & (rows["time"] >= batch.begin) & compromised.is_valid().to_numpy(zero_copy_only=False)
    return Augmentation(
        batch.populations.replay(rows, batch.populations.number_rows(World(events, labels))),
        compromised.fill_null(0).to_numpy() == 1,
        labels["scenario"].fill_null("").to_numpy(),
        events["identity.type"].to_numpy(),
    ).part(kept)


def simulated_abuse(world: World, targets: PredictionTargets) -> Array:
    """Which rows are simulated abuse other than guessing at sign-ins, shape (len(world.events),)."""
    guessing = np.isin(targets.scenario, GUESSING)
    rows: Array = targets.malicious & world.labelled_by(SIMULATED) & ~guessing
    return rows


def hard_negatives(world: World, targets: PredictionTargets) -> Array:
    """Which rows are hard negatives: legitimate, but unusual; shape (len(world.events),)."""
    rows: Array = world.labels["situation"].is_valid().to_numpy() & ~targets.malicious
    return rows
