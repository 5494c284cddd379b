"""A labelled world with its features, its split and what became of every row: what everything after it reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pyarrow as pa

from features.arrays import Array
from features.catalogue.all import FEATURES
from features.engine.batch import replay, replay_rows
from features.event.numpy_row import rows_of
from features.history.population import measure
from features.model.bundle import TrustModel
from training.data.labels import World
from training.data.split import TRAINING_SHARES, Shares, Split, split_rows
from training.data.targets import PredictionTargets, prediction_targets
from training.data.verdicts import has_verdict, verdict_weights
from training.metrics.evaluation import TestSet
from training.model.fit import Examples, Recipe, examples, thinned
from training.parallel import give_back
from training.pipeline.augmentation import Augmentation, abuse, surprises
from training.scenarios.attacks.registry import SCENARIOS

TOGETHER = 250_000
"""Events, more or less, whose rows are in memory at a time."""


HELD_OUT = frozenset(scenario.name for scenario in SCENARIOS if scenario.held_out)
"""Scenarios kept from everything but the test."""


@dataclass(frozen=True)
class Dataset:
    """A world, its features, its split and what became of every row."""

    world: World
    matrix: Array
    population: Array
    split: Split
    targets: PredictionTargets
    kind: Array
    worlds: tuple[int, ...] = ()
    """Numbers of the rows at which another world begins, where there are several."""

    def rows(self, part: Array, *, held_out: bool = False) -> Array:
        """Numbers of a part's rows of which it is known who acted; held-out abuse only for the test."""
        usable = part & self.targets.known
        return np.flatnonzero(usable if held_out else usable & ~self.held_out)

    def examples(self, rows: Array) -> Examples:
        """Rows by number, each with whether an intruder acted; what investigators said counts as verdicts may."""
        own = examples(self.matrix, rows, self.targets.malicious[rows])
        return own.counting(verdict_weights(self.told[rows], self.targets.identity[rows]))

    def beside(self, rows: Array, more: Augmentation) -> Examples:
        """The same, and after them more of the kinds that were made again."""
        abuse_, surprises_ = abuse(self.world, self.targets)[rows], surprises(self.world, self.targets)[rows]
        return more.beside(self.examples(rows), abuse_, surprises_)

    def thinned(self, recipe: Recipe, seed: int) -> Array:
        """Numbers of the rows that a baseline is fitted on: all malicious ones, and an even share of the others."""
        fitting = self.rows(self.split.fit)
        return fitting[thinned(self.examples(fitting), recipe, seed)[0]]

    @cached_property
    def held_out(self) -> Array:
        """By row: whether it is of abuse that is kept for the test."""
        return np.isin(self.targets.scenario, list(HELD_OUT))

    @cached_property
    def told(self) -> Array:
        """By row: whether an investigator said who acted."""
        return has_verdict(self.world)

    @cached_property
    def succeeded(self) -> Array:
        """By row: whether what was tried came to pass."""
        succeeded: Array = self.world.events["action.outcome"].fill_null("").to_numpy() == "success"
        return succeeded

    @property
    def test_set(self) -> TestSet:
        """The test."""
        rows = self.rows(self.split.test, held_out=True)
        return TestSet(rows, self.matrix[rows], self.targets, self.succeeded, self.kind, self.split.end)

    def seen_by(self, model: TrustModel) -> TestSet:
        """The test as another model sees it: with features read against the population it was made with."""
        tested = self.test_set
        if model.population.tobytes() == self.population.tobytes():
            return tested
        theirs = np.isin(self.targets.identity, np.unique(self.targets.identity[tested.rows]))
        matrix = replay(self.world.events.filter(pa.array(theirs)), model.population)
        return replace(tested, matrix=matrix[np.cumsum(theirs)[tested.rows] - 1])


def prepare(
    world: World,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
    *,
    population: Array | None = None,
    parts: Shares = TRAINING_SHARES,
    worlds: tuple[int, ...] = (),
) -> Dataset:
    """Split, measure the population on benign events before the first fitted one, and compute all features.

    To judge a model that is there already, give the population it was made with. Columns the events or labels lack are
    unknown. Raises ValueError naming a column that cannot be read.
    """
    world = world.conformed()
    masks, of = split_rows(world.events, seed, parts), prediction_targets(world)
    benign = masks.population & of.known & ~of.malicious
    population = measure(world.events.filter(pa.array(benign))) if population is None else population
    matrix = _features(world.events, population, of.identity, progress)
    types = world.events["identity.type"].combine_chunks().dictionary_encode()
    kind = np.array(types.dictionary.to_pylist(), object)[types.indices.to_numpy()]  # one text a type, not one a row
    return Dataset(world, matrix, population, masks, of, kind, worlds)


def _features(
    events: pa.Table, population: Array, identity: Array, progress: Callable[[int, int], None] | None
) -> Array:
    """All features, shape (n, F): of some identities at a time, since rows take as much memory as their features."""
    matrix = np.empty((len(events), len(FEATURES)))
    groups = -(-len(events) // TOGETHER)
    for group in range(groups):
        theirs = np.flatnonzero(identity % groups == group)
        matrix[theirs] = replay_rows(rows_of(events.take(pa.array(theirs))), population)
        if progress:
            progress(group + 1, groups)
    give_back()
    return matrix
