"""How fast the features are: each part measures ours against something else in the same run."""

from __future__ import annotations

import ctypes
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from time import perf_counter, perf_counter_ns
from typing import Annotated, Any

import numba
import numpy as np
import pyarrow as pa
import typer
from rich.console import Console

from features.arrays import SECOND
from features.catalogue.all import FEATURES
from features.engine.batch import replay_rows, time_order
from features.engine.batch_state import Carrier
from features.engine.online import step, turn
from features.enrichment.ip_lookup import lookup
from features.event.arrow import events_of
from features.event.numpy_row import row_from, row_of, rows_of
from features.event.row_fields import ROW
from features.history.layout import CREDENTIAL, IDENTITY, SESSION, History
from features.history.population import measure
from scripts.benchmarks.timing import side_by_side
from scripts.lib.client import ROOT
from training import simulate

RESULTS = ROOT / "benchmarks/results.json"
EVENTS = 2_000_000
ROUNDS = 15
"""Each is timed so often, and the best counts: what else the host does meets few of them."""

Figures = dict[str, float]
console = Console(stderr=True)


class World:
    """Simulated events as rows in time order, repeated under other identities until there are enough."""

    def __init__(self) -> None:
        with console.status("simulating a world of five weeks"):
            self.table = simulate(1).events
        rows = rows_of(self.table)
        times = -(-EVENTS // len(rows))
        more = np.tile(rows, times)[:EVENTS]
        more["identity_key"] += np.arange(len(more)) // len(rows)
        self.rows = more[time_order(more)]
        self.population = measure(self.table.slice(0, 200_000))


def best(call: Callable[[], Any]) -> float:
    """Seconds of the fastest of ROUNDS."""
    return side_by_side([call], ROUNDS)[0]


@contextmanager
def memory_kept() -> Iterator[None]:
    """Memory that is freed stays with the process: on a virtual machine it goes back to the host, and coming by it
    again may take longer than what is measured. Small pieces are slower to come by so, hence not always."""
    limit = getattr(ctypes.CDLL(None), "mallopt", lambda *_: 0)
    for what, value in ((_TRIM_THRESHOLD, -1), (_MMAP_MAX, 0), (_ARENA_MAX, 1)):
        limit(what, value)
    yield
    for what, value in ((_TRIM_THRESHOLD, 128 * 1024), (_MMAP_MAX, 65_536)):
        limit(what, value)


_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8
"""As glibc's malloc.h numbers them."""


@memory_kept()
def batch(world: World) -> Figures:
    """All features in time order on one core, against sorting the same shuffled rows; on two; and with the columns."""
    rows, count = world.rows, len(world.rows)
    carrier = Carrier(world.population)
    places = carrier.places(rows, np.arange(count))
    values = np.empty((count, len(FEATURES)))

    def run() -> None:
        records = carrier.blank()
        step().run(rows, places, records, world.population, values)

    shuffled = np.random.default_rng(1).permutation(count)
    who, when = rows["identity_key"][shuffled].copy(), rows["time"][shuffled].copy()
    one, sort = side_by_side([run, lambda: np.lexsort((when, who))], ROUNDS)
    whole, two = side_by_side([partial(replay_rows, rows, world.population, threads=n) for n in (1, 2)], ROUNDS)
    return {
        "events": count,
        "features": len(FEATURES),
        "million events a second, compiled step": count / one / 1e6,
        "step over np.lexsort of the shuffled rows": one / sort,
        "million events a second, with finding histories and output": count / whole / 1e6,
        "two threads over one": whole / two,
        "microseconds an event to make rows of Arrow columns": best(lambda: rows_of(world.table))
        / len(world.table)
        * 1e6,
    }


def memory(_: World) -> Figures:
    """Bytes of what is remembered."""
    return {
        "bytes an identity": IDENTITY.itemsize,
        "bytes a session": SESSION.itemsize,
        "bytes a credential": CREDENTIAL.itemsize,
    }


@memory_kept()
def length(world: World) -> Figures:
    """An event after a million others against one after ten, of the same identity, over the same 20,000 events."""
    who = world.rows["identity_key"]
    mine = world.rows[who == who[0]]

    def per_event(past: int) -> float:
        before, after = np.resize(mine, past), np.resize(mine, 20_000)
        for rows, start in ((before, 0), (after, past)):
            rows["time"] = (start + np.arange(len(rows))) * SECOND
        carrier = Carrier(world.population)
        carrier.take(before)
        took = []
        for start in range(0, len(after), 1_000):
            begun = perf_counter()
            carrier.take(after[start : start + 1_000])
            took.append(perf_counter() - begun)
        return float(np.median(took))

    per_event(10)
    return {"cost after 1,000,000 events over after 10": per_event(1_000_000) / per_event(10)}


def online(world: World) -> Figures:
    """One event at a time: from a mapping of numbers to vector and history bytes, and from a validated Event."""
    events = list(events_of(world.table.slice(0, 4_000)))
    mappings = [dict(zip(ROW.names or (), row_of(event)[0].item(), strict=True)) for event in events]
    history = History.empty()

    def from_mapping(mapping: dict[str, float]) -> None:
        turn(row_from(mapping), history, world.population, 1)
        history.identity.tobytes(), history.session.tobytes(), history.credential.tobytes()

    def from_event(event: Any) -> None:
        turn(row_of(event), history, world.population, 1)
        history.identity.tobytes(), history.session.tobytes(), history.credential.tobytes()

    figures: Figures = {}
    for name, call, inputs in (("mapping", from_mapping, mappings), ("Event", from_event, events)):
        rounds = [np.array([_nanoseconds(call, each) for each in inputs]) / 1e3 for _ in range(ROUNDS)]
        figures |= {
            f"microseconds from a {name}, mean": min(took.mean() for took in rounds),
            f"microseconds from a {name}, p99": min(np.quantile(took, 0.99) for took in rounds),
        }
    return figures


def _nanoseconds(call: Callable[[Any], None], argument: Any) -> int:
    start = perf_counter_ns()
    call(argument)
    return perf_counter_ns() - start


_ONE = (
    "import time; start = time.perf_counter(); import features; imported = time.perf_counter()\n"
    "import numpy as np; from features.history.population import unmeasured\n"
    "from features.event.numpy_row import row_from\n"
    "from features.engine.online import vector; from features.history.layout import History\n"
    "row, history, nobody = row_from({}), History.empty(), unmeasured()\n"
    "begun = time.perf_counter(); vector(row, history, nobody); print(imported - start, time.perf_counter() - begun)"
)
_ALL = (
    "import time; start = time.perf_counter(); import numba, pyarrow.compute, pydantic\n"
    "theirs = time.perf_counter(); from features import *; print(time.perf_counter() - start, theirs - start)"
)


def cold(_: World) -> Figures:
    """A process that compiles everything, one that finds it in the cache, and what importing takes.

    With bytecode of every module, as pip installs them: a first process writes it, into this folder.
    """
    with tempfile.TemporaryDirectory() as home:
        installed = {"PYTHONPYCACHEPREFIX": f"{home}/bytecode", "PYTHONDONTWRITEBYTECODE": ""}
        _process(_ONE, home, **installed)
        shutil.rmtree(f"{home}/compiled")
        compiling = _process(_ONE, home, **installed)[1]
        again = [_process(_ONE, home, **installed) for _ in range(ROUNDS)]
        everything, theirs = min(_process(_ALL, home, **installed) for _ in range(ROUNDS))
        return {
            "seconds to compile everything": compiling,
            "seconds from the cache": min(cached for _, cached in again),
            "seconds to import features": min(importing for importing, _ in again),
            "seconds to import all that features offers": everything,
            "of which numba, pyarrow and pydantic": theirs,
        }


def _process(program: str, home: str, **more: str) -> tuple[float, float]:
    environment = os.environ | {"SESSION_TRUST_HOME": home} | more
    run = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=ROOT, env=environment
    )
    first, second = map(float, run.stdout.split())
    return first, second


