"""Runs of AgentDojo's workspace suite: language-model agents, some of them hijacked by a mail or a file.

The file of runs is not distributed with this project, because its repository states no licence: name your own copy. A
run has ordered tool calls but no time, network or credential, which makes it the hardest case: only the actions differ.
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
from training.evaluation.context import SectionResult
from training.evaluation.tables import Table
from training.metrics.bootstrap import Estimate, bootstrap_weights, estimate
from training.metrics.calibration import RANKING_RESAMPLES
from training.metrics.evaluation import BUDGETS
from training.real_records.scoring import SOURCE, area_under_roc, score_records

TITLE = "Hijacked agents (AgentDojo)"
START = datetime(2026, 1, 5, 9, tzinfo=UTC)
RUN_INTERVAL, CALL_INTERVAL = timedelta(minutes=30), timedelta(seconds=5)
"""The made-up clock: a run every half hour, a call every five seconds."""
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
"""By the verb that a tool's name begins with."""
GZIP_MAGIC = b"\x1f\x8b"
RESOURCE_ARGUMENTS = ("recipients", "file_id", "event_id", "filename", "participants", "email")
"""Arguments that name what a call is about."""


@dataclass(frozen=True)
class Run:
    """One run of an agent."""

    agent: str
    """The language model and its defence."""
    task: str
    calls: tuple[tuple[str, str | None], ...]
    """The tools called, in order, each with the resource it names."""
    attacked: bool
    hijacked: bool


def read_runs(file: Path) -> list[Run]:
    """Every run of a file, plain or gzipped. Raises ValueError naming a line that is no run, OSError without a file."""
    data = file.read_bytes()
    text = (gzip.decompress(data) if data.startswith(GZIP_MAGIC) else data).decode()
    return [_run(line, number, file) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]


def _run(line: str, number: int, file: Path) -> Run:
    try:
        record = json.loads(line)
        metadata = record["metadata"]
        attacked = metadata["injection_task_id"] is not None
        calls = tuple(_calls(record["messages"]))
        return Run(metadata["model"], metadata["user_task_id"], calls, attacked, attacked and metadata["security"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{file}, line {number} is not an AgentDojo run: {error!r}") from error


def _calls(messages: list[dict[str, Any]]) -> Iterator[tuple[str, str | None]]:
    for message in messages:
        for call in message.get("tool_calls") or () if message["role"] == "assistant" else ():
            arguments = call["function"]["arguments"] or {}
            resource = next((arguments[name] for name in RESOURCE_ARGUMENTS if arguments.get(name)), None)
            yield call["function"]["name"], None if resource is None else str(resource)[:80]


def events_of_runs(runs: list[Run]) -> tuple[pa.Table, Array]:
    """Events of every attacked run that called a tool, each preceded by its agent's clean runs on other tasks.

    Also returns the number of each event's run, -1 for events of the preceding runs. Every attacked run is an identity
    of its own.
    """
    events: list[Event] = []
    run_numbers: list[int] = []
    for number, attacked_run in enumerate(runs):
        if attacked_run.attacked and attacked_run.calls:
            same_agent = (run for run in runs if not run.attacked and run.agent == attacked_run.agent)
            before = [run for run in same_agent if run.task != attacked_run.task]
            for place, run in enumerate([*before, attacked_run]):
                run_events = list(_events(run, place, f"{attacked_run.agent}/{number}"))
                events += run_events
                run_numbers += [number if run is attacked_run else -1] * len(run_events)
    return table_of(events), np.array(run_numbers)


def _events(run: Run, place: int, identity: str) -> Iterator[Event]:
    start = START + place * RUN_INTERVAL
    for number, (tool, resource) in enumerate(run.calls):
        verb, _, resource_type = tool.partition("_")
        yield Event.model_validate(
            {
                "time": start + number * CALL_INTERVAL,
                "identity": {"id": identity, "type": "agent"},
                "session": {"id": f"run-{place}", "started_at": start},
                "action": {"name": f"workspace.{tool}", "category": CATEGORIES.get(verb), "outcome": "success"},
                "resource": {"id": resource, "type": resource_type},
            }
        )


def agents_section(model: TrustModel, tables: NetworkTables, file: Path, seed: int) -> SectionResult:
    """How hijacked runs rank against attacked runs that were not, each by its riskiest call."""
    runs = read_runs(file)
    events, run_numbers = events_of_runs(runs)
    records = score_records(model, events, tables)
    numbers = np.unique(run_numbers[run_numbers >= 0])
    risk = np.array([records.risk[run_numbers == n].max() for n in numbers])
    hijacked = np.array([runs[n].hijacked for n in numbers])
    agent = np.unique([runs[n].agent for n in numbers], return_inverse=True)[1]
    area = _area_over_agents(risk, hijacked, agent, seed)
    rows = [("a hijacked run ranks above another", str(area))]
    figures = {"agents/above": area}
    for budget in BUDGETS:
        challenged = np.array([records.challenged(budget)[run_numbers == n].any() for n in numbers])
        for name, mask in (("hijacked runs", hijacked), ("other attacked runs", ~hijacked)):
            agent = np.unique([runs[n].agent for n in numbers[mask]], return_inverse=True)[1]
            share = bootstrap_weights(agent, seed).mean(challenged[mask], agent)
            figures[f"agents/{name}/{budget:g}"] = share
            rows.append((f"{name} challenged at {budget:.1%} friction", str(share)))
    return [Table(TITLE, ("", "figure"), tuple(rows), _note(runs), SOURCE)], figures


def _area_over_agents(risk: Array, hijacked: Array, agent: Array, seed: int) -> Estimate:
    """The area under the ROC, with an interval over resampled agents."""
    draws = []
    for weights in bootstrap_weights(agent, seed).weights[:RANKING_RESAMPLES]:
        repeated = np.repeat(np.arange(len(risk)), weights[agent].astype(int))
        positive = hijacked[repeated]
        draws.append(area_under_roc(risk[repeated][positive], risk[repeated][~positive]))
    return estimate(np.array(draws), int(hijacked.sum()))


def _note(runs: list[Run]) -> str:
    hijacked = [run for run in runs if run.hijacked]
    silent = sum(not run.calls for run in hijacked)
    attacked = sum(run.attacked for run in runs)
    return (
        f"{len(hijacked)} of {attacked} attacked runs were hijacked; {silent} of them, and others, recorded no tool "
        "call, and no log would show them. Each run comes after the clean runs of its model on other tasks, a run "
        "every half hour and a call every five seconds, neither of which is real; intervals are over models. The table "
        "shows whether what is called, in which order and about what, sets hijacked runs apart. One injected task of "
        "one suite says nothing about others, and labels are of whole runs, so not when a hijack was detected."
    )
