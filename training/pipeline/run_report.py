"""What a run leaves for people: plots, tables by slice, and a model card written from the run."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from features.arrays import Array
from features.model.bundle import TrustModel
from features.model.trust_curve import HORIZONS, probability
from training.metrics.evaluation import Evaluation, TestSet, readable
from training.metrics.fairness import treated
from training.metrics.session_recall import limits
from training.model.explanations import Explained, explained
from training.promotion.checks import Check
from training.promotion.model_card import card

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from training.pipeline.dataset import Dataset

EXPLAINED, SHOWN = 1_500, 12
"""Rows whose contributions are drawn, and how many features are shown."""


def write_report(
    folder: Path, model: TrustModel, data: Dataset, evaluation: Evaluation, found: list[Check], seed: int
) -> None:
    """Fill a folder with card, tables and plots, each of which says what data it was."""
    folder.mkdir(parents=True, exist_ok=True)
    tested, source = data.test_set, data.world.source
    score = model.now_log_odds(tested.matrix)
    fairness = treated(tested, score, evaluation.sessions, data.world.events, seed)
    (folder / "recall.json").write_text(json.dumps(readable(evaluation), indent=1) + "\n")
    (folder / "slices.json").write_text(json.dumps([asdict(each) for each in fairness], indent=1) + "\n")
    (folder / "MODEL_CARD.md").write_text(card(tested, evaluation, found, fairness, source))
    _reliability(folder / "reliability.png", model, tested, source)
    _friction(folder / "friction_recall.png", evaluation, source)
    _decay(folder / "decay_calibration.png", evaluation, source)
    _contributions(folder, explained(model, _drawn(tested.matrix, seed)), source)


def _reliability(path: Path, model: TrustModel, tested: TestSet, source: str) -> None:
    risk = probability(model.now_log_odds(tested.matrix))
    edges = np.unique(np.quantile(risk, np.linspace(0, 1, 21)))
    place = np.clip(np.searchsorted(edges, risk, side="right") - 1, 0, len(edges) - 2)
    malicious = tested.targets.malicious[tested.rows]
    said = [risk[place == b].mean() for b in range(len(edges) - 1) if (place == b).any()]
    was = [malicious[place == b].mean() for b in range(len(edges) - 1) if (place == b).any()]
    figure, axes = _plot()
    axes.plot([1e-6, 1], [1e-6, 1], color="0.7", linewidth=1)
    axes.plot(np.maximum(said, 1e-6), np.maximum(was, 1e-6), "o-")
    axes.set(xscale="log", yscale="log", xlabel="risk said", ylabel="share that was malicious", title=f"Now ({source})")
    _save(path, figure)


def _friction(path: Path, evaluation: Evaluation, source: str) -> None:
    mine = evaluation.sessions
    budgets = np.geomspace(0.0005, 0.05, 30)
    ends = [limits(mine, budget, np.ones((1, len(mine.compromised)))) for budget in budgets]
    figure, axes = _plot()
    for kind in ends[0]:
        compromised = mine.score[mine.compromised & (mine.kind == kind)]
        if len(compromised):
            axes.plot(
                budgets,
                [end[kind].challenged(compromised).mean() for end in ends],
                label=f"{kind} ({len(compromised)} compromised)",
            )
    axes.set(
        xscale="log",
        xlabel="benign sessions challenged",
        ylabel="compromised sessions caught",
        title=f"Friction ({source})",
    )
    axes.legend()
    _save(path, figure)


def _decay(path: Path, evaluation: Evaluation, source: str) -> None:
    ratios = [evaluation.figures[f"compromised_predicted_over_actual/{horizon}_s"] for horizon in HORIZONS]
    figure, axes = _plot()
    axes.axhline(1, color="0.7", linewidth=1)
    axes.plot([horizon / 60 for horizon in HORIZONS], ratios, "o-")
    axes.set(xscale="log", xlabel="minutes from now", ylabel="losses predicted over actual", title=f"Decay ({source})")
    _save(path, figure)


def _drawn(matrix: Array, seed: int) -> Array:
    return matrix[np.random.default_rng(seed).permutation(len(matrix))[:EXPLAINED]]


def _contributions(folder: Path, these: Explained, source: str) -> None:
    """What raises and lowers the risk: all rows of each feature in a line, and the four strongest by their values."""
    strongest = these.strongest()[:SHOWN]
    figure, axes = _plot()
    for place, feature in enumerate(reversed(strongest)):
        ranks = np.argsort(np.argsort(np.nan_to_num(these.values[:, feature], nan=-np.inf))) / len(these.values)
        spread = place + np.random.default_rng(0).uniform(-0.3, 0.3, len(ranks))
        axes.scatter(these.contributions[:, feature], spread, c=ranks, s=2, cmap="coolwarm")
    axes.set_yticks(range(len(strongest)), [these.names[feature] for feature in reversed(strongest)], fontsize=6)
    axes.set(xlabel="added to the log-odds (red: large values)", title=f"Contributions now ({source})")
    _save(folder / "shap_summary.png", figure)
    figure, axes = _plot(2, 2)
    for axis, feature in zip(axes.flat, strongest, strict=False):
        axis.scatter(these.values[:, feature], these.contributions[:, feature], s=2)
        axis.set_xlabel(these.names[feature], fontsize=7)
        axis.tick_params(labelsize=6)
    figure.suptitle(f"Added to the log-odds, by value ({source})", fontsize=9)
    _save(folder / "shap_dependence.png", figure)


def _plot(rows: int = 1, columns: int = 1) -> tuple[Figure, Any]:
    """A figure that belongs to no window, so that none need be closed."""
    from matplotlib.figure import Figure  # imported late: it writes a font cache into the user's home

    figure = Figure(figsize=(5, 4), layout="tight")
    return figure, figure.subplots(rows, columns)


def _save(path: Path, figure: Figure) -> None:
    figure.savefig(path, dpi=110)