_REPLAY = (
    "import sys, time, numpy as np; from features.engine.batch import replay_rows\n"
    "rows, population = np.load(sys.argv[1] if len(sys.argv) > 1 else 'ROWS'), np.load('POPULATION')\n"
    "replay_rows(rows[:1], population); start = time.perf_counter(); replay_rows(rows, population)\n"
    "print(len(rows), time.perf_counter() - start)"
)


def jit(world: World) -> Figures:
    """The same replay with and without the JIT, in processes of their own."""
    with tempfile.TemporaryDirectory() as folder:
        np.save(f"{folder}/population.npy", world.population)
        each = {}
        for name, count, off in (("on", 400_000, "0"), ("off", 1_000, "1")):
            np.save(f"{folder}/{name}.npy", world.rows[:count])
            program = _REPLAY.replace("ROWS", f"{folder}/{name}.npy").replace("POPULATION", f"{folder}/population.npy")
            events, seconds = _process(
                program, os.environ.get("SESSION_TRUST_HOME", str(ROOT / ".local")), NUMBA_DISABLE_JIT=off
            )
            each[name] = seconds / events
    return {"JIT off over on": each["off"] / each["on"]}


def addresses(_: World) -> Figures:
    """What follows from an address, for 200,000 distinct ones of each kind."""
    numbers = np.random.default_rng(2).integers(1 << 24, 224 << 24, 200_000)
    fours = [".".join(map(str, n.to_bytes(4, "big"))) for n in numbers.tolist()]
    sixes = [f"2a0{n >> 28:x}:{n >> 12 & 0xFFFF:x}::{n & 0xFFF:x}" for n in numbers.tolist()]
    mixed = [
        *fours[:100_000],
        *sixes[:50_000],
        *(f"10.{n & 255}.{n >> 8 & 255}.1" for n in numbers[:25_000].tolist()),
        *("x" * 9 for _ in range(25_000)),
    ]
    kinds = {"IPv4": fours, "IPv6": sixes, "mixed with private and malformed": mixed}
    return {f"microseconds an address, {name}": _facts_seconds(ips) / len(ips) * 1e6 for name, ips in kinds.items()}


