"""Times several calls in turns, so that other work on the machine slows all of them alike, and keeps the figures."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
"""The checkout."""
RESULTS = ROOT / "benchmarks/results.json"
"""Where all benchmarks keep their figures."""


def fastest_seconds(calls: Sequence[Callable[[], Any]], rounds: int) -> list[float]:
    """Seconds of the fastest round of each call. The calls take turns; their results are dropped at once."""
    seconds: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for call, rounds_of_call in zip(calls, seconds, strict=True):
            start = perf_counter()
            call()
            rounds_of_call.append(perf_counter() - start)
    return [min(rounds_of_call) for rounds_of_call in seconds]


def read_results() -> dict[str, Any]:
    """All figures kept so far."""
    results: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    return results


def write_results(results: dict[str, Any]) -> None:
    """Keep the figures."""
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
