"""Runs of tau-bench's airline agent (MIT, see `data/README.md`): real calls of tools with their arguments and outputs.

The model learns from them how calls fit a task. No attack is among them: see `training/scenarios/hijacked_runs.py`.
"""

from __future__ import annotations

import gzip
import json
from functools import cache
from typing import Any

from features.data_files import data_folder
from training.real_records.agent_runs import Call, Run

FILE = "tau_bench/gpt-4o-airline.json.gz"
PREFIX = "airline"
"""What names of actions begin with."""
_NO_TOOLS = frozenset({"think", "calculate"})
"""Calls that reach nothing outside the model."""
_FEWEST_CALLS = 2


@cache
def airline_runs() -> tuple[Run, ...]:
    """Every run with at least two calls, in the file's order."""
    records = json.loads(gzip.decompress((data_folder() / FILE).read_bytes()))
    runs = (_run(record) for record in records)
    return tuple(run for run in runs if len(run.calls) >= _FEWEST_CALLS)


def _run(record: dict[str, Any]) -> Run:
    calls: list[Call] = []
    outputs: list[str] = []
    asked: list[str] = []
    for message in record["traj"]:
        if message["role"] == "user":
            asked.append(message.get("content") or "")
        elif message["role"] == "tool":
            outputs.append(str(message.get("content") or ""))
        for call in message.get("tool_calls") or ():
            function = call["function"]
            if function["name"] not in _NO_TOOLS:
                arguments = json.loads(function["arguments"] or "{}")
                calls.append(Call(function["name"], arguments, " ".join(asked), len(outputs)))
    return Run(str(record["task_id"]), tuple(calls), tuple(outputs))
