"""Refits on the same split without some features, a scenario or an identity type; and tests for leaks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import average_precision_score, roc_auc_score

from features.arrays import Array
from features.catalogue.all import FEATURES
from training.metrics.bootstrap import Estimate
from training.metrics.evaluation import MAIN_BUDGET, TestSet
from training.metrics.session_recall import ScoredSessions, recall_by_group, session_weights
from training.model.fit import fit_now
from training.model.recipe import Recipe
from training.pipeline.augmentation import NO_AUGMENTATION, Augmentation
from training.pipeline.dataset import HELD_OUT_SCENARIOS, Dataset
from training.pipeline.train import augment, fit_unconstrained, shuffled_labels
from training.progress import ProgressCallback
from training.scenarios.attacks.registry import SCENARIOS

PERMUTATIONS = 5
ABLATION_TREES = 80
"""Trees of models that are compared only with each other: what a lack costs shows in the first ones."""
ABLATION_AUGMENTATION = 3
"""How many times at most the histories of such models are augmented."""
FeatureGroup = Callable[[str, str], bool]
"""Whether a feature, by name and module, belongs to the group."""
FEATURE_GROUPS: dict[str, FeatureGroup] = {
    "country": lambda name, module: "country" in name,
    "network": lambda name, module: module in ("network", "travel") or "network" in name or "asn" in name,
}


@dataclass(frozen=True)
class Ablation:
    """Recall at the main budget, by the full model and by one that lacks something."""

    name: str
    full: Estimate
    without: Estimate


@dataclass(frozen=True)
class RankingSkill:
    """How well scores rank malicious requests above the others.

    Malicious rows lie close together, so a model of noise gives all of them about the same score, high or low by
    chance. A victim with many malicious requests can then rank at the very top, and `times` is several times
    `by_victim`. A leak would lift `area` as well, in one draw as in another.
    """

    times: float
    """Average precision over prevalence."""
    by_victim: float
    """The same with every victim weighted equally."""
    area: float
    """Area under the ROC; chance is one half."""


@dataclass(frozen=True)
class Leaks:
    """Skill where nothing can be known, and what a test that knows its identities would seem to gain."""

    shuffled: tuple[RankingSkill, ...]
    """Labels in random order."""
    shuffled_by_identity: tuple[RankingSkill, ...]
    """Labels of whole identities given to others."""
    grouped: RankingSkill
    """Split by identity and time."""
    at_random: RankingSkill
    """Split at random."""


def run_ablations(data: Dataset, recipe: Recipe, seed: int, progress: ProgressCallback) -> list[Ablation]:
    """Leave out country and network features, then one scenario and one identity type at a time.

    What is left out is also missing from the augmentation.
    """
    recipe = light_recipe(recipe)
    progress("ablations: augmenting", 0.0)
    refits = _Refits(data, recipe, seed, augment(data, recipe, seed), data.test_set)
    progress("ablations: full model", 0.1)
    full = refits.sessions()
    weights = session_weights(full, seed)
    partial = []
    lacks = [*_feature_lacks(refits), *_row_lacks(refits)]
    for number, lack in enumerate(lacks):
        progress(f"ablations: {lack.name}", 0.2 + 0.8 * number / len(lacks))
        partial.append(lack.sessions())
    recalls = recall_by_group(full, MAIN_BUDGET, weights, {lack.name: lack.affected(full) for lack in lacks})
    ablations = []
    for lack, sessions in zip(lacks, partial, strict=True):
        without = recall_by_group(sessions, MAIN_BUDGET, weights, {"": lack.affected(sessions)})[""]
        ablations.append(Ablation(lack.name, recalls[lack.name], without))
    return ablations


@dataclass(frozen=True)
class _Refits:
    """What the compared models are fitted and tested on."""

    data: Dataset
    recipe: Recipe
    seed: int
    augmentation: Augmentation
    test_set: TestSet

    def sessions(self, rows: Array | None = None, augmented: Array | None = None) -> ScoredSessions:
        """The test's sessions by a model of some rows and some of the augmentation, given as masks."""
        augmentation = self.augmentation if augmented is None else self.augmentation.part(augmented)
        model = refit(self.data, self.recipe, self.seed, rows=rows, augmentation=augmentation)
        return self.test_set.sessions(model.decision_function(self.test_set.matrix))


@dataclass(frozen=True)
class _Lack:
    """Something to leave out, and the test's sessions by a model without it."""

    name: str
    sessions: Callable[[], ScoredSessions]
    scenario: str = ""
    identity_type: str = ""

    def affected(self, sessions: ScoredSessions) -> Array:
        """Which sessions it is about, shape (n,): all, a scenario's, or an identity type's."""
        mask: Array = np.ones(len(sessions.compromised), bool)
        if self.scenario:
            mask = sessions.scenario == self.scenario
        elif self.identity_type:
            mask = sessions.identity_type == self.identity_type
        return mask


def _feature_lacks(refits: _Refits) -> Iterator[_Lack]:
    for name, group in FEATURE_GROUPS.items():

        def sessions(group: FeatureGroup = group) -> ScoredSessions:
            score = fit_without_features(refits.data, refits.recipe, refits.seed, group, refits.augmentation)
            return refits.test_set.sessions(score)

        yield _Lack(f"{name} out", sessions)


