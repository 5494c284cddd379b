"""The dataset: labelled events with their features, split and prediction targets. Everything later reads from it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pyarrow as pa

from features.arrays import Array
from features.catalogue.all import FEATURES
from features.engine.batch import replay, replay_rows
from features.event.numpy_row import rows_of
from features.history.population import measure_population
from features.model.bundle import TrustModel
from training.data.labels import World
from training.data.split import TRAINING_SHARES, Shares, Split, split_rows
from training.data.targets import PredictionTargets, prediction_targets
from training.data.verdicts import has_verdict, verdict_weights
from training.metrics.evaluation import TestSet
from training.model.fit import Examples, row_examples, thin_negatives
from training.model.recipe import Recipe
from training.parallel import release_memory
from training.pipeline.agent_runs import agent_calls
from training.pipeline.augmentation import Augmentation, hard_negatives, simulated_abuse
from training.pipeline.cold_copies import ColdCopies, copy_sessions
from training.progress import CountCallback
from training.scenarios.attacks.registry import SCENARIOS

EVENTS_PER_BATCH = 250_000
"""Events, about, whose rows are in memory at a time."""
HELD_OUT_SCENARIOS = frozenset(scenario.name for scenario in SCENARIOS if scenario.held_out)
"""Scenarios that appear in the test alone."""


@dataclass(frozen=True)
class Dataset:
    """Labelled events, their features, their split and their prediction targets; n rows."""

    world: World
    matrix: Array
    """Features, shape (n, features)."""
    population: Array
    """The population snapshot the features were computed with."""
    split: Split
    targets: PredictionTargets
    identity_type: Array
    """Shape (n,)."""
    world_starts: tuple[int, ...] = ()
    """Numbers of the rows at which the second and later worlds begin, where the dataset joins several."""

    def rows(self, part: Array, *, held_out: bool = False) -> Array:
        """Numbers of a part's rows with a known label; without held-out scenarios unless asked for."""
        usable = part & self.targets.known
        return np.flatnonzero(usable if held_out else usable & ~self.held_out)

    def examples(self, rows: Array) -> Examples:
        """Examples of the now-model. Rows labelled by investigators have a bounded weight for each identity."""
        examples = row_examples(self.matrix, rows, self.targets.malicious[rows])
        return examples.weighted(verdict_weights(self.investigated[rows], self.targets.identity[rows]))

    def augmented_examples(self, rows: Array, augmentation: Augmentation) -> Examples:
        """The same followed by an augmentation."""
        abuse, negatives = simulated_abuse(self.world, self.targets), hard_negatives(self.world, self.targets)
        return augmentation.append_to(self.examples(rows), abuse[rows], negatives[rows])

    def cold_copies(self, rows: Array, share: float, seed: int) -> ColdCopies:
        """Every attacked session of the rows, and a share of the others, as the first thing seen of an identity."""
        return copy_sessions(self.world, self.targets, rows, self.population, share, seed)

    def with_agent_calls(self, examples: Examples, rows: Array, share: float, seed: int) -> Examples:
        """Examples of which the first are those of `rows`, followed by agents' calls with arguments and outputs."""
        if not share:
            return examples
        agents = np.zeros(len(examples.target), bool)
        agents[: len(rows)] = self.identity_type[rows] == "agent"
        return agent_calls(self.population, seed).append_to(examples, agents, share)

    def baseline_rows(self, recipe: Recipe, seed: int) -> Array:
        """Numbers of the rows that baselines are fitted on: all malicious ones, and an even share of the others."""
        fitting = self.rows(self.split.fit)
        return fitting[thin_negatives(self.examples(fitting), recipe, seed)[0]]

    @cached_property
    def held_out(self) -> Array:
        """By row: whether it belongs to a held-out scenario."""
        return np.isin(self.targets.scenario, list(HELD_OUT_SCENARIOS))

    @cached_property
    def investigated(self) -> Array:
        """By row: whether its label comes from an investigator."""
        return has_verdict(self.world)

    @cached_property
    def succeeded(self) -> Array:
        """By row: whether its action succeeded."""
        succeeded: Array = self.world.events["action.outcome"].fill_null("").to_numpy() == "success"
        return succeeded

    @property
    def test_set(self) -> TestSet:
        """The test, held-out scenarios included."""
        rows = self.rows(self.split.test, held_out=True)
        return TestSet(rows, self.matrix[rows], self.targets, self.succeeded, self.identity_type, self.split.end)

    def test_set_for(self, model: TrustModel) -> TestSet:
        """The test with features computed from a model's own population snapshot."""
        test_set = self.test_set
        if model.population.tobytes() == self.population.tobytes():
            return test_set
        tested = np.isin(self.targets.identity, np.unique(test_set.identity))
        matrix = replay(self.world.events.filter(pa.array(tested)), model.population)
        return replace(test_set, matrix=matrix[np.cumsum(tested)[test_set.rows] - 1])


def prepare(
    world: World,
    seed: int,
    progress: CountCallback | None = None,
    *,
    population: Array | None = None,
    parts: Shares = TRAINING_SHARES,
    world_starts: tuple[int, ...] = (),
) -> Dataset:
    """Split labelled events, measure the population before the first fitted one, and compute all features.

    To evaluate an existing model, pass its `population`. Columns that events or labels lack are unknown. Raises
    ValueError naming a column that cannot be read.
    """
    world = world.conformed()
    masks, targets = split_rows(world.events, seed, parts), prediction_targets(world)
    if population is None:
        benign = masks.population & targets.known & ~targets.malicious
        population = measure_population(world.events.filter(pa.array(benign)))
    matrix = _replay_features(world.events, population, targets.identity, progress)
    types = world.events["identity.type"].combine_chunks().dictionary_encode()
    # one string object for each type, not for each row
    identity_type = np.array(types.dictionary.to_pylist(), object)[types.indices.to_numpy()]
    return Dataset(world, matrix, population, masks, targets, identity_type, world_starts)


def _replay_features(events: pa.Table, population: Array, identity: Array, progress: CountCallback | None) -> Array:
    """All features, shape (n, features), some identities at a time: rows take as much memory as their features."""
    matrix = np.empty((len(events), len(FEATURES)))
    groups = -(-len(events) // EVENTS_PER_BATCH)
    for group in range(groups):
        rows = np.flatnonzero(identity % groups == group)
        matrix[rows] = replay_rows(rows_of(events.take(pa.array(rows))), population)
        if progress:
            progress(group + 1, groups)
    release_memory()
    return matrix
