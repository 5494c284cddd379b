"""Hyper-parameters by search: what a recipe catches against what its explanations cost.

Every explanation costs trees times leaves times depth squared (Lundberg et al. 2020, TreeSHAP), on every request: so
cost is an objective like detection, and of recipes that catch as much the cheapest is taken. Validation is grouped and
ordered in time: other identities than those fitted, later than anything fitted, and nothing of the test.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from time import monotonic, perf_counter
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from features.arrays import Array
from features.model.tree_shap import explain_forest
from training.metrics.bootstrap import Estimate, estimate
from training.metrics.evaluation import BUDGETS
from training.metrics.session_recall import caught, resampled, sessions
from training.model.fit import Recipe, fit_now
from training.pipeline.dataset import Dataset
from training.progress import Told

FOLDS = 3
FITTED_UNTIL = 0.6
"""Share of the fitting rows, in order of time, before which a fold is fitted and after which it is validated."""
EXPLAINED = 200
"""Rows explained one by one to say how long one takes."""


@dataclass(frozen=True)
class Fold:
    """Row numbers: what is fitted, and other identities' later rows that say how good it was."""

    fit: Array
    validate: Array


@dataclass(frozen=True)
class Trial:
    """One recipe: what it caught of the compromised sessions it was judged by (mean over the budgets), and what explaining
    costs."""

    recipe: Recipe
    detection: Estimate
    draws: Array
    """The same in every resample of identities, shape (RESAMPLES,)."""
    cost: float
    """Mean over the folds of the sum over trees of leaves times depth squared."""
    milliseconds: float
    """Of one explanation, on this machine, in this run."""


@dataclass(frozen=True)
class Searched:
    """All trials, the first of them the usual recipe, and the one taken."""

    trials: tuple[Trial, ...]
    chosen: Trial

    @property
    def front(self) -> list[Trial]:
        """Those that no other beats in both, cheapest first: the curve of the trade-off."""
        best, kept = -np.inf, []
        for trial in sorted(self.trials, key=lambda t: (t.cost, -t.detection.value)):
            if trial.detection.value > best:
                best = trial.detection.value
                kept.append(trial)
        return kept


def search(
    data: Dataset,
    seed: int,
    *,
    trials: int = 60,
    minutes: float = 10.0,
    told: Told | None = None,
) -> Searched:
    """Try recipes until either bound is reached, whichever is first; equal for equal seeds where the trials are.

    Raises ValueError when the validation rows hold no compromised session.
    """
    import optuna  # imported late: it takes a second, and nothing else needs it

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    say, started, parts = told or (lambda what, share: None), monotonic(), list(folds(data, seed))
    done: list[Trial] = []

    def objective(trial: optuna.Trial) -> tuple[float, float]:
        done.append(tried(data, parts, _suggested(trial), seed))
        spent = max(len(done) / trials, (monotonic() - started) / (60 * minutes))
        say(f"{len(done)} recipes tried", min(spent, 1.0))
        return done[-1].detection.value, done[-1].cost

    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=min(15, max(trials // 3, 1)))
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    study.enqueue_trial(_searched(Recipe()))
    study.optimize(objective, n_trials=trials, timeout=60 * minutes)
    return Searched(tuple(done), cheapest(done))


def cheapest(trials: list[Trial]) -> Trial:
    """The cheapest of those within one standard error of the best (Breiman et al. 1984), of the paired difference."""
    best = max(trials, key=lambda trial: (trial.detection.value, -trial.cost))
    as_good = [t for t in trials if best.detection.value - t.detection.value <= float(np.std(best.draws - t.draws))]
    return min(as_good, key=lambda trial: trial.cost)


def folds(data: Dataset, seed: int) -> Iterator[Fold]:
    """Identities kept for fitting in FOLDS groups by lot; each in turn is judged by its later rows."""
    rows = data.rows(data.split.fit)
    people, place = np.unique(data.targets.identity[rows], return_inverse=True)
    group = np.random.default_rng(seed).permutation(len(people))[place] % FOLDS
    until = np.quantile(data.targets.time[rows], FITTED_UNTIL)
    early = data.targets.time[rows] < until
    for number in range(FOLDS):
        fold = Fold(rows[(group != number) & early], rows[(group == number) & ~early])
        if not data.targets.malicious[fold.validate].any() or not data.targets.malicious[fold.fit].any():
            raise ValueError("too little abuse to search on: every fold needs some to fit and some to be judged by")
        yield fold


def tried(data: Dataset, parts: list[Fold], recipe: Recipe, seed: int) -> Trial:
    """Fit a recipe on every fold, and judge it by each one's other identities."""
    stopping = data.rows(data.split.stop)
    stop = data.examples(stopping)
    models = [fit_now(data.examples(fold.fit), stop, recipe, seed) for fold in parts]
    caught_by = [_caught(data, fold, model, seed) for fold, model in zip(parts, models, strict=True)]
    draws = np.mean([draws for draws, _ in caught_by], axis=0)
    return Trial(
        recipe,
        estimate(draws, sum(count for _, count in caught_by)),
        draws,
        float(np.mean([explaining(model) for model in models])),
        _milliseconds(models[0], data.matrix[parts[0].validate[:EXPLAINED]]),
    )


def _caught(data: Dataset, fold: Fold, model: HistGradientBoostingClassifier, seed: int) -> tuple[Array, int]:
    """In every resample, the share of compromised sessions caught, mean over the budgets; and how many there are."""
    score = model.decision_function(data.matrix[fold.validate])
    mine = sessions(data.targets, fold.validate, score, data.succeeded, data.kind)
    weights, compromised = resampled(mine, seed), np.flatnonzero(mine.compromised)
    total = np.maximum(weights[:, compromised].sum(axis=1), 1e-9)
    by_budget = [(caught(mine, budget, weights) * weights[:, compromised]).sum(axis=1) / total for budget in BUDGETS]
    draws: Array = np.mean(by_budget, axis=0)
    return draws, len(compromised)


def explaining(model: HistGradientBoostingClassifier) -> float:
    """Leaves times depth squared, over all trees."""
    trees = [tree for round_ in model._predictors for tree in round_]  # scikit-learn shows its trees nowhere else
    return float(sum(tree.get_n_leaf_nodes() * tree.get_max_depth() ** 2 for tree in trees))


def _milliseconds(model: HistGradientBoostingClassifier, rows: Array) -> float:
    """The median of explaining one row, as a service does it."""
    explainer, took = explain_forest(model), []
    for row in rows:
        started = perf_counter()
        explainer.shap_values(row)
        took.append(perf_counter() - started)
    return 1_000 * float(np.median(took))


def _suggested(trial: Any) -> Recipe:
    """A recipe of the space; early stopping decides how many of the trees are grown."""
    return Recipe(
        trees=trial.suggest_int("trees", 30, 600, log=True),
        leaves=trial.suggest_int("leaves", 4, 63, log=True),
        depth=trial.suggest_int("depth", 3, 8),
        learning_rate=trial.suggest_float("learning_rate", 0.02, 0.25, log=True),
        smallest_leaf=trial.suggest_int("smallest_leaf", 5, 200, log=True),
        l2=trial.suggest_float("l2", 0.1, 50.0, log=True),
        negatives_kept=trial.suggest_float("negatives_kept", 0.05, 1.0, log=True),
    )


def _searched(recipe: Recipe) -> dict[str, Any]:
    """What of a recipe is searched for."""
    return {name: value for name, value in asdict(recipe).items() if name not in ("suspicious", "patience", "again")}