def _row_lacks(refits: _Refits) -> Iterator[_Lack]:
    targets, augmentation, row_type = refits.data.targets, refits.augmentation, refits.data.identity_type
    tested = set(np.unique(targets.scenario[refits.test_set.rows]))

    def without(row_values: Array, augmented_values: Array, value: str) -> Callable[[], ScoredSessions]:
        return lambda: refits.sessions(row_values != value, augmented_values != value)

    for scenario in SCENARIOS:
        if scenario.name in tested and scenario.name not in HELD_OUT_SCENARIOS:
            sessions = without(targets.scenario, augmentation.scenario, scenario.name)
            yield _Lack(f"scenario {scenario.name} out", sessions, scenario=scenario.name)
    for identity_type in np.unique(row_type):
        sessions = without(row_type, augmentation.identity_type, identity_type)
        yield _Lack(f"identity type {identity_type} out", sessions, identity_type=str(identity_type))


def fit_without_features(
    data: Dataset, recipe: Recipe, seed: int, group: FeatureGroup, augmentation: Augmentation = NO_AUGMENTATION
) -> Array:
    """The test's margins by a model that never sees a group of features, shape (rows of the test,)."""
    columns = np.array([group(feature.name, feature.module) for feature in FEATURES])
    model = refit(data, recipe, seed, without=columns, augmentation=augmentation)
    matrix = data.test_set.matrix
    matrix[:, columns] = np.nan
    margins: Array = model.decision_function(matrix)
    return margins


def light_recipe(recipe: Recipe) -> Recipe:
    """The recipe with as few trees and as little augmentation as a comparison needs."""
    trees, augmentation = min(recipe.trees, ABLATION_TREES), min(recipe.augmentation, ABLATION_AUGMENTATION)
    return replace(recipe, trees=trees, augmentation=augmentation)


def refit(
    data: Dataset,
    recipe: Recipe,
    seed: int,
    *,
    rows: Array | None = None,
    without: Array | None = None,
    augmentation: Augmentation = NO_AUGMENTATION,
) -> HistGradientBoostingClassifier:
    """Fit a now-model on this dataset: on some rows, or without some features, given as masks."""
    fitting, stopping = (data.rows(part if rows is None else part & rows) for part in (data.split.fit, data.split.stop))
    examples, validation = data.augmented_examples(fitting, augmentation), data.examples(stopping)
    if without is not None:
        examples, validation = examples.without_columns(without), validation.without_columns(without)
    return fit_now(examples, validation, recipe, seed)


def measure_leaks(data: Dataset, recipe: Recipe, seed: int, progress: ProgressCallback) -> Leaks:
    """Three ways to catch a model or a test that knows what it should not.

    Models are fitted without constraints, because constraints carry knowledge of their own.
    """
    targets, fitting, testing = data.targets, data.rows(data.split.fit), data.test_set.rows
    malicious, identity = targets.malicious[fitting], targets.identity[fitting]
    progress("leaks: labels shuffled", 0.0)
    shuffled = [
        _skill_of(data, fitting, labels, testing, recipe, seed)
        for labels in shuffled_labels(malicious, seed, PERMUTATIONS)
    ]
    recipe = light_recipe(recipe)
    progress("leaks: labels of other identities", 0.4)
    others = [
        _skill_of(data, fitting, labels_of_others(identity, malicious, seed + number), testing, recipe, seed)
        for number in range(PERMUTATIONS)
    ]
    progress("leaks: split at random", 0.8)
    grouped = _skill_of(data, fitting, malicious, testing, recipe, seed)
    mixed = np.random.default_rng(seed).permutation(np.concatenate([fitting, data.rows(data.split.test)]))
    first, rest = mixed[: len(fitting)], mixed[len(fitting) :]
    at_random = _skill_of(data, first, targets.malicious[first], rest, recipe, seed)
    return Leaks(tuple(shuffled), tuple(others), grouped, at_random)


def _skill_of(data: Dataset, fitting: Array, labels: Array, testing: Array, recipe: Recipe, seed: int) -> RankingSkill:
    model = fit_unconstrained(data, fitting, labels, recipe, seed)
    score = model.decision_function(data.matrix[testing])
    return ranking_skill(data.targets.malicious[testing], score, data.targets.identity[testing])


def ranking_skill(malicious: Array, score: Array, identity: Array) -> RankingSkill:
    """Measure scores against labels; all arrays have shape (n,)."""
    count = np.bincount(identity[malicious], minlength=int(identity.max()) + 1)
    weight = np.where(malicious, malicious.sum() / (count > 0).sum() / np.maximum(count[identity], 1), 1.0)
    prevalence = malicious.mean()
    return RankingSkill(
        float(average_precision_score(malicious, score) / prevalence),
        float(average_precision_score(malicious, score, sample_weight=weight) / prevalence),
        float(roc_auc_score(malicious, score)),
    )


def labels_of_others(identity: Array, malicious: Array, seed: int) -> Array:
    """The labels of whole identities, laid over the rows of other identities, so that clusters of labels remain."""
    rng = np.random.default_rng(seed)
    rank = rng.permutation(int(identity.max()) + 1)
    reordered = malicious[np.argsort(rank[identity], kind="stable")]
    labels = np.zeros(len(malicious), bool)
    labels[np.argsort(identity, kind="stable")] = reordered
    return labels
