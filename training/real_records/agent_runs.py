"""Runs of language-model agents as events: a task, and the tool calls made for it, with arguments and outputs.

Runs of benchmarks have no clock, network or credential. A run is a session; calls follow each other every five seconds
and runs every half hour, neither of which is real.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

from features.event.schema import Event
from features.sources.actions.derivation import derived_category

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
RUN_INTERVAL, CALL_INTERVAL = timedelta(minutes=30), timedelta(seconds=5)
LONGEST_TASK = 2_048
"""Characters of a task that an event takes; of a longer one the end, which is what was asked for last."""


@dataclass(frozen=True)
class Call:
    """One call of a tool."""

    tool: str
    arguments: Any
    """As any JSON."""
    task: str
    """What the agent had been asked for by then."""
    outputs: int
    """How many of the run's outputs came before it."""


@dataclass(frozen=True)
class Run:
    """One session of an agent."""

    task_id: str
    calls: tuple[Call, ...]
    outputs: tuple[str, ...]
    """What tools returned, in order."""


def run_events(run: Run, identity: str, place: int, prefix: str, *, texts: bool = True) -> Iterator[Event]:
    """The events of a run, the `place`th of its agent; `prefix` names the agent's software in action names.

    Without `texts` arguments and outputs are unknown, which no later event can tell, and saves reading them.
    """
    start = START + place * RUN_INTERVAL
    for number, call in enumerate(run.calls):
        name = f"{prefix}.{call.tool}"
        yield Event.model_validate(
            {
                "time": start + number * CALL_INTERVAL,
                "identity": {"id": identity, "type": "agent"},
                "session": {
                    "id": f"run-{place}",
                    "started_at": start,
                    "intent": call.task[-LONGEST_TASK:],
                    "output": list(run.outputs[: call.outputs]) if texts else None,
                },
                "action": {
                    "name": name,
                    "category": derived_category(name).category,
                    "outcome": "success",
                    "arguments": call.arguments if texts else None,
                },
            }
        )


def agent_events(before: Sequence[Run], run: Run, identity: str, prefix: str) -> tuple[list[Event], list[Event]]:
    """The events of an agent's earlier runs, and those of the run that counts."""
    earlier = (run_events(each, identity, place, prefix, texts=False) for place, each in enumerate(before))
    return list(chain.from_iterable(earlier)), list(run_events(run, identity, len(before), prefix))