def _facts_seconds(ips: list[str]) -> float:
    return best(lambda: lookup().facts(ips))


@memory_kept()
def peers(world: World) -> Figures:
    """Five features in pandas and in polars against ours with all of them, thread for thread, on the same events."""
    from scripts.benchmarks.pandas_polars import OURS, compare

    timings = compare(len(world.table), world.table)["timings"]
    seconds = {(timing["who"], timing["threads"]): timing["seconds"] for timing in timings}
    return {
        f"our {len(FEATURES)} features over five in {who} on {threads} thread(s)": seconds[OURS, threads] / took
        for (who, threads), took in seconds.items()
        if who != OURS
    }


def spark(_: World) -> Figures:
    """From Parquet to Parquet on Spark with two cores against this process, for even and for skewed identities."""
    from scripts.benchmarks.spark import measure as on_spark

    return on_spark(EVENTS)


PARTS: dict[str, Callable[[World], Figures]] = {
    part.__name__: part for part in (memory, online, cold, jit, addresses, batch, length, peers, spark)
}


def main(
    parts: Annotated[list[str] | None, typer.Argument(help=f"Among {', '.join(PARTS)}; all without.")] = None,
) -> None:
    """Measure, print, and keep the figures in benchmarks/results.json."""
    unknown = set(parts or ()) - set(PARTS)
    if unknown:
        console.print(f"no part is called {', '.join(sorted(unknown))}: choose among {', '.join(PARTS)}")
        raise typer.Exit(2)
    results: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    world = World()
    for name in (each for each in PARTS if each in (parts or PARTS)):
        with console.status(f"measuring {name}: {PARTS[name].__doc__}"):
            figures = PARTS[name](world)
        for what, value in figures.items():
            console.print(f"{name:10} {what:75} {value:12,.3f}", highlight=False, soft_wrap=True)
        results.setdefault("features", {})[name] = {what: round(float(value), 4) for what, value in figures.items()}
    versions = ", ".join(f"{module.__name__} {module.__version__}" for module in (numba, np, pa))
    results["machine"] = f"{os.cpu_count()} cores, Python {platform.python_version()}, {versions}"
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    typer.run(main)
