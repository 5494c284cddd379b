"""The chapter's tables of masquerades: suites, draws and models, and abuse in the deployment's own window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from features.model.bundle import TrustModel
from training.evaluation.context import SectionResult
from training.evaluation.real.masquerade_suites import (
    SUITES,
    ScoredLog,
    SuiteFigures,
    mean_over_logs,
    measure_suite,
    score_log,
)
from training.evaluation.tables import Table
from training.metrics.bootstrap import Estimate, bootstrap_weights
from training.metrics.evaluation import YARDSTICK_BUDGET as BUDGET
from training.progress import ProgressCallback
from training.real_records.masquerades import SEEDS, MasqueradeLog
from training.real_records.scoring import SOURCE
from training.real_records.shared_logs import LOGON_PROTOCOL, SHELL_PROTOCOL

ABUSE = (0.02, 0.05, 0.15)
"""Shares of the window's sessions that are hit."""
NULL_BAND = (0.45, 0.55)
"""Where the null control must lie."""
COLUMNS = (
    "suite",
    f"hit sessions caught where {BUDGET:.0%} of benign sessions are challenged",
    "area under the ROC, events",
    "area under the ROC, sessions",
    "benign sessions challenged by the shipped policy",
    "hit sessions challenged by the shipped policy",
    "the same share of benign sessions, highest of any user",
    "moved events before the first challenged one, median",
    "null control, events",
)
NOTE = (
    "Shells: six thousand commands of each of eight people, in sessions of 50; logons: people of one enterprise, in "
    "sessions of six. In {shells:.0%} and {logons:.0%} of the later sessions somebody else's real session is moved "
    "into, or takes the place of, the user's. `colleague`: any other user; `outsider`: two of the eight leave the "
    "population and only donate, in four folds. Of half of the logons the victim's own device stays. Population and "
    "histories are the log's own, from its clean first quarter (logons: 40 %). Thresholds are set in each log; figures "
    "are means over {seeds} draws and {models} model(s), intervals are over users. The null control moves a user's own "
    "later sessions: its area must lie between {low} and {high}. Clocks are invented, sessions are cut by count, and "
    "what moves is other people's everyday work, not an attack; so the figures compare models, and say nothing of how "
    "often thefts are caught. With eight users an interval is wide."
)


def suites_section(models: Sequence[TrustModel], folder: Path, seed: int, progress: ProgressCallback) -> SectionResult:
    """Every suite, each draw of masquerades by each model."""
    rows: list[tuple[str, ...]] = []
    figures: dict[str, Estimate] = {}
    spread: list[tuple[str, ...]] = []
    for number, suite in enumerate(SUITES):
        scored: dict[tuple[int, int], list[ScoredLog]] = {}
        null: list[ScoredLog] = []
        for place, draw in enumerate(SEEDS):
            progress(f"masquerades, {suite.name}", (number + place / len(SEEDS)) / len(SUITES))
            logs, own = suite.logs(folder, draw), suite.null(folder, draw)
            for model_number, model in enumerate(models):
                scored[model_number, draw] = _score(model, logs)
                null += _score(model, own)
        measured = measure_suite([log for logs in scored.values() for log in logs], seed, len(models))
        bootstrap = bootstrap_weights(np.concatenate([log.user for log in null]), seed)
        control = mean_over_logs(
            [log.auc(bootstrap) for log in null], sum(int(log.moved.sum()) for log in null) // len(models)
        )
        rows.append(_row(suite.name, measured, control))
        figures |= _figures(suite.name, measured, control)
        spread += [
            (suite.name, models[model_number].version, str(draw), *_spread_cells(measure_suite(logs, seed)))
            for (model_number, draw), logs in scored.items()
        ]
    low, high = NULL_BAND
    shares = {"shells": SHELL_PROTOCOL.share, "logons": LOGON_PROTOCOL.share}
    note = NOTE.format(**shares, seeds=len(SEEDS), models=len(models), low=low, high=high)
    note += "".join(f" {name}: {_in_words(figures, name)}" for name in (suite.name for suite in SUITES))
    columns = ("suite", "model", "draw", *COLUMNS[1:5])
    tables = [
        Table("Masquerades in real users' logs", COLUMNS, tuple(rows), note, SOURCE),
        Table("Masquerades by model and draw", columns, tuple(spread), "", SOURCE),
    ]
    return tables, figures


