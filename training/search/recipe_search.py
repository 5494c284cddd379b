"""Hyper-parameter search: what a recipe catches against what its explanations cost.

Every explanation costs trees times leaves times depth squared (Lundberg et al. 2020, TreeSHAP), on every request. So
cost is an objective like detection, and the cheapest of the recipes that catch as much is chosen. Validation is grouped
and ordered in time: identities that were not fitted, later than anything fitted, and nothing of the test.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from time import monotonic, perf_counter
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from features.arrays import Array
from features.model.tree_shap import explain_forest
from training.metrics.bootstrap import Estimate, estimate
from training.metrics.evaluation import BUDGETS
from training.metrics.session_recall import caught_sessions, score_sessions, session_weights
from training.model.fit import fit_now
from training.model.recipe import Recipe
from training.pipeline.dataset import Dataset
from training.progress import ProgressCallback, no_progress

FOLDS = 3
FITTED_UNTIL = 0.6
"""The share of the fitting rows, in order of time, that a fold is fitted on; it is validated on later ones."""
EXPLAINED_ROWS = 200
"""Rows explained one by one to measure the time of an explanation."""
NOT_SEARCHED = ("suspicious", "patience", "augmentation")
"""Entries of a recipe that keep their defaults."""


@dataclass(frozen=True)
class Fold:
    """Row numbers to fit on, and later rows of other identities to validate on."""

    fit: Array
    validate: Array


@dataclass(frozen=True)
class Trial:
    """One recipe, what it catches, and what its explanations cost."""

    recipe: Recipe
    detection: Estimate
    """Recall of compromised sessions on the validation rows, mean over the budgets."""
    draws: Array
    """The same in each resample of identities, shape (RESAMPLES,)."""
    cost: float
    """Leaves times depth squared, summed over trees, mean over folds."""
    milliseconds: float
    """The time of one explanation, on this machine, in this run."""


@dataclass(frozen=True)
class SearchResult:
    """All trials, the default recipe first, and the chosen one."""

    trials: tuple[Trial, ...]
    chosen: Trial

    @property
    def front(self) -> list[Trial]:
        """The Pareto front, cheapest first: trials that no other beats in both detection and cost."""
        best, front = -np.inf, []
        for trial in sorted(self.trials, key=lambda t: (t.cost, -t.detection.value)):
            if trial.detection.value > best:
                best = trial.detection.value
                front.append(trial)
        return front


def search_recipes(
    data: Dataset,
    seed: int,
    *,
    trials: int = 60,
    minutes: float = 10.0,
    progress: ProgressCallback = no_progress,
) -> SearchResult:
    """Try recipes until `trials` or `minutes` are used up, whichever is first. Equal seeds try equal recipes.

    Raises ValueError when a fold has no compromised session to fit or to validate on.
    """
    import optuna  # imported late: it takes a second, and nothing else needs it

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    started, folds = monotonic(), list(make_folds(data, seed))
    done: list[Trial] = []

    def objective(trial: optuna.Trial) -> tuple[float, float]:
        done.append(run_trial(data, folds, _suggested_recipe(trial), seed))
        share = max(len(done) / trials, (monotonic() - started) / (60 * minutes))
        progress(f"{len(done)} recipes tried", min(share, 1.0))
        return done[-1].detection.value, done[-1].cost

    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=min(15, max(trials // 3, 1)))
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    study.enqueue_trial({name: value for name, value in asdict(Recipe()).items() if name not in NOT_SEARCHED})
    study.optimize(objective, n_trials=trials, timeout=60 * minutes)
    return SearchResult(tuple(done), cheapest_as_good(done))


def cheapest_as_good(trials: Sequence[Trial]) -> Trial:
    """The cheapest trial within one standard error of the best (Breiman et al. 1984), of the paired difference."""
    best = max(trials, key=lambda trial: (trial.detection.value, -trial.cost))
    as_good = [t for t in trials if best.detection.value - t.detection.value <= float(np.std(best.draws - t.draws))]
    return min(as_good, key=lambda trial: trial.cost)


def make_folds(data: Dataset, seed: int) -> Iterator[Fold]:
    """Split the identities kept for fitting into FOLDS random groups; each in turn validates on its later rows."""
    rows = data.rows(data.split.fit)
    people, person = np.unique(data.targets.identity[rows], return_inverse=True)
    group = np.random.default_rng(seed).permutation(len(people))[person] % FOLDS
    until = np.quantile(data.targets.time[rows], FITTED_UNTIL)
    early = data.targets.time[rows] < until
    for number in range(FOLDS):
        fold = Fold(rows[(group != number) & early], rows[(group == number) & ~early])
        if not data.targets.malicious[fold.validate].any() or not data.targets.malicious[fold.fit].any():
            raise ValueError("too little abuse to search on: every fold needs some to fit and some to validate on")
        yield fold


def run_trial(data: Dataset, folds: Sequence[Fold], recipe: Recipe, seed: int) -> Trial:
    """Fit a recipe on every fold and validate it on the fold's other identities."""
    stopping = data.examples(data.rows(data.split.stop))
    models = [fit_now(data.examples(fold.fit), stopping, recipe, seed) for fold in folds]
    recalls = [_mean_recall(data, fold, model, seed) for fold, model in zip(folds, models, strict=True)]
    draws = np.mean([draws for draws, _ in recalls], axis=0)
    return Trial(
        recipe,
        estimate(draws, sum(count for _, count in recalls)),
        draws,
        float(np.mean([explanation_cost(model) for model in models])),
        _milliseconds(models[0], data.matrix[folds[0].validate[:EXPLAINED_ROWS]]),
    )


