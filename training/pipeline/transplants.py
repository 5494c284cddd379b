"""Masquerades among the fitted identities, as further examples of the now-model.

They are made of fitted histories alone: never of those that test or calibrate, whose odds stay what they are. Each is
weighted, so that what is only somebody else's ordinary work does not outweigh what attackers are known to do.
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
from training.data.labels import World
from training.data.targets import PredictionTargets
from training.model.fit import Examples, row_examples
from training.parallel import available_cores, map_in_processes
from training.pipeline.deployments import DeploymentPopulations, batch_identities
from training.scenarios.masquerade import move_sessions

EVENTS_PER_BATCH = 150_000
"""Events, about, whose histories are in memory at a time."""
WEIGHT = 0.5
"""How much a moved event counts, as a share of a malicious request of the data."""


@dataclass(frozen=True)
class Transplants:
    """Moved events."""

    matrix: Array
    """Their features, shape (n, features)."""
    source: Array
    """The row that each is a copy of, shape (n,)."""
    outside: float
    """Share of the masquerades whose donor is outside the population."""

    def append_to(self, examples: Examples) -> Examples:
        """The given examples followed by these."""
        count = len(self.matrix)
        moved = row_examples(self.matrix, np.arange(count), np.ones(count, bool))
        return examples.followed_by(moved.weighted(np.full(count, WEIGHT)))


NO_TRANSPLANTS = Transplants(np.empty((0, len(FEATURES))), np.empty(0, np.int64), float("nan"))


@dataclass(frozen=True)
class _Batch:
    """Fitted histories of some identities."""

    world: World
    inside: Array
    populations: DeploymentPopulations
    share: float
    begin: int
    """Moved events count from this moment on, in µs."""
    seed: int
    own: bool


def transplant(
    world: World,
    targets: PredictionTargets,
    rows: Array,
    in_window: Array,
    populations: DeploymentPopulations,
    share: float,
    seed: int,
    *,
    own: bool = False,
    processes: int | None = None,
) -> Transplants:
    """Move sessions into a share of those of some rows, given by number.

    `in_window` is a mask over all rows, of which the population was measured. With `own` every identity's own sessions
    are moved, as a control. The number of processes, by default the available cores, does not change the result.
    """
    if not share or not len(rows):
        return NO_TRANSPLANTS
    deployment = populations.number_rows(world)
    batches = list(_batch_rows(targets, rows, deployment))
    inside = np.isin(targets.identity, np.unique(targets.identity[in_window]))
    begin = int(targets.time[rows].min())
    made = (
        _Batch(
            _part(world, batch), inside[batch], populations.only(deployment[batch]), share, begin, seed + number, own
        )
        for number, batch in enumerate(batches)
    )
    parts = list(map_in_processes(_move, made, min(processes or available_cores(), max(1, len(batches)))))
    outside = np.concatenate([flags for _, _, flags in parts])
    source = np.concatenate([batch[numbers] for batch, (_, numbers, _) in zip(batches, parts, strict=True)])
    share_outside = float(outside.mean()) if len(outside) else np.nan
    return Transplants(np.concatenate([matrix for matrix, _, _ in parts]), source, share_outside)


def _batch_rows(targets: PredictionTargets, rows: Array, deployment: Array) -> Iterator[Array]:
    """Rows of the identities that `rows` belong to, up to the last of them, in order of time: some identities at
    a time, of few deployments."""
    fitted = np.isin(targets.identity, np.unique(targets.identity[rows]))
    history = np.flatnonzero(fitted & targets.known & (targets.time <= targets.time[rows].max()))
    history = history[np.argsort(targets.time[history], kind="stable")]
    batch = batch_identities(targets.identity, deployment, history, EVENTS_PER_BATCH)[targets.identity[history]]
    for number in np.unique(batch).tolist():
        yield history[batch == number]


def _part(world: World, rows: Array) -> World:
    chosen = pa.array(rows)
    return World(world.events.take(chosen), world.labels.take(chosen))


def _move(batch: _Batch) -> tuple[Array, Array, Array]:
    """Of the moved events after `batch.begin`: features and source, by row of the batch; and which masquerades have a
    donor from outside."""
    made = move_sessions(batch.world, batch.inside, batch.share, batch.seed, own=batch.own)
    victims = made.world.events.filter(pa.array(made.moved))["identity.id"].unique()
    touched = pc.is_in(made.world.events["identity.id"], value_set=victims)
    mask = touched.to_numpy(zero_copy_only=False)
    part = World(made.world.events.filter(touched), made.world.labels.filter(touched))
    rows = rows_of(part.events)
    kept = made.moved[mask] & (rows["time"] >= batch.begin)
    matrix = batch.populations.replay(rows, batch.populations.number_rows(part))
    return matrix[kept], made.source[kept[made.moved[mask]]], made.outside
