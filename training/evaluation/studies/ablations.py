"""What the model would be without: refitted on the same split, judged on the same test, by its ranking alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import average_precision_score, roc_auc_score

from features.arrays import Array
from features.catalogue.all import FEATURES
from training.metrics.evaluation import MAIN, TestSet
from training.metrics.session_recall import Sessions, Share, recalls, resampled
from training.model.fit import Recipe, fit_now
from training.pipeline.augmentation import NOTHING, Augmentation
from training.pipeline.dataset import HELD_OUT, Dataset
from training.pipeline.train import more_examples, shuffles, unconstrained
from training.scenarios.attacks.registry import SCENARIOS

Told = Callable[[str], None]
PERMUTATIONS = 5
TREES = 80
"""Of models that are fitted to be held against each other, like against like: what a lack costs shows in the first."""
AGAIN = 3
"""How often more is put into the lives that such models learn from."""
WITHOUT: dict[str, Callable[[str, str], bool]] = {
    "country": lambda name, module: "country" in name,
    "network": lambda name, module: module in ("network", "travel") or "network" in name or "asn" in name,
}
"""Which features, by name and module, go with what is left out."""


@dataclass(frozen=True)
class Ablation:
    """Recall at the main budget of some compromised sessions, by the full model and by one that lacks something."""

    name: str
    full: Share
    without: Share


@dataclass(frozen=True)
class Skill:
    """Average precision over prevalence; the same with every victim counting alike, however many acts befell him; and
    the area under the ROC, half of which is chance.

    Malicious rows lie close together, far from ordinary ones, and a model of noise says about the same of all of them:
    much or little, by lot. One victim with many acts can then lie at the very top, so that the first figure is now and
    then several times what the second is. A leak would lift the area, too, in one draw as in another.
    """

    times: float
    by_victim: float
    area: float


@dataclass(frozen=True)
class Memory:
    """Skill where nothing can be known (labels shuffled; by identity), and what a split that lets the test know its
    identities would seem to gain."""

    shuffled: tuple[Skill, ...]
    shuffled_by_identity: tuple[Skill, ...]
    grouped: Skill
    at_random: Skill


def ablations(data: Dataset, recipe: Recipe, seed: int, told: Told) -> list[Ablation]:
    """Country and network out, then one scenario and one identity type out of what is fitted at a time.

    What is put into the same lives again lacks what is left out, as their own rows do.
    """
    recipe = lighter(recipe)
    told("more examples")
    of = _Refits(data, recipe, seed, more_examples(data, recipe, seed), data.test_set)
    told("with everything")
    full = of.sessions()
    weights = resampled(full, seed)
    without = [*_without_features(of, told), *_without_rows(of, told)]
    whole = recalls(full, MAIN, weights, {each.name: each.about(full) for each in without})
    return [Ablation(each.name, whole[each.name], each.recall(weights)) for each in without]


@dataclass(frozen=True)
class _Refits:
    """What models are fitted on, and tested on, that are held against each other."""

    data: Dataset
    recipe: Recipe
    seed: int
    more: Augmentation
    test_set: TestSet

    def sessions(self, kept: Array | None = None, also: Array | None = None) -> Sessions:
        """The test's, by a model of some rows and some of the examples made again, by masks."""
        more = self.more if also is None else self.more.part(also)
        model = refitted(self.data, self.recipe, self.seed, kept=kept, more=more)
        return self.test_set.sessions(model.decision_function(self.test_set.matrix))


@dataclass(frozen=True)
class _Without:
    """The test's sessions by a model that lacks something, and which of them that is about: all, a scenario's, a
    type's."""

    name: str
    sessions: Sessions
    scenario: str = ""
    kind: str = ""

    def about(self, these: Sessions) -> Array:
        """Which of some sessions it is about, shape (n,)."""
        mask: Array = np.ones(len(these.compromised), bool)
        if self.scenario:
            mask = these.scenario == self.scenario
        elif self.kind:
            mask = these.kind == self.kind
        return mask

    def recall(self, weights: Array) -> Share:
        """Of its own sessions, at the main budget."""
        return recalls(self.sessions, MAIN, weights, {"": self.about(self.sessions)})[""]


def _without_features(of: _Refits, told: Told) -> Iterator[_Without]:
    for name, gone in WITHOUT.items():
        told(f"without {name}")
        score = without_features(of.data, of.recipe, of.seed, gone, of.more)
        yield _Without(f"{name} out", of.test_set.sessions(score))


