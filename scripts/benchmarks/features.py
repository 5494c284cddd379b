"""Benchmark: the features. Each part measures them against something else in the same run."""

from __future__ import annotations

import ctypes
import os
import platform
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
from features.engine.batch_state import BatchState
from features.engine.online import read_and_update, step
from features.enrichment.ip_lookup import lookup
from features.event.arrow import events_of
from features.event.numpy_row import row_from, row_of, rows_of
from features.event.row_fields import ROW
from features.history.layout import CREDENTIAL, IDENTITY, SESSION, History
from features.history.population import measure_population
from scripts.benchmarks import cold_start, kernel_tricks
from scripts.benchmarks.timing import fastest_seconds, read_results, write_results
from training import simulate

EVENTS = 2_000_000
ROUNDS = 15
"""How often each is timed. The fastest round counts, since other work on the host slows few of them."""

Figures = dict[str, float]
console = Console(stderr=True)


class World:
    """Simulated events as rows in time order, repeated under new identities until there are EVENTS."""

    def __init__(self) -> None:
        with console.status("simulating a world of five weeks"):
            self.table = simulate(1).events
        rows = rows_of(self.table)
        copies = -(-EVENTS // len(rows))
        repeated = np.tile(rows, copies)[:EVENTS]
        repeated["identity_key"] += np.arange(len(repeated)) // len(rows)
        self.rows = repeated[time_order(repeated)]
        self.population = measure_population(self.table.slice(0, 200_000))


def fastest(call: Callable[[], Any]) -> float:
    """Seconds of the fastest of ROUNDS."""
    return fastest_seconds([call], ROUNDS)[0]


@contextmanager
def keeping_freed_memory() -> Iterator[None]:
    """Keep freed memory in the process: on a virtual machine it would go back to the host, and getting it again may
    take longer than what is measured. Small allocations are slower this way, so it is not always on."""
    limit = getattr(ctypes.CDLL(None), "mallopt", lambda *_: 0)
    for option, value in ((_TRIM_THRESHOLD, -1), (_MMAP_MAX, 0), (_ARENA_MAX, 1)):
        limit(option, value)
    yield
    for option, value in ((_TRIM_THRESHOLD, 128 * 1024), (_MMAP_MAX, 65_536)):
        limit(option, value)


_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8
"""As glibc's malloc.h numbers them."""


@keeping_freed_memory()
def batch(world: World) -> Figures:
    """All features in time order on one core, against sorting the same rows; on two cores; and reading the columns."""
    rows, count = world.rows, len(world.rows)
    state = BatchState(world.population)
    places = state.positions(rows, np.arange(count))
    values = np.empty((count, len(FEATURES)))

    def run() -> None:
        records = state.empty_histories()
        step().run(rows, places, records, world.population, values)

    shuffled = np.random.default_rng(1).permutation(count)
    identities, times = rows["identity_key"][shuffled].copy(), rows["time"][shuffled].copy()
    one, sort = fastest_seconds([run, lambda: np.lexsort((times, identities))], ROUNDS)
    whole, two = fastest_seconds([partial(replay_rows, rows, world.population, threads=n) for n in (1, 2)], ROUNDS)
    return {
        "events": count,
        "features": len(FEATURES),
        "million events a second, compiled step": count / one / 1e6,
        "step over np.lexsort of the shuffled rows": one / sort,
        "million events a second, with finding histories and output": count / whole / 1e6,
        "two threads over one": whole / two,
        "microseconds an event to make rows of Arrow columns": fastest(lambda: rows_of(world.table))
        / len(world.table)
        * 1e6,
    }


def memory(_: World) -> Figures:
    """Bytes of the history records."""
    return {
        "bytes an identity": IDENTITY.itemsize,
        "bytes a session": SESSION.itemsize,
        "bytes a credential": CREDENTIAL.itemsize,
    }


@keeping_freed_memory()
def length(world: World) -> Figures:
    """The cost of an event after a million others of the same identity, against one after ten."""
    identities = world.rows["identity_key"]
    same_identity = world.rows[identities == identities[0]]

    def per_event(past: int) -> float:
        before, after = np.resize(same_identity, past), np.resize(same_identity, 20_000)
        for rows, start in ((before, 0), (after, past)):
            rows["time"] = (start + np.arange(len(rows))) * SECOND
        state = BatchState(world.population)
        state.read_and_update(before)
        seconds = []
        for start in range(0, len(after), 1_000):
            begun = perf_counter()
            state.read_and_update(after[start : start + 1_000])
            seconds.append(perf_counter() - begun)
        return float(np.median(seconds))

    per_event(10)
    return {"cost after 1,000,000 events over after 10": per_event(1_000_000) / per_event(10)}


def online(world: World) -> Figures:
    """One event at a time: from a mapping of numbers to vector and history bytes, and from a validated Event."""
    events = list(events_of(world.table.slice(0, 4_000)))
    mappings = [dict(zip(ROW.names or (), row_of(event)[0].item(), strict=True)) for event in events]
    history = History.empty()

    def from_mapping(mapping: dict[str, float]) -> None:
        read_and_update(row_from(mapping), history, world.population, 1)
        history.identity.tobytes(), history.session.tobytes(), history.credential.tobytes()

    def from_event(event: Any) -> None:
        read_and_update(row_of(event), history, world.population, 1)
        history.identity.tobytes(), history.session.tobytes(), history.credential.tobytes()

    figures: Figures = {}
    for name, call, inputs in (("mapping", from_mapping, mappings), ("Event", from_event, events)):
        rounds = [np.array([_nanoseconds(call, each) for each in inputs]) / 1e3 for _ in range(ROUNDS)]
        figures |= {
            f"microseconds from a {name}, mean": min(times.mean() for times in rounds),
            f"microseconds from a {name}, p99": min(np.quantile(times, 0.99) for times in rounds),
        }
    return figures


def _nanoseconds(call: Callable[[Any], None], argument: Any) -> int:
    start = perf_counter_ns()
    call(argument)
    return perf_counter_ns() - start


def addresses(_: World) -> Figures:
    """Looking up 200,000 distinct addresses of each kind."""
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
    return fastest(lambda: lookup().facts(ips))


@keeping_freed_memory()
def peers(world: World) -> Figures:
    """All our features against five of them in pandas and in polars, on as many threads and the same events."""
    from scripts.benchmarks.library_comparison import OURS, compare

    timings = compare(len(world.table), world.table)["timings"]
    seconds = {(timing["library"], timing["threads"]): timing["seconds"] for timing in timings}
    return {
        f"our {len(FEATURES)} features over five in {library} on {threads} thread(s)": seconds[OURS, threads] / taken
        for (library, threads), taken in seconds.items()
        if library != OURS
    }


def spark(_: World) -> Figures:
    """A replay from Parquet to Parquet on Spark with two cores against this process, for even and skewed identities."""
    from scripts.benchmarks.spark import measure as measure_spark

    return measure_spark(EVENTS)


def cold(_: World) -> Figures:
    """Processes that have just started."""
    return cold_start.cold(ROUNDS)


def jit(world: World) -> Figures:
    """The same replay with and without the JIT."""
    return cold_start.jit(world.rows, world.population)


def tricks(world: World) -> Figures:
    """The same replay, and the first compilation, without each trick of the compiled step."""
    return kernel_tricks.tricks(world.rows, world.population)


PARTS: dict[str, Callable[[World], Figures]] = {
    part.__name__: part for part in (memory, online, cold, jit, tricks, addresses, batch, length, peers, spark)
}


def main(
    parts: Annotated[list[str] | None, typer.Argument(help=f"Some of {', '.join(PARTS)}; without, all.")] = None,
) -> None:
    """Measure, print, and keep the figures in benchmarks/results.json."""
    unknown = set(parts or ()) - set(PARTS)
    if unknown:
        console.print(f"no part is called {', '.join(sorted(unknown))}; the parts are {', '.join(PARTS)}")
        raise typer.Exit(2)
    results = read_results()
    world = World()
    for name in (each for each in PARTS if each in (parts or PARTS)):
        with console.status(f"measuring {name}: {PARTS[name].__doc__}"):
            figures = PARTS[name](world)
        for figure, value in figures.items():
            console.print(f"{name:10} {figure:75} {value:12,.3f}", highlight=False, soft_wrap=True)
        results.setdefault("features", {})[name] = {figure: round(float(value), 4) for figure, value in figures.items()}
    versions = ", ".join(f"{module.__name__} {module.__version__}" for module in (numba, np, pa))
    results["machine"] = f"{os.cpu_count()} cores, Python {platform.python_version()}, {versions}"
    write_results(results)


if __name__ == "__main__":
    typer.run(main)
