"""Benchmark: features of a hundred million events from Parquet to Parquet. Measures time and memory.

    python -m scripts.benchmarks.disk [--events N] [--folder FOLDER]

The events are those of a simulated world, repeated under new identities, and nearly in time order as logs are. In full
this takes half an hour and 20 GB in the folder, which is emptied afterwards. scripts/bench features leaves it out.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Annotated

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import typer
from rich.console import Console

from features.history.population import measure_population
from scripts.benchmarks.timing import ROOT, read_results, write_results
from training import simulate

EVENTS = 100_000_000
WRITTEN_AT_ONCE = 1_000_000
"""Events written at a time."""
GIGABYTE = 1 << 30
TEMPORARY = Path(tempfile.gettempdir())

console = Console(stderr=True)


def measure(events: int, folder: Path) -> dict[str, float]:
    """Seconds, CPU seconds and peak memory of `session-trust features replay` in a process of its own."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        source, out, population = (Path(name) / part for part in ("events.parquet", "features", "population.npy"))
        base = simulate(1).events.sort_by("time")
        np.save(population, measure_population(base.slice(0, 200_000)))
        with console.status(f"writing {events:,} events"):
            _write(base, events, source)
        del base
        command = [sys.executable, "-m", "features", "replay", str(source), "--out", str(out)]
        start = perf_counter()
        process = subprocess.Popen([*command, "--population", str(population)], cwd=ROOT)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"session-trust features replay ended with {process.returncode}: see above")
        written = sum(file.stat().st_size for file in out.glob("part-*.parquet"))
        return {
            "events": events,
            "seconds": seconds,
            "CPU seconds": usage.ru_utime + usage.ru_stime,
            "GB of memory at most": usage.ru_maxrss * 1024 / GIGABYTE,
            "GB read": source.stat().st_size / GIGABYTE,
            "GB written": written / GIGABYTE,
        }


def _write(base: pa.Table, events: int, target: Path) -> None:
    with pq.ParquetWriter(target, base.schema, compression="zstd") as writer:
        for table in _repeated(base, events):
            writer.write_table(table)


def _repeated(base: pa.Table, events: int) -> Iterator[pa.Table]:
    """The events in slices of time, each slice once for every copy of the world."""
    copies = -(-events // len(base))
    rows, missing = max(1, WRITTEN_AT_ONCE // copies), events
    for start in range(0, len(base), rows):
        part = base.slice(start, rows)
        table = pa.concat_tables([_renamed(part, copy) for copy in range(copies)]).slice(0, missing)
        missing -= len(table)
        yield table


def _renamed(events: pa.Table, copy: int) -> pa.Table:
    for name in ("id", "identity.id"):
        column = events.schema.get_field_index(name)
        renamed = pc.binary_join_element_wise(events[name], f"~{copy}", "")
        events = events.set_column(column, events.schema.field(name), renamed)
    return events


def main(
    events: Annotated[int, typer.Option(min=1, help="How many events.")] = EVENTS,
    folder: Annotated[Path, typer.Option(exists=True, file_okay=False, help="A folder with enough space.")] = TEMPORARY,
) -> None:
    """Measure, print, and keep the figures in benchmarks/results.json."""
    figures = measure(events, folder)
    for name, value in figures.items():
        console.print(f"disk       {name:30} {value:16,.2f}", highlight=False)
    results = read_results()
    results.setdefault("features", {})["disk"] = {name: round(value, 2) for name, value in figures.items()}
    write_results(results)


if __name__ == "__main__":
    typer.run(main)