def without_features(
    data: Dataset, recipe: Recipe, seed: int, gone: Callable[[str, str], bool], more: Augmentation = NOTHING
) -> Array:
    """The test's margins by a model that never saw some features."""
    columns = np.array([gone(feature.name, feature.module) for feature in FEATURES])
    model, matrix = refitted(data, recipe, seed, gone=columns, more=more), data.test_set.matrix
    matrix[:, columns] = np.nan
    margins: Array = model.decision_function(matrix)
    return margins


def _without_rows(of: _Refits, told: Told) -> Iterator[_Without]:
    rows, more = of.data.targets, of.more
    present = set(np.unique(rows.scenario[of.test_set.rows]))
    for scenario in SCENARIOS:
        if scenario.name in present and scenario.name not in HELD_OUT:
            told(f"without {scenario.name}")
            sessions = of.sessions(rows.scenario != scenario.name, more.scenario != scenario.name)
            yield _Without(f"scenario {scenario.name} out", sessions, scenario=scenario.name)
    for kind in np.unique(of.data.kind):
        told(f"without {kind}")
        sessions = of.sessions(of.data.kind != kind, more.kind != kind)
        yield _Without(f"identity type {kind} out", sessions, kind=str(kind))


def lighter(recipe: Recipe) -> Recipe:
    """With as many trees and more examples as do for a comparison."""
    return replace(recipe, trees=min(recipe.trees, TREES), again=min(recipe.again, AGAIN))


def refitted(
    data: Dataset,
    recipe: Recipe,
    seed: int,
    *,
    kept: Array | None = None,
    gone: Array | None = None,
    more: Augmentation = NOTHING,
) -> HistGradientBoostingClassifier:
    """The now-model of this very world and more examples: of some of its rows, or blind to some features, by masks."""
    fitting, stopping = (data.rows(part if kept is None else part & kept) for part in (data.split.fit, data.split.stop))
    learnt, watched = data.beside(fitting, more), data.examples(stopping)
    if gone is not None:
        learnt, watched = learnt.blind(gone), watched.blind(gone)
    return fit_now(learnt, watched, recipe, seed)


def memory(data: Dataset, recipe: Recipe, seed: int, told: Told) -> Memory:
    """Three ways to catch a model, or a test, that knows what it should not; constraints are off: they know things."""
    of, fitting, testing = data.targets, data.rows(data.split.fit), data.test_set.rows
    told("labels shuffled")
    shuffled = [
        _skill(data, fitting, target, testing, recipe, seed)
        for target in shuffles(of.malicious[fitting], seed, PERMUTATIONS)
    ]
    recipe = lighter(recipe)
    told("labels given to other identities")
    others = [
        _skill(
            data,
            fitting,
            labels_of_others(of.identity[fitting], of.malicious[fitting], seed + n),
            testing,
            recipe,
            seed,
        )
        for n in range(PERMUTATIONS)
    ]
    told("split at random")
    grouped = _skill(data, fitting, of.malicious[fitting], testing, recipe, seed)
    mixed = np.random.default_rng(seed).permutation(np.concatenate([fitting, data.rows(data.split.test)]))
    first, rest = mixed[: len(fitting)], mixed[len(fitting) :]
    at_random = _skill(data, first, of.malicious[first], rest, recipe, seed)
    return Memory(tuple(shuffled), tuple(others), grouped, at_random)


def _skill(data: Dataset, fitting: Array, target: Array, testing: Array, recipe: Recipe, seed: int) -> Skill:
    model = unconstrained(data, fitting, target, recipe, seed)
    return skill(
        data.targets.malicious[testing], model.decision_function(data.matrix[testing]), data.targets.identity[testing]
    )


def skill(malicious: Array, score: Array, identity: Array) -> Skill:
    """Of scores, against what was so."""
    acts = np.bincount(identity[malicious], minlength=int(identity.max()) + 1)
    weight = np.where(malicious, malicious.sum() / (acts > 0).sum() / np.maximum(acts[identity], 1), 1.0)
    prevalence = malicious.mean()
    return Skill(
        float(average_precision_score(malicious, score) / prevalence),
        float(average_precision_score(malicious, score, sample_weight=weight) / prevalence),
        float(roc_auc_score(malicious, score)),
    )


def labels_of_others(identity: Array, malicious: Array, seed: int) -> Array:
    """Whole identities' labels, laid over the rows of identities in another order: what clusters goes on clustering."""
    rng = np.random.default_rng(seed)
    rank = rng.permutation(int(identity.max()) + 1)
    theirs = malicious[np.argsort(rank[identity], kind="stable")]
    given = np.zeros(len(malicious), bool)
    given[np.argsort(identity, kind="stable")] = theirs
    return given
