"""The report attached to a run: plots, tables of recall and fairness, and the model card."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from features.arrays import Array
from features.model.bundle import TrustModel
from features.model.trust_curve import HORIZONS, probability
from training.metrics.evaluation import Evaluation, TestSet
from training.metrics.fairness import group_treatment
from training.metrics.session_recall import thresholds_at_budget
from training.model.explanations import Explanations, explain_now
from training.promotion.checks import Check
from training.promotion.model_card import render_model_card

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from training.pipeline.dataset import Dataset

EXPLAINED_ROWS, SHOWN_FEATURES = 1_500, 12
"""Rows whose contributions are drawn, and how many features are shown."""


def write_run_report(
    folder: Path, model: TrustModel, data: Dataset, evaluation: Evaluation, checks: Sequence[Check], seed: int
) -> None:
    """Fill a folder with the model card, tables and plots. Each says what data it shows."""
    folder.mkdir(parents=True, exist_ok=True)
    test_set, source = data.test_set, data.world.source
    score = model.now_log_odds(test_set.matrix)
    fairness = group_treatment(test_set, score, evaluation.sessions, data.world.events, seed)
    (folder / "recall.json").write_text(json.dumps(evaluation.records(), indent=1) + "\n")
    (folder / "slices.json").write_text(json.dumps([asdict(part) for part in fairness], indent=1) + "\n")
    (folder / "MODEL_CARD.md").write_text(render_model_card(test_set, evaluation, checks, fairness, source))
    _plot_reliability(folder / "reliability.png", model, test_set, source)
    _plot_friction(folder / "friction_recall.png", evaluation, source)
    _plot_horizon_calibration(folder / "decay_calibration.png", evaluation, source)
    explanations = explain_now(model, _sample(test_set.matrix, seed))
    _plot_contributions(folder / "shap_summary.png", explanations, source)
    _plot_dependence(folder / "shap_dependence.png", explanations, source)


def _plot_reliability(path: Path, model: TrustModel, test_set: TestSet, source: str) -> None:
    risk = probability(model.now_log_odds(test_set.matrix))
    edges = np.unique(np.quantile(risk, np.linspace(0, 1, 21)))
    row_bin = np.clip(np.searchsorted(edges, risk, side="right") - 1, 0, len(edges) - 2)
    bins = [row_bin == number for number in range(len(edges) - 1) if (row_bin == number).any()]
    predicted = [risk[mask].mean() for mask in bins]
    actual = [test_set.malicious[mask].mean() for mask in bins]
    figure, axes = _new_figure()
    axes.plot([1e-6, 1], [1e-6, 1], color="0.7", linewidth=1)
    axes.plot(np.maximum(predicted, 1e-6), np.maximum(actual, 1e-6), "o-")
    axes.set(
        xscale="log", yscale="log", xlabel="predicted risk", ylabel="share malicious", title=f"Reliability ({source})"
    )
    _save(path, figure)


def _plot_friction(path: Path, evaluation: Evaluation, source: str) -> None:
    sessions = evaluation.sessions
    budgets = np.geomspace(0.0005, 0.05, 30)
    once = np.ones((1, len(sessions.compromised)))
    thresholds = [thresholds_at_budget(sessions, budget, once) for budget in budgets]
    figure, axes = _new_figure()
    for identity_type in thresholds[0]:
        scores = sessions.score[sessions.compromised & (sessions.identity_type == identity_type)]
        if len(scores):
            recall = [by_type[identity_type].challenged(scores).mean() for by_type in thresholds]
            axes.plot(budgets, recall, label=f"{identity_type} ({len(scores)} compromised)")
    axes.set(
        xscale="log",
        xlabel="benign sessions challenged",
        ylabel="compromised sessions caught",
        title=f"Friction and recall ({source})",
    )
    axes.legend()
    _save(path, figure)


def _plot_horizon_calibration(path: Path, evaluation: Evaluation, source: str) -> None:
    ratios = [evaluation.figures[f"compromised_predicted_over_actual/{horizon}_s"] for horizon in HORIZONS]
    figure, axes = _new_figure()
    axes.axhline(1, color="0.7", linewidth=1)
    axes.plot([horizon / 60 for horizon in HORIZONS], ratios, "o-")
    axes.set(
        xscale="log",
        xlabel="minutes from now",
        ylabel="predicted over actual losses",
        title=f"Calibration by horizon ({source})",
    )
    _save(path, figure)


def _sample(matrix: Array, seed: int) -> Array:
    return matrix[np.random.default_rng(seed).permutation(len(matrix))[:EXPLAINED_ROWS]]


def _plot_contributions(path: Path, explanations: Explanations, source: str) -> None:
    """The contributions of the strongest features, one line of dots each, coloured by the feature's value."""
    strongest = explanations.strongest()[:SHOWN_FEATURES]
    values, contributions = explanations.values, explanations.contributions
    figure, axes = _new_figure()
    for line, feature in enumerate(reversed(strongest)):
        ranks = np.argsort(np.argsort(np.nan_to_num(values[:, feature], nan=-np.inf))) / len(values)
        height = line + np.random.default_rng(0).uniform(-0.3, 0.3, len(ranks))
        axes.scatter(contributions[:, feature], height, c=ranks, s=2, cmap="coolwarm")
    axes.set_yticks(range(len(strongest)), [explanations.names[n] for n in reversed(strongest)], fontsize=6)
    axes.set(xlabel="added to the log-odds (red: large values)", title=f"Contributions now ({source})")
    _save(path, figure)


def _plot_dependence(path: Path, explanations: Explanations, source: str) -> None:
    """The contributions of the four strongest features against their values."""
    figure, axes = _new_figure(2, 2)
    for axis, feature in zip(axes.flat, explanations.strongest(), strict=False):
        axis.scatter(explanations.values[:, feature], explanations.contributions[:, feature], s=2)
        axis.set_xlabel(explanations.names[feature], fontsize=7)
        axis.tick_params(labelsize=6)
    figure.suptitle(f"Added to the log-odds, by value ({source})", fontsize=9)
    _save(path, figure)


def _new_figure(rows: int = 1, columns: int = 1) -> tuple[Figure, Any]:
    """A figure that belongs to no window, so that none needs closing."""
    from matplotlib.figure import Figure  # imported late: it writes a font cache

    figure = Figure(figsize=(5, 4), layout="tight")
    return figure, figure.subplots(rows, columns)


def _save(path: Path, figure: Figure) -> None:
    figure.savefig(path, dpi=110)
