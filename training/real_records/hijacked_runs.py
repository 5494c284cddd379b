"""An agent that is talked into another task: the end of another run, done within a run by its agent.

Nothing but the calls changes. What the agent read last carries the text that talked it over, with the other task and
what its calls need, as an injected instruction does; the declared task stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from training.real_records.agentdojo import CATEGORIES, Call, Run

MOST_CALLS = 2
"""Calls of the other task that are made: a look-up and the change it is for."""
_LONGEST_INJECTION = 600


def hijacked(run: Run, other: Run, rng: np.random.Generator) -> tuple[Run, int]:
    """A run that turns to another run's task after some of its calls, and the number of its first hijacked call.

    It ends there. The calls taken over end with a change if the other run made one.
    """
    changes = [number for number, call in enumerate(other.calls) if _changes(call)]
    last = int(rng.choice(changes)) if changes else len(other.calls) - 1
    taken = other.calls[max(0, last + 1 - MOST_CALLS) : last + 1]
    at = int(rng.integers(1, len(run.calls) + 1))
    before = run.calls[at - 1]
    read = min(before.read + 1, len(run.outputs))
    injection = " ".join([taken[-1].task[:_LONGEST_INJECTION], *_texts(taken)])
    carrier = f"{run.outputs[read - 1] if read else ''} {injection}"
    outputs = (*run.outputs[: max(read - 1, 0)], carrier)
    calls = (replace(call, task=before.task, read=len(outputs)) for call in taken)
    return replace(run, calls=(*run.calls[:at], *calls), outputs=outputs), at


def _changes(call: Call) -> bool:
    return CATEGORIES.get(call.tool.partition("_")[0]) not in ("read", "list")


def _texts(calls: Iterable[Call]) -> Iterator[str]:
    for call in calls:
        values = call.arguments.values() if isinstance(call.arguments, dict) else (call.arguments,)
        yield from map(str, values)


def hijacks(runs: tuple[Run, ...], rng: np.random.Generator) -> Iterator[tuple[Run, int]]:
    """Each run, hijacked once by a run with another task."""
    for run in runs:
        others = [other for other in runs if other.task != run.task]
        yield hijacked(run, others[rng.integers(len(others))], rng)
