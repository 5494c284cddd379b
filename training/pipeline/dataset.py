"""The dataset: labelled events with their features, split and prediction targets. Everything later reads from it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pyarrow as pa

from features.arrays import Array
from features.catalogue.all import FEATURES
from features.event.numpy_row import rows_of
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
from training.pipeline.deployments import DeploymentPopulations, measure_deployments
from training.pipeline.transplants import Transplants, transplant
from training.progress import CountCallback
from training.scenarios.attacks.registry import SCENARIOS

EVENTS_PER_BATCH = 250_000
"""Events, about, whose rows are in memory at a time."""
LARGE = 2_000_000
"""Rows above which features are kept in single precision: five million rows would take six gigabytes. The booster cuts
half-way between values that lie far further apart."""
REQUESTS_PER_ATTACK = 10.0
"""Requests that one attacker's count for, at most."""
HELD_OUT_SCENARIOS = frozenset(scenario.name for scenario in SCENARIOS if scenario.held_out)
"""Scenarios that appear in the test alone."""


@dataclass(frozen=True)
class Dataset:
    """Labelled events, their features, their split and their prediction targets; n rows."""

    world: World
    matrix: Array
    """Features, shape (n, features); in single precision where there are more than LARGE rows."""
    populations: DeploymentPopulations
    """The population snapshots the features were computed with, each deployment's own."""
    split: Split
    targets: PredictionTargets
    identity_type: Array
    """Shape (n,)."""
    world_starts: tuple[int, ...] = ()
    """Numbers of the rows at which the second and later worlds begin, where the dataset joins several."""

    @property
    def population(self) -> Array:
        """The population of all deployments together, which a model brings along; shape (1,)."""
        return self.populations.prior

    def rows(self, part: Array, *, held_out: bool = False) -> Array:
        """Numbers of a part's rows with a known label; without held-out scenarios unless asked for."""
        usable = part & self.targets.known
        return np.flatnonzero(usable if held_out else usable & ~self.held_out)

    def examples(self, rows: Array) -> Examples:
        """Examples of the now-model. The verdicts on one identity have a bounded weight together, and so have the
        requests of one attacker: three hundred guesses at a password teach little more than ten."""
        examples = row_examples(self.matrix, rows, self.targets.malicious[rows])
        identity = self.targets.identity[rows]
        verdicts = verdict_weights(self.investigated[rows], identity)
        return examples.weighted(verdicts * attack_weights(self.targets.malicious[rows], identity))

    def augmented_examples(self, rows: Array, augmentation: Augmentation) -> Examples:
        """The same followed by an augmentation."""
        abuse, negatives = simulated_abuse(self.world, self.targets), hard_negatives(self.world, self.targets)
        return augmentation.append_to(self.examples(rows), abuse[rows], negatives[rows])

    def cold_copies(self, rows: Array, share: float, seed: int) -> ColdCopies:
        """Every attacked session of the rows, and a share of the others, as the first thing seen of an identity."""
        return copy_sessions(self.world, self.targets, rows, self.populations, share, seed)

    def with_agent_calls(self, examples: Examples, rows: Array, share: float, seed: int) -> Examples:
        """Examples of which the first are those of `rows`, followed by agents' calls with arguments and outputs."""
        if not share:
            return examples
        agents = np.zeros(len(examples.target), bool)
        agents[: len(rows)] = self.identity_type[rows] == "agent"
        return agent_calls(self.population, seed).append_to(examples, agents, share)

    def transplants(self, rows: Array, share: float, seed: int, *, own: bool = False) -> Transplants:
        """Masquerades: other identities' sessions moved into a share of those of the rows."""
        window = self.split.population & self.targets.known & ~self.targets.malicious
        return transplant(self.world, self.targets, rows, window, self.populations, share, seed, own=own)

    def baseline_rows(self, recipe: Recipe, seed: int) -> Array:
        """Numbers of the rows that baselines are fitted on: all malicious ones, and an even share of the others."""
        fitting = self.rows(self.split.fit)
        return fitting[thin_negatives(self.examples(fitting), recipe, seed)[0]]

    @cached_property
    def held_out(self) -> Array:
        """By row: whether it belongs to a held-out scenario."""
        return np.isin(self.targets.scenario, list(HELD_OUT_SCENARIOS))

    @cached_property
    def deployment(self) -> Array:
        """By row: the number of its deployment."""
        return self.populations.number_rows(self.world)

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
        matrix = self.matrix[rows].astype(np.float64, copy=False)
        return TestSet(rows, matrix, self.targets, self.succeeded, self.identity_type, self.split.end)

    def test_set_for(self, model: TrustModel) -> TestSet:
        """The test with features computed as in service: from a model's own population where the deployment has none
        of its own."""
        test_set, populations = self.test_set, self.populations_for(model)
        if populations.snapshots.tobytes() == self.populations.snapshots.tobytes():
            return test_set
        tested = np.isin(self.targets.identity, np.unique(test_set.identity))
        rows = rows_of(self.world.events.filter(pa.array(tested)))
        matrix = populations.replay(rows, self.deployment[tested])
        return replace(test_set, matrix=matrix[np.cumsum(tested)[test_set.rows] - 1])

    def populations_for(self, model: TrustModel) -> DeploymentPopulations:
        """The populations against which a model reads each deployment."""
        return self.populations.with_prior(model.population)


def prepare(
    world: World,
    seed: int,
    progress: CountCallback | None = None,
    *,
    population: Array | None = None,
    parts: Shares = TRAINING_SHARES,
    world_starts: tuple[int, ...] = (),
) -> Dataset:
    """Split labelled events, measure every deployment's population before the first fitted row, compute all features.

    To evaluate an existing model, pass its `population`, which is the prior: a log whose rows name no deployment is
    read against it alone. Columns that events or labels lack are unknown. Raises
    ValueError naming a column that cannot be read.
    """
    world = world.conformed()
    masks, targets = split_rows(world.events, seed, parts), prediction_targets(world)
    populations = measure_deployments(world, masks.population & targets.known & ~targets.malicious, population)
    matrix = _replay_features(world, populations, targets.identity, progress)
    types = world.events["identity.type"].combine_chunks().dictionary_encode()
    # one string object for each type, not for each row
    identity_type = np.array(types.dictionary.to_pylist(), object)[types.indices.to_numpy()]
    return Dataset(world, matrix, populations, masks, targets, identity_type, world_starts)


def attack_weights(malicious: Array, identity: Array) -> Array:
    """Sample weights, shape (n,): the malicious requests on one identity count together as at most REQUESTS_PER_ATTACK
    of them, all other rows as one each. An identity is a victim once."""
    count = np.bincount(identity[malicious], minlength=int(identity.max(initial=0)) + 1)
    weight: Array = np.where(malicious, np.minimum(1.0, REQUESTS_PER_ATTACK / np.maximum(count[identity], 1)), 1.0)
    return weight


def _replay_features(
    world: World, populations: DeploymentPopulations, identity: Array, progress: CountCallback | None
) -> Array:
    """All features, shape (n, features)."""
    precision = np.float32 if len(world.events) > LARGE else np.float64
    matrix = np.empty((len(world.events), len(FEATURES)), precision)
    batches = populations.replay_in_batches(world.events, populations.number_rows(world), identity, EVENTS_PER_BATCH)
    for rows, values, done in batches:
        matrix[rows] = values
        if progress:
            progress(round(100 * done), 100)
    release_memory()
    return matrix
