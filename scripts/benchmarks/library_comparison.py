"""Benchmark: five features in pandas and in polars beside all features in this package, on the same events."""

from __future__ import annotations

import math
import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import typer

from features import feature_names, rows_of
from features.engine.batch import replay_rows
from features.history.population import measure_population
from scripts.benchmarks.pandas_polars import FIVE, as_pandas, as_polars, in_order, in_pandas, in_polars
from scripts.benchmarks.timing import fastest_seconds
from training import simulate

OURS = "session-trust"
ROUNDS = 9
"""How often each is timed; the fastest round counts."""
EVENTS_PER_IDENTITY = 200
"""About how many events a simulated identity makes in five weeks; rather too few, so that enough are simulated."""


def simulated(rows: int) -> pa.Table:
    """The first events of a simulated world of five weeks."""
    identities = max(20, math.ceil(rows / EVENTS_PER_IDENTITY))
    return simulate(1, identities=identities, days=35).events.slice(0, rows)


def compare(rows: int, events: pa.Table | None = None) -> dict[str, Any]:
    """Seconds of each library on the same events, on one thread and (all but pandas) on two, and how far they agree.

    Without `events`, they are simulated.
    """
    os.environ.setdefault("POLARS_MAX_THREADS", "1")  # read when polars is first imported, here
    table = in_order((simulated(rows) if events is None else events).slice(0, rows))
    one_thread, (values, frame, other) = _timed(table, 1)
    return {
        "events": table.num_rows,
        "timings": [*one_thread, *_with_threads(2, table)],
        "agreeing": {name: (_agreeing(values, frame, name), _agreeing(values, other, name)) for name in FIVE},
    }


def _timed(table: pa.Table, threads: int) -> tuple[list[dict[str, Any]], list[Any]]:
    """The timing and the result of ours, of pandas (on one thread only) and of polars.

    Ours is compiled beforehand, as in every process but the first of a build.
    """
    population = measure_population(table)
    replay_rows(rows_of(table.slice(0, 1)), population)
    libraries: dict[str, tuple[Callable[[pa.Table], Any], Callable[[Any], Any], int]] = {
        OURS: (rows_of, partial(replay_rows, population=population, threads=threads), len(feature_names())),
        "pandas": (as_pandas, in_pandas, len(FIVE)),
        "polars": (as_polars, in_polars, len(FIVE)),
    }
    if threads > 1:
        del libraries["pandas"]
    reading = [partial(reads, table) for reads, _, _ in libraries.values()]
    computing = [partial(made, read()) for (_, made, _), read in zip(libraries.values(), reading, strict=True)]
    results = [compute() for compute in computing]
    each = zip(libraries.items(), fastest_seconds(reading, ROUNDS), fastest_seconds(computing, ROUNDS), strict=True)
    return [_timing(name, count, threads, *seconds) for (name, (_, _, count)), *seconds in each], results


def _with_threads(threads: int, table: pa.Table) -> list[dict[str, Any]]:
    """The same in a process of its own, since polars reads its number of threads when it is imported."""
    before = os.environ["POLARS_MAX_THREADS"]
    os.environ["POLARS_MAX_THREADS"] = str(threads)
    try:
        with TemporaryDirectory() as folder, ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            pq.write_table(table, path := Path(folder) / "events.parquet")
            return pool.submit(_timed_from, path, threads).result()
    finally:
        os.environ["POLARS_MAX_THREADS"] = before


def _timed_from(path: Path, threads: int) -> list[dict[str, Any]]:
    return _timed(pq.read_table(path), threads)[0]


def _timing(library: str, features: int, threads: int, reading: float, seconds: float) -> dict[str, Any]:
    return {"library": library, "features": features, "threads": threads, "reading": reading, "seconds": seconds}


def _agreeing(values: Any, other: Any, name: str) -> float:
    """The share of rows in which the other library agrees with ours to a billionth; unknown agrees with unknown."""
    ours = values[:, feature_names().index(name)]
    return float(np.isclose(other[name].to_numpy(), ours, rtol=1e-9, atol=1e-9, equal_nan=True).mean())


def main(
    rows: Annotated[int, typer.Option(help="How many events, from the first.")] = 200_000,
    events: Annotated[Path | None, typer.Option(help="Your own events (Parquet); else they are simulated.")] = None,
) -> None:
    """Print the seconds of each library, and in what share of rows pandas and polars agree with ours."""
    comparison = compare(rows, pq.read_table(events) if events else None)
    count = comparison["events"]
    print(f"{count:,} events of {events or 'a simulated world'}, best of {ROUNDS}")
    print(f"{'':14}{'features':>9}{'threads':>9}{'reading s':>11}{'features s':>12}{'ns an event and feature':>25}")
    for timing in comparison["timings"]:
        each = timing["seconds"] / count / timing["features"] * 1e9
        seconds = f"{timing['reading']:11.2f}{timing['seconds']:12.2f}{each:25.0f}"
        print(f"{timing['library']:14}{timing['features']:9}{timing['threads']:9}{seconds}")
    for name, (pandas, polars) in comparison["agreeing"].items():
        print(f"{name}: {pandas:.4%} of rows agree in pandas, {polars:.4%} in polars")


if __name__ == "__main__":
    typer.run(main)