def _in_words(figures: Mapping[str, Estimate], name: str) -> str:
    """What a suite's figures allow to say, and what not."""
    found, control = figures[f"masquerade/{name}/recall/{BUDGET:g}"], figures[f"masquerade/{name}/null"]
    low, high = NULL_BAND
    if not low <= control.value <= high:
        return f"the null control ({control.value:.2f}) fails, so nothing can be concluded."
    if found.low > BUDGET:
        return f"more is caught than by chance ({BUDGET:.0%}), {found.low:.0%} at least."
    if found.high < BUDGET:
        return f"less is caught than by chance ({BUDGET:.0%})."
    return f"what is caught cannot be told from chance ({BUDGET:.0%})."


def _score(model: TrustModel, logs: Sequence[MasqueradeLog]) -> list[ScoredLog]:
    return [score_log(model, log) for log in logs]


def _row(name: str, measured: SuiteFigures, control: Estimate) -> tuple[str, ...]:
    return (
        name.replace("/", ", "),
        str(measured.recall),
        str(measured.auc),
        str(measured.session_auc),
        str(measured.friction),
        str(measured.caught),
        f"{measured.highest_friction:.3g}",
        f"{measured.delay:.0f}" if np.isfinite(measured.delay) else "-",
        str(control),
    )


def _spread_cells(measured: SuiteFigures) -> tuple[str, ...]:
    return str(measured.recall), str(measured.auc), str(measured.session_auc), str(measured.friction)


def _figures(name: str, measured: SuiteFigures, control: Estimate) -> dict[str, Estimate]:
    return {
        f"masquerade/{name}/recall/{BUDGET:g}": measured.recall,
        f"masquerade/{name}/auc": measured.auc,
        f"masquerade/{name}/session_auc": measured.session_auc,
        f"masquerade/{name}/friction": measured.friction,
        f"masquerade/{name}/caught": measured.caught,
        f"masquerade/{name}/highest_friction": Estimate.exact(measured.highest_friction, measured.friction.count),
        f"masquerade/{name}/delay": Estimate.exact(measured.delay, measured.recall.count),
        f"masquerade/{name}/null": control,
    }


def window_section(models: Sequence[TrustModel], folder: Path, seed: int, progress: ProgressCallback) -> SectionResult:
    """What abuse in the deployment's own window costs: the later sessions are the same in every row."""
    rows: list[tuple[str, ...]] = []
    figures: dict[str, Estimate] = {}
    suites = [suite for suite in SUITES if suite.with_abuse_in_window]
    for number, suite in enumerate(suites):
        draws = {}
        for place, share in enumerate((0.0, *ABUSE)):
            progress(f"abuse in the window, {suite.name}", (number + place / (1 + len(ABUSE))) / len(suites))
            assert suite.with_abuse_in_window is not None
            logs = [log for draw in SEEDS for log in suite.with_abuse_in_window(folder, draw, share)]
            scored = [log for model in models for log in _score(model, logs)]
            bootstrap = bootstrap_weights(np.concatenate([log.user for log in scored]), seed)
            draws[share] = [log.auc(bootstrap) for log in scored]
            count = sum(int(log.moved.sum()) for log in scored) // len(models)
            area = mean_over_logs(draws[share], count)
            lost = mean_over_logs([c - a for c, a in zip(draws[0.0], draws[share], strict=True)], count)
            rows.append((suite.name.replace("/", ", "), f"{share:.0%}", str(area), f"{lost:+.3f}" if share else "-"))
            if share:
                figures[f"window/{suite.name}/{share:g}/lost"] = lost
    note = (
        "A share of the sessions of the first quarter (logons: 40 %) is hit as later ones are, nobody has noticed, and "
        "the population is measured on all of it. Histories hold what was logged. `lost` is the area with a clean "
        "window less the area with abuse in it, over the same later events."
    )
    columns = ("suite", "sessions of the window that are hit", "area under the ROC, events", "lost")
    return [Table("Abuse in the deployment's own window", columns, tuple(rows), note, SOURCE)], figures
