"""Benchmark: processes that have just started, and what the JIT is worth."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile

import numpy as np

from features.arrays import Array
from scripts.benchmarks.timing import ROOT

Figures = dict[str, float]

_FIRST_VECTOR = (
    "import time; start = time.perf_counter(); import features; imported = time.perf_counter()\n"
    "import numpy as np; from features.history.population import empty_population\n"
    "from features.event.numpy_row import row_from\n"
    "from features.engine.online import vector; from features.history.layout import History\n"
    "row, history, nobody = row_from({}), History.empty(), empty_population()\n"
    "begun = time.perf_counter(); vector(row, history, nobody); print(imported - start, time.perf_counter() - begun)"
)
_IMPORT_ALL = (
    "import time; start = time.perf_counter(); import numba, pyarrow.compute, pydantic\n"
    "libraries = time.perf_counter(); from features import *; print(time.perf_counter() - start, libraries - start)"
)


def cold(rounds: int) -> Figures:
    """A process that compiles everything, one that reads the compiled code from the cache, and imports alone.

    All have the bytecode of every module, as pip installs it: a first process writes it into this folder.
    """
    with tempfile.TemporaryDirectory() as home:
        with_bytecode = {"PYTHONPYCACHEPREFIX": f"{home}/bytecode", "PYTHONDONTWRITEBYTECODE": ""}
        _run_program(_FIRST_VECTOR, home, **with_bytecode)
        shutil.rmtree(f"{home}/compiled")
        compiling = _run_program(_FIRST_VECTOR, home, **with_bytecode)[1]
        cached = [_run_program(_FIRST_VECTOR, home, **with_bytecode) for _ in range(rounds)]
        everything, libraries = min(_run_program(_IMPORT_ALL, home, **with_bytecode) for _ in range(rounds))
        return {
            "seconds to compile everything": compiling,
            "seconds from the cache": min(seconds for _, seconds in cached),
            "seconds to import features": min(importing for importing, _ in cached),
            "seconds to import all that features offers": everything,
            "of which numba, pyarrow and pydantic": libraries,
        }


def _run_program(program: str, home: str, **variables: str) -> tuple[float, float]:
    """Run a program that prints two numbers, in a process of its own; returns them."""
    environment = os.environ | {"SESSION_TRUST_HOME": home} | variables
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=ROOT, env=environment
    )
    first, second = map(float, done.stdout.split())
    return first, second


_REPLAY = (
    "import sys, time, numpy as np; from features.engine.batch import replay_rows\n"
    "rows, population = np.load(sys.argv[1] if len(sys.argv) > 1 else 'ROWS'), np.load('POPULATION')\n"
    "replay_rows(rows[:1], population); start = time.perf_counter(); replay_rows(rows, population)\n"
    "print(len(rows), time.perf_counter() - start)"
)


def jit(rows: Array, population: Array) -> Figures:
    """The same replay with and without the JIT, each in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        np.save(f"{folder}/population.npy", population)
        seconds_per_event = {}
        for name, count, off in (("on", 400_000, "0"), ("off", 1_000, "1")):
            np.save(f"{folder}/{name}.npy", rows[:count])
            program = _REPLAY.replace("ROWS", f"{folder}/{name}.npy").replace("POPULATION", f"{folder}/population.npy")
            events, seconds = _run_program(
                program, os.environ.get("SESSION_TRUST_HOME", str(ROOT / ".local")), NUMBA_DISABLE_JIT=off
            )
            seconds_per_event[name] = seconds / events
    return {"JIT off over on": seconds_per_event["off"] / seconds_per_event["on"]}
