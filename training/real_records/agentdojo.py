"""Runs of language-model agents as events: AgentDojo's workspace suite, some of it hijacked, and tau-bench's airline.

A run has ordered tool calls but no time, network or credential, which makes it the hardest case: only what is called,
about what, and why can differ. The clock is invented.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from features.arrays import SECOND
from features.event.arrow import EVENT_SCHEMA, conform
from features.event.schema import Category, TaskFit
from features.event.task_fit import fit_of_call
from training.real_records.masquerades import BEGINNING

RUN_INTERVAL, CALL_INTERVAL = 1_800 * SECOND, 5 * SECOND
"""The made-up clock: a run every half hour, a call every five seconds."""
CATEGORIES: dict[str, Category] = {
    "search": "list",
    "list": "list",
    "get": "read",
    "create": "write",
    "add": "write",
    "append": "write",
    "book": "write",
    "reschedule": "write",
    "transfer": "write",
    "update": "write",
    "cancel": "delete",
    "delete": "delete",
    "send": "write",
    "share": "manage_access",
}
"""By the verb that a tool's name begins with."""
THOUGHTS = ("think", "calculate")
"""Tools of tau-bench that touch nothing."""
RESOURCE_ARGUMENTS = (
    "recipients",
    "file_id",
    "event_id",
    "filename",
    "participants",
    "email",
    "reservation_id",
    "user_id",
)
"""Arguments that name what a call is about."""
LONGEST_TASK = 2_048
"""Characters of a task that an event takes: of a longer one the end, which is what was asked for last."""
_GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True)
class Call:
    """One tool call."""

    tool: str
    resource: str | None
    """What it is about, where an argument says so."""
    task: str
    """What the user had said by then."""
    arguments: Any = None
    """As any JSON."""
    read: int = 0
    """How many of the run's outputs the agent had read by then."""


@dataclass(frozen=True)
class Run:
    """One run of an agent."""

    agent: str
    """The language model and its defence."""
    task: str
    """The name of the task."""
    calls: tuple[Call, ...]
    outputs: tuple[str, ...] = ()
    """What tools returned, in order."""
    attacked: bool = False
    hijacked: bool = False


@dataclass
class RunEvents:
    """Events that are collected run by run, and the number of the run that each belongs to."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)

    def add(self, run: Run, place: int, identity: str, application: str, number: int, *, texts: bool = True) -> None:
        """Add a run as the identity's `place`-th session.

        Without `texts` it is unknown how calls fit their task, which no later event can tell, and reading is faster.
        """
        start = BEGINNING + place * RUN_INTERVAL
        for position, call in enumerate(run.calls):
            verb, _, resource_type = call.tool.partition("_")
            self.numbers.append(number)
            self.rows.append(
                {
                    "time": start + position * CALL_INTERVAL,
                    "identity.id": identity,
                    "identity.type": "agent",
                    "session.id": f"run-{place}",
                    "session.started_at": start,
                    "session.intent": call.task[-LONGEST_TASK:],
                    "action.name": f"{application}.{call.tool}",
                    "action.category": CATEGORIES.get(verb),
                    "action.outcome": "success",
                    "resource.id": call.resource,
                    "resource.type": resource_type or None,
                    **_task_fit(run, call, texts),
                }
            )

    def table(self) -> pa.Table:
        """All events, in the order in which they were added."""
        names = [field.name for field in EVENT_SCHEMA if self.rows and field.name in self.rows[0]]
        columns = {name: [row[name] for row in self.rows] for name in names}
        times = {name: pa.array(columns[name], pa.timestamp("us", "UTC")) for name in ("time", "session.started_at")}
        return conform(pa.table(columns | times))


def _task_fit(run: Run, call: Call, texts: bool) -> dict[str, float | int | None]:
    arguments = call.arguments if texts else None
    fit = fit_of_call(call.task[-LONGEST_TASK:], call.tool, arguments, run.outputs[: call.read])
    return {f"task_fit.{name}": fit.get(name) for name in TaskFit.model_fields}


def read_agentdojo(file: Path) -> list[Run]:
    """Every run of a file, plain or gzipped. Raises ValueError naming a line that is no run, OSError without a file."""
    lines = enumerate(_text(file).splitlines(), start=1)
    return [_agentdojo_run(line, number, file) for number, line in lines if line.strip()]


def _agentdojo_run(line: str, number: int, file: Path) -> Run:
    try:
        record = json.loads(line)
        metadata = record["metadata"]
        attacked = metadata["injection_task_id"] is not None
        calls, outputs = _calls(record["messages"])
        hijacked = attacked and metadata["security"]
        return Run(metadata["model"], metadata["user_task_id"], calls, outputs, attacked, hijacked)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{file}, line {number} is not an AgentDojo run: {error!r}") from error


def read_tau_bench(file: Path) -> list[Run]:
    """Every run of a file, plain or gzipped; all are of one agent and clean.

    Raises ValueError naming a run that is none, OSError without a file.
    """
    runs = json.loads(_text(file))
    return [_tau_bench_run(record, number, file) for number, record in enumerate(runs, start=1)]


def _tau_bench_run(record: dict[str, Any], number: int, file: Path) -> Run:
    try:
        calls, outputs = _calls(record["traj"])
        return Run("airline", str(record["task_id"]), calls, outputs)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{file}, run {number} is not a run of tau-bench: {error!r}") from error


def _calls(messages: Iterable[dict[str, Any]]) -> tuple[tuple[Call, ...], tuple[str, ...]]:
    """The calls of a conversation, and what they returned."""
    said: list[str] = []
    outputs: list[str] = []
    calls: list[Call] = []
    for message in messages:
        if message["role"] == "user":
            said.append(message.get("content") or "")
        elif message["role"] == "tool":
            outputs.append(str(message.get("content") or ""))
        for call in message.get("tool_calls") or () if message["role"] == "assistant" else ():
            tool, given = call["function"]["name"], call["function"]["arguments"] or {}
            if tool in THOUGHTS:
                continue
            arguments = json.loads(given) if isinstance(given, str) else given
            resource = next((arguments[name] for name in RESOURCE_ARGUMENTS if arguments.get(name)), None)
            about = None if resource is None else str(resource)[:80]
            calls.append(Call(tool, about, " ".join(said), arguments, len(outputs)))
    return tuple(calls), tuple(outputs)


def _text(file: Path) -> str:
    data = file.read_bytes()
    return (gzip.decompress(data) if data.startswith(_GZIP_MAGIC) else data).decode()
