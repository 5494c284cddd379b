"""Benchmark: what each trick of the compiled step is worth, as a share of a replay and of the first compilation.

A copy of `features` lacks one trick, or has one of the plain alternatives. Copy and original replay the same events in
turns, each in a process of its own, and must give the same bits.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from features.arrays import Array
from scripts.benchmarks.timing import ROOT

EVENTS = 1_000_000
ROUNDS = 9
Figures = dict[str, float]


@dataclass(frozen=True)
class Trick:
    """A trick, and the edits that take it out: a file below `features`, a pattern in it, what to put there."""

    name: str
    edits: tuple[tuple[str, str, str], ...]


TRICKS = (
    Trick(
        "prefetch of the next event's records",
        (
            (
                "kernels/prefetch.py",
                r"    for offset in \(\*range\(0, size, LINE\), size - 1\):",
                "    for offset in ():",
            ),
            ("kernels/prefetch.py", r"        for offset in \(0, LINE - 1\):", "        for offset in ():"),
        ),
    ),
    Trick(
        "functions compiled as parts of their callers, with eight of numba's passes",
        (
            ("kernels/compilation.py", r'"pipeline_class": Whole, "no_cfunc_wrapper": True', ""),
            ("kernels/compilation.py", r'    "pipeline_class": Part,\n(?:    .*\n)+', ""),
            ("kernels/compilation.py", r"    compiled\.__class__ = CompiledIntoCallers\n", ""),
            # numba's own passes refuse a view of a number
            ("kernels/hash_table.py", r"pair\.view\(np\.int64\)", "np.int64(pair)"),
        ),
    ),
)

_WORKER = """
import sys, time
begun = time.perf_counter()
import numpy as np
from features.engine.batch import replay_rows
from features.hashing import digest_of
rows, population = np.load(sys.argv[1]), np.load(sys.argv[2])
replay_rows(rows[:1], population)
print(time.perf_counter() - begun, flush=True)
for line in sys.stdin:
    begun = time.perf_counter()
    values = replay_rows(rows, population)
    seconds = time.perf_counter() - begun
    print(seconds, digest_of(values.tobytes() if line.startswith("digest") else b""), flush=True)
    del values
"""


def tricks(rows: Array, population: Array) -> Figures:
    """For each trick, a replay and a first compilation without it, over the same with it."""
    figures: Figures = {}
    with tempfile.TemporaryDirectory() as folder:
        inputs = [f"{folder}/rows.npy", f"{folder}/population.npy"]
        np.save(inputs[0], rows[:EVENTS])
        np.save(inputs[1], population)
        original_folder = _copy(Path(folder, "original"))
        with _worker(original_folder, inputs):
            pass  # so that bytecode and libraries are in the cache for all that are timed
        shutil.rmtree(original_folder / "home")
        with _worker(original_folder, inputs) as original:
            for number, trick in enumerate(TRICKS):
                with _worker(_copy(Path(folder, str(number)), trick), inputs) as without:
                    figures |= _compare(trick.name, original, without)
    return figures


class _Worker:
    """A process that replays the events each time it is asked."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.seconds_to_start = float(self._answer())

    def _answer(self) -> str:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the worker of a benchmark ended with {self._process.wait()}")
        return line

    def replay(self, wish: str = "time") -> tuple[float, str]:
        """Seconds, and a digest of all features where it is wished for."""
        assert self._process.stdin
        self._process.stdin.write(wish + "\n")
        self._process.stdin.flush()
        seconds, digest = self._answer().split()
        return float(seconds), digest


def _compare(name: str, original: _Worker, without: _Worker) -> Figures:
    if original.replay("digest")[1] != without.replay("digest")[1]:
        raise RuntimeError(f"without '{name}' the features are others")
    rounds = np.array([(original.replay()[0], without.replay()[0]) for _ in range(ROUNDS)])
    one, other = rounds.min(axis=0)
    return {
        f"replay without over with: {name}": other / one,
        f"start, compilation included, without over with: {name}": without.seconds_to_start / original.seconds_to_start,
    }


@contextmanager
def _worker(folder: Path, inputs: list[str]) -> Iterator[_Worker]:
    environment = os.environ | {"PYTHONPATH": str(folder), "SESSION_TRUST_HOME": str(folder / "home")}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"  # each start compiles the same bytecode
    process = subprocess.Popen(
        [sys.executable, "-c", _WORKER, *inputs],
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield _Worker(process)
    finally:
        process.kill()
        process.communicate()


def _copy(folder: Path, trick: Trick | None = None) -> Path:
    """A copy of `features` in a folder, without a trick."""
    shutil.copytree(ROOT / "features", folder / "features", ignore=shutil.ignore_patterns("__pycache__"))
    for name, pattern, instead in trick.edits if trick else ():
        path = folder / "features" / name
        text, count = re.subn(pattern, instead.replace("\\", r"\\"), path.read_text())
        if not count:
            raise RuntimeError(
                f"{name} no longer holds {pattern!r}: take the trick out of TRICKS, or name its lines anew"
            )
        path.write_text(text)
    return folder
