"""Runs of AgentDojo's workspace: what language models did when a mail or a file told them to do something else.

Measured and not handed on: its repository states no licence, so the file is yours to name. A run has ordered tool calls
and neither time, network nor credential: the hardest case there is, since only the deeds differ.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from features.arrays import Array
from features.enrichment.ip_lookup import NetworkTables
from features.event.arrow import table_of
from features.event.schema import Category, Event
from features.model.bundle import TrustModel
from training.evaluation.tables import Table
from training.metrics.bootstrap import Estimate, bootstrap_weights, estimate
from training.metrics.evaluation import BUDGETS
from training.real_records.scoring import REAL, ranks_above, seen

BEGINS = datetime(2026, 1, 5, 9, tzinfo=UTC)
RUN, CALL = timedelta(minutes=30), timedelta(seconds=5)
"""The plain clock: a run every half hour, a call every five seconds."""
CATEGORIES: dict[str, Category] = {
    "search": "list",
    "list": "list",
    "get": "read",
    "create": "write",
    "add": "write",
    "append": "write",
    "reschedule": "write",
    "cancel": "delete",
    "delete": "delete",
    "send": "write",
    "share": "manage_access",
}
"""By a tool's verb."""
GZIP = b"\x1f\x8b"
NAMES_A_THING = ("recipients", "file_id", "event_id", "filename", "participants", "email")
"""Arguments that say what a call is about."""


@dataclass(frozen=True)
class Run:
    """One run: which model under which defence, its task, its calls in order, and whether it was attacked."""

    agent: str
    task: str
    calls: tuple[tuple[str, str | None], ...]
    attacked: bool
    hijacked: bool


def runs(file: Path) -> list[Run]:
    """Every run of a file; raises ValueError naming the line that is none, OSError where there is no file."""
    data = file.read_bytes()
    text = (gzip.decompress(data) if data.startswith(GZIP) else data).decode()
    return [_run(line, number, file) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]


def _run(line: str, number: int, file: Path) -> Run:
    try:
        record = json.loads(line)
        about = record["metadata"]
        attacked = about["injection_task_id"] is not None
        calls = tuple(_calls(record["messages"]))
        return Run(about["model"], about["user_task_id"], calls, attacked, attacked and about["security"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{file}, line {number} is no run of AgentDojo: {error!r}") from error


def _calls(messages: list[dict[str, Any]]) -> Iterator[tuple[str, str | None]]:
    for message in messages:
        for call in message.get("tool_calls") or () if message["role"] == "assistant" else ():
            given = call["function"]["arguments"] or {}
            about = next((given[name] for name in NAMES_A_THING if given.get(name)), None)
            yield call["function"]["name"], None if about is None else str(about)[:80]


def events_of_runs(found: list[Run]) -> tuple[pa.Table, Array]:
    """Every attacked run that called a tool, behind the clean runs of its model on other tasks and nothing else; and by
    event the number of its run, -1 in what stands before it."""
    events: list[Event] = []
    of_run: list[int] = []
    for number, run in enumerate(found):
        if run.attacked and run.calls:
            before = [r for r in found if not r.attacked and r.agent == run.agent and r.task != run.task]
            for place, each in enumerate([*before, run]):
                made = list(_events(each, place, f"{run.agent}/{number}"))
                events += made
                of_run += [number if each is run else -1] * len(made)
    return table_of(events), np.array(of_run)


def _events(run: Run, place: int, identity: str) -> Iterator[Event]:
    for number, (tool, about) in enumerate(run.calls):
        verb, _, thing = tool.partition("_")
        action = {"name": f"workspace.{tool}", "category": CATEGORIES.get(verb), "outcome": "success"}
        yield Event.model_validate(
            {
                "time": BEGINS + place * RUN + number * CALL,
                "identity": {"id": identity, "type": "agent"},
                "session": {"id": f"run-{place}", "started_at": BEGINS + place * RUN},
                "action": action,
                "resource": {"id": about, "type": thing},
            }
        )


def agents(model: TrustModel, tables: NetworkTables, file: Path, seed: int) -> tuple[list[Table], dict[str, Estimate]]:
    """How runs that were talked into it rank against attacked ones that were not, each by its riskiest call."""
    found = runs(file)
    events, of_run = events_of_runs(found)
    of = seen(model, events, tables)
    numbers = np.unique(of_run[of_run >= 0])
    risk = np.array([of.risk[of_run == n].max() for n in numbers])
    hijacked = np.array([found[n].hijacked for n in numbers])
    above = _ranked(risk, hijacked, np.unique([found[n].agent for n in numbers], return_inverse=True)[1], seed)
    rows = [("a hijacked run ranks above another", str(above))]
    figures = {"agents/above": above}
    for budget in BUDGETS:
        asked = np.array([of.challenged(budget)[of_run == n].any() for n in numbers])
        for name, here in (("hijacked runs", hijacked), ("other attacked runs", ~hijacked)):
            whose = np.unique([found[n].agent for n in numbers[here]], return_inverse=True)[1]
            share = bootstrap_weights(whose, seed).mean(asked[here], whose)
            figures[f"agents/{name}/{budget:g}"] = share
            rows.append((f"{name} challenged at {budget:.1%} friction", str(share)))
    return [Table("Agents talked into it (AgentDojo)", ("", "figure"), tuple(rows), _note(found), REAL)], figures


def _ranked(risk: Array, hijacked: Array, whose: Array, seed: int) -> Estimate:
    """With an interval over resampled models."""
    drawn = bootstrap_weights(whose, seed)
    draws = []
    for weights in drawn.weights[:200]:
        repeated = np.repeat(np.arange(len(risk)), weights[whose].astype(int))
        again = hijacked[repeated]
        draws.append(ranks_above(risk[repeated][again], risk[repeated][~again]))
    return estimate(np.array(draws), int(hijacked.sum()))


def _note(found: list[Run]) -> str:
    hijacked = [run for run in found if run.hijacked]
    silent = sum(not run.calls for run in hijacked)
    attacked = sum(run.attacked for run in found)
    return (
        f"{len(hijacked)} of {attacked} attacked runs were talked into it; {silent} of them, and others, recorded no "
        "tool call, and no log would show them. Each run stands behind the clean runs of its model on other tasks, a "
        "run every half hour and a call every five seconds, neither of which is real; intervals are over models. It "
        "can be concluded whether what is called, in which order and about what, sets hijacked runs apart; one "
        "injected task of one suite says nothing of others, and a label is of a whole run, so not when it was noticed."
    )