def _mean_recall(data: Dataset, fold: Fold, model: HistGradientBoostingClassifier, seed: int) -> tuple[Array, int]:
    """Recall in each resample, mean over the budgets; and the number of compromised sessions."""
    score = model.decision_function(data.matrix[fold.validate])
    sessions = score_sessions(data.targets, fold.validate, score, data.succeeded, data.identity_type)
    weights, compromised = session_weights(sessions, seed), np.flatnonzero(sessions.compromised)
    total = np.maximum(weights[:, compromised].sum(axis=1), 1e-9)
    by_budget = [
        (caught_sessions(sessions, budget, weights) * weights[:, compromised]).sum(axis=1) / total for budget in BUDGETS
    ]
    draws: Array = np.mean(by_budget, axis=0)
    return draws, len(compromised)


def explanation_cost(model: HistGradientBoostingClassifier) -> float:
    """Leaves times depth squared, summed over all trees."""
    trees = [tree for round_ in model._predictors for tree in round_]  # scikit-learn shows its trees nowhere else
    return float(sum(tree.get_n_leaf_nodes() * tree.get_max_depth() ** 2 for tree in trees))


def _milliseconds(model: HistGradientBoostingClassifier, rows: Array) -> float:
    """The median time of explaining one row, as the service does it."""
    explainer, durations = explain_forest(model), []
    for row in rows:
        started = perf_counter()
        explainer.shap_values(row)
        durations.append(perf_counter() - started)
    return 1_000 * float(np.median(durations))


def _suggested_recipe(trial: Any) -> Recipe:
    """A recipe from the search space. Early stopping decides how many of the trees are grown."""
    return Recipe(
        trees=trial.suggest_int("trees", 30, 600, log=True),
        leaves=trial.suggest_int("leaves", 4, 63, log=True),
        depth=trial.suggest_int("depth", 3, 8),
        learning_rate=trial.suggest_float("learning_rate", 0.02, 0.25, log=True),
        smallest_leaf=trial.suggest_int("smallest_leaf", 5, 200, log=True),
        l2=trial.suggest_float("l2", 0.1, 50.0, log=True),
        negatives_kept=trial.suggest_float("negatives_kept", 0.05, 1.0, log=True),
    )
