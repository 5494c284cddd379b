"""A search as a table and a picture: detection against the time an explanation takes, and what was taken."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from training.evaluation.tables import Table
from training.metrics.evaluation import BUDGETS
from training.search.recipe_search import Searched, Trial

_COLUMNS = ("trees", "leaves", "depth", "learning_rate", "smallest_leaf", "l2", "negatives_kept")


def table(found: Searched) -> Table:
    """The usual recipe, the front, and the one taken."""
    shown = sorted({id(t): t for t in (found.trials[0], *found.front, found.chosen)}.values(), key=lambda t: t.cost)
    rows = tuple((_words(found, trial), *_cells(trial)) for trial in shown)
    note = (
        f"Of {len(found.trials)} recipes, those that no other beats in both detection and cost. Detection: recall of "
        f"compromised sessions, mean over {', '.join(f'{b:.1%}' for b in BUDGETS)} of benign sessions challenged, on later "
        "rows of identities that were not fitted. Taken: the cheapest within one standard error of the best."
    )
    columns = ("", "detection", "leaves x depth² over trees", "ms to explain", *(c.replace("_", " ") for c in _COLUMNS))
    return Table("Detection against the time to explain", columns, rows, note)


def _words(found: Searched, trial: Trial) -> str:
    said = [word for word, one in (("usual", found.trials[0]), ("taken", found.chosen)) if trial is one]
    return ", ".join(said)


def _cells(trial: Trial) -> tuple[str, ...]:
    values = asdict(trial.recipe)
    return (
        str(trial.detection),
        f"{trial.cost:,.0f}",
        f"{trial.milliseconds:.2f}",
        *(f"{values[name]:.3g}" for name in _COLUMNS),
    )


def picture(found: Searched, file: Path, source: str) -> None:
    """Draw every trial, the front and the choice into a file whose ending says the format (png, svg, pdf)."""
    from matplotlib.figure import Figure  # imported late: it writes a font cache into the user's home

    canvas = Figure(figsize=(6.5, 4.5), layout="tight")
    axes = canvas.subplots()
    usual, chosen = found.trials[0], found.chosen
    axes.plot(*_points(list(found.trials)), ".", color="0.7", label="recipes tried")
    axes.plot(*_points(found.front), "o-", color="tab:blue", label="the trade-off")
    axes.plot(*_points([usual]), "s", color="black", label="usual")
    axes.plot(*_points([chosen]), "*", color="tab:red", markersize=14, label="taken")
    axes.set(
        xscale="log",
        xlabel="cost of an explanation (leaves x depth² over all trees)",
        ylabel="recall of compromised sessions, mean over the budgets",
        title=f"Detection against the time to explain ({source})",
    )
    axes.legend()
    canvas.savefig(file, dpi=120)


def _points(trials: list[Trial]) -> tuple[list[float], list[float]]:
    return [trial.cost for trial in trials], [trial.detection.value for trial in trials]
