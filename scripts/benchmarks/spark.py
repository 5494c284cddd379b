"""Benchmark: a replay on Spark against the same replay in this process, from Parquet to Parquet on two cores.

    python -m scripts.benchmarks.spark [rows] [events.parquet]

Each runs twice and the second run counts, since the first one compiles and starts workers. The events are those of a
file, or of a small simulated world, repeated under new identities until there are enough.
"""

from __future__ import annotations

import json
import math
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features import feature_names
from features.arrays import Array
from features.engine import spark
from features.engine.batch import by_column, replay
from features.history.population import measure_population

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PARTITIONS = 8
"""Four per core: few start quickly, and enough of them keep one core at work while the other has the busy identity."""
ROW_GROUP = 100_000
"""Rows of a Parquet row group; pyarrow's million would leave a core idle."""
WRITER_OPTIONS = {"parquet.enable.dictionary": "false"}
"""Dictionaries of doubles were half of the time of Spark's Parquet writer."""
SIMULATED_IDENTITIES = 200
BUSY = "identity of half of all events"


def measure(rows: int, events: Path | None = None) -> dict[str, float]:
    """Seconds in this process and on Spark, and their ratio: for even identities, and for a very busy one."""
    base = pq.read_table(events) if events else _simulated()
    population = measure_population(base.slice(0, 100_000))
    figures: dict[str, float] = {"events": rows}
    with tempfile.TemporaryDirectory() as folder, spark.session("local[2]") as session:
        for name, table in (("uniform", tiled(base, rows)), ("skewed", skewed(tiled(base, rows)))):
            source = Path(folder) / f"{name}.parquet"
            pq.write_table(table, source, row_group_size=ROW_GROUP)
            figures |= {f"{name}_{figure}": value for figure, value in _compared(session, source, population).items()}
    return figures


def tiled(base: pa.Table, rows: int) -> pa.Table:
    """The table repeated under new event and identity ids until it has `rows` rows, with a column `row`."""
    times = range(math.ceil(rows / len(base)))
    table = pa.concat_tables([_renamed(base, number) for number in times]).slice(0, rows)
    return table.append_column("row", pa.array(np.arange(rows)))


def skewed(table: pa.Table) -> pa.Table:
    """The table with every second event moved to the same identity."""
    identities = pc.if_else(pa.array(np.arange(len(table)) % 2 == 0), BUSY, table["identity.id"])
    return table.set_column(table.column_names.index("identity.id"), "identity.id", identities)


def _renamed(table: pa.Table, number: int) -> pa.Table:
    for name in ("id", "identity.id"):
        renamed = pc.binary_join_element_wise(table[name], str(number), "~")
        table = table.set_column(table.column_names.index(name), name, renamed)
    return table


def _simulated() -> pa.Table:
    from training.simulation.world import simulate

    return simulate(1, identities=SIMULATED_IDENTITIES).events


def _compared(session: SparkSession, source: Path, population: Array) -> dict[str, float]:
    local, distributed = source.with_suffix(".local"), source.with_suffix(".spark")
    in_process = _second_run_seconds(lambda: _in_process(source, local, population))
    on_spark = _second_run_seconds(lambda: _on_spark(session, source, distributed, population))
    shutil.rmtree(distributed)
    return {"in_process_seconds": in_process, "spark_seconds": on_spark, "ratio": round(on_spark / in_process, 2)}


def _in_process(source: Path, target: Path, population: Array) -> None:
    events = pq.read_table(source)
    values = by_column(replay(events, population))
    kept = events.select(["id", "identity.id", "time", "row"])
    pq.write_table(pa.table([*kept.columns, *values], [*kept.column_names, *feature_names()]), target)


def _on_spark(session: SparkSession, source: Path, target: Path, population: Array) -> None:
    features = spark.replay(session.read.parquet(str(source)), population, partitions=PARTITIONS)
    features.write.mode("overwrite").options(**WRITER_OPTIONS).parquet(str(target))


def _second_run_seconds(run: Callable[[], None]) -> float:
    run()
    started = time.perf_counter()
    run()
    return round(time.perf_counter() - started, 2)


if __name__ == "__main__":
    rows = int(sys.argv[1]) if sys.argv[1:] else 2_000_000
    print(json.dumps(measure(rows, Path(sys.argv[2]) if sys.argv[2:] else None), indent=2))
