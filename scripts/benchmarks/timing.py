"""How long several things take beside each other, so that what else the machine does meets all of them alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
"""The checkout."""
RESULTS = ROOT / "benchmarks/results.json"
"""Where all benchmarks keep their figures."""


def side_by_side(calls: Sequence[Callable[[], Any]], rounds: int) -> list[float]:
    """Seconds of the fastest round of each, taken in turn; what comes out is dropped at once."""
    took: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for call, seconds in zip(calls, took, strict=True):
            start = perf_counter()
            call()
            seconds.append(perf_counter() - start)
    return [min(seconds) for seconds in took]
