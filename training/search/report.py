"""A search as a table and a plot: detection against the cost of an explanation, and the recipe that was chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from training.evaluation.tables import Table
from training.metrics.evaluation import BUDGETS
from training.search.recipe_search import SearchResult, Trial

_RECIPE_COLUMNS = ("trees", "leaves", "depth", "learning_rate", "smallest_leaf", "l2", "negatives_kept")


def search_table(result: SearchResult) -> Table:
    """The default recipe, the Pareto front, and the chosen recipe; cheapest first."""
    shown = {id(trial): trial for trial in (result.trials[0], *result.front, result.chosen)}
    rows = tuple(_row(result, trial) for trial in sorted(shown.values(), key=lambda trial: trial.cost))
    budgets = ", ".join(f"{budget:.1%}" for budget in BUDGETS)
    note = (
        f"Of {len(result.trials)} recipes, those that no other beats in both detection and cost. Detection: recall of "
        f"compromised sessions, mean over {budgets} of benign sessions challenged, on later rows of identities that "
        "were not fitted. Chosen: the cheapest within one standard error of the best."
    )
    recipe_columns = (name.replace("_", " ") for name in _RECIPE_COLUMNS)
    columns = ("", "detection", "leaves x depth² over trees", "ms to explain", *recipe_columns)
    return Table("Detection against the cost of an explanation", columns, rows, note)


def _row(result: SearchResult, trial: Trial) -> tuple[str, ...]:
    recipe = asdict(trial.recipe)
    return (
        ", ".join(word for word, one in (("default", result.trials[0]), ("chosen", result.chosen)) if trial is one),
        str(trial.detection),
        f"{trial.cost:,.0f}",
        f"{trial.milliseconds:.2f}",
        *(f"{recipe[name]:.3g}" for name in _RECIPE_COLUMNS),
    )


def plot_search(result: SearchResult, file: Path, source: str) -> None:
    """Plot every trial, the front and the chosen recipe; the file's ending gives the format (png, svg, pdf)."""
    from matplotlib.figure import Figure  # imported late: it writes a font cache

    figure = Figure(figsize=(6.5, 4.5), layout="tight")
    axes = figure.subplots()
    axes.plot(*_points(result.trials), ".", color="0.7", label="recipes tried")
    axes.plot(*_points(result.front), "o-", color="tab:blue", label="Pareto front")
    axes.plot(*_points([result.trials[0]]), "s", color="black", label="default")
    axes.plot(*_points([result.chosen]), "*", color="tab:red", markersize=14, label="chosen")
    axes.set(
        xscale="log",
        xlabel="cost of an explanation (leaves x depth² over all trees)",
        ylabel="recall of compromised sessions, mean over the budgets",
        title=f"Detection against the cost of an explanation ({source})",
    )
    axes.legend()
    figure.savefig(file, dpi=120)


def _points(trials: Sequence[Trial]) -> tuple[list[float], list[float]]:
    return [trial.cost for trial in trials], [trial.detection.value for trial in trials]
