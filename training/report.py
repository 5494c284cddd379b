"""What a run leaves for people: plots, the table of recalls, and a model card written from the run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from features.bundle import TrustModel
from features.catalogue import digest
from features.decay import HORIZONS
from training.evaluate import BUDGETS, Evaluation, Tested, readable
from training.gate import Check
from training.judge import limits

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CARD = """# Model card: session-trust

**What it says.** The probability that a request is not its identity's own, and how fast a session is being lost.
**What it is for.** Asking for fresh proof when a session drifts. Floors, not this model, guard privileged actions.
**What it is not for.** Judging people; a low trust is a question, never an accusation. Every ruling can be looked up.

**Data.** {source}. {rows:,} requests of identities the model never saw, after everything it was fitted on in time;
{lost:.0f} lost sessions among {sessions:.0f}.
**Features.** {features} ({catalogue}).

**Figures** ({source}): recall of lost sessions, 95 % interval over identities, by share of benign sessions challenged.

| | {budgets} |
|---|{rule}
{table}

Predicted over actual foreign requests {calibration:.2f}; losses within two hours {hazard:.2f}.
Legitimate escalations challenged at {main:.1%}: {escalations:.1%}.

**Checks.**
{checks}

**Limits.** What insiders do from their own desk, and what looks like the owner in network, client and action, is seen
late or not at all: the table says which. Simulated figures compare models and say nothing of your traffic.
**NIST AI RMF 1.0.** MAP: the purpose above. MEASURE: the figures and checks. MANAGE: the gate, the alias, replay.
"""


def write_report(
    folder: Path, model: TrustModel, tested: Tested, evaluation: Evaluation, found: list[Check], source: str
) -> None:
    """Fill a folder with card, table and plots; `source` says what data it was, "simulated" where it was."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recall.json").write_text(json.dumps(readable(evaluation), indent=1) + "\n")
    (folder / "MODEL_CARD.md").write_text(_card(model, tested, evaluation, found, source))
    _reliability(folder / "reliability.png", model, tested, source)
    _friction(folder / "friction_recall.png", evaluation, source)
    _decay(folder / "decay_calibration.png", evaluation, source)


def _card(model: TrustModel, tested: Tested, evaluation: Evaluation, found: list[Check], source: str) -> str:
    figures = evaluation.figures
    lines = [f"| {group}: {name} | {' | '.join(map(str, shares))} |" for group, name, shares in evaluation.rows()]
    return CARD.format(
        source=source,
        rows=len(tested.rows),
        lost=figures["lost_sessions"],
        sessions=figures["lost_sessions"] + figures["benign_sessions"],
        features=tested.matrix.shape[1],
        catalogue=digest(),
        budgets=" | ".join(f"{budget:.1%}" for budget in BUDGETS),
        rule="---|" * len(BUDGETS),
        table="\n".join(lines),
        calibration=figures["predicted_over_actual/all"],
        hazard=figures["lost_predicted_over_actual/7200_s"],
        main=BUDGETS[1],
        escalations=figures["escalations_challenged"],
        checks="\n".join(f"- {'passed' if check.passed else 'NOT PASSED'}: {check}" for check in found),
    )


def _reliability(path: Path, model: TrustModel, tested: Tested, source: str) -> None:
    risk = 1.0 / (1.0 + np.exp(-model.now_log_odds(tested.matrix)))
    edges = np.unique(np.quantile(risk, np.linspace(0, 1, 21)))
    place = np.clip(np.searchsorted(edges, risk, side="right") - 1, 0, len(edges) - 2)
    foreign = tested.of.foreign[tested.rows]
    said = [risk[place == b].mean() for b in range(len(edges) - 1) if (place == b).any()]
    was = [foreign[place == b].mean() for b in range(len(edges) - 1) if (place == b).any()]
    figure, axes = _plot()
    axes.plot([1e-6, 1], [1e-6, 1], color="0.7", linewidth=1)
    axes.plot(np.maximum(said, 1e-6), np.maximum(was, 1e-6), "o-")
    axes.set(xscale="log", yscale="log", xlabel="risk said", ylabel="share that was foreign", title=f"Now ({source})")
    _save(path, figure)


def _friction(path: Path, evaluation: Evaluation, source: str) -> None:
    mine = evaluation.sessions
    budgets = np.geomspace(0.0005, 0.05, 30)
    ends = [limits(mine, budget, np.ones((1, len(mine.lost)))) for budget in budgets]
    figure, axes = _plot()
    for kind in ends[0]:
        lost = mine.score[mine.lost & (mine.kind == kind)]
        if len(lost):
            axes.plot(budgets, [end[kind].challenged(lost).mean() for end in ends], label=f"{kind} ({len(lost)} lost)")
    axes.set(
        xscale="log", xlabel="benign sessions challenged", ylabel="lost sessions caught", title=f"Friction ({source})"
    )
    axes.legend()
    _save(path, figure)


def _decay(path: Path, evaluation: Evaluation, source: str) -> None:
    ratios = [evaluation.figures[f"lost_predicted_over_actual/{horizon}_s"] for horizon in HORIZONS]
    figure, axes = _plot()
    axes.axhline(1, color="0.7", linewidth=1)
    axes.plot([horizon / 60 for horizon in HORIZONS], ratios, "o-")
    axes.set(xscale="log", xlabel="minutes from now", ylabel="losses predicted over actual", title=f"Decay ({source})")
    _save(path, figure)


def _plot() -> tuple[Figure, Axes]:
    """A figure that belongs to no window, so that none need be closed."""
    from matplotlib.figure import Figure  # imported late: it writes a font cache into the user's home

    figure = Figure(figsize=(5, 4), layout="tight")
    return figure, figure.subplots()


def _save(path: Path, figure: Figure) -> None:
    figure.savefig(path, dpi=110)
