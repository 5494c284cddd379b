"""The same replay on Spark: bit for bit what `features.engine.batch` gives, for logs that do not fit one machine.

Any task encodes events as numbers before the shuffle; only the replay needs an identity's events together and in order.
So a busy identity delays the compiled step and the writing alone, one flat record an event is shuffled, and ties are
sorted by the same hash as in-process, however Arrow cuts batches.

Needs pyspark and Java, and `features` installed on every worker; `training` is not needed there.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from features.arrays import Array
from features.catalogue.all import feature_names
from features.engine.batch import by_column
from features.engine.batch_state import BatchState
from features.event.arrow import conform
from features.event.numpy_row import rows_of
from features.event.row_fields import CONTEXT, FIELDS, ROW
from features.history.layout import copied
from features.settings import PREFIX, get_settings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

MISSING = "Spark needs {}: pip install 'session-trust[spark]', and install a Java runtime (17 or later)"
PACKAGES = Path(__file__).resolve().parent.parent.parent

USED_COLUMNS = frozenset({"row", *CONTEXT, *(field.column for field in FIELDS)})
"""The columns from which a row is made; others need not travel."""
ENCODED_COLUMNS = "id string, identity string, identity_key long, at long, event_key long, row long, event binary"
"""An event before the shuffle; `event` holds the bytes of its ROW."""
RESULT_COLUMNS = "id string, `identity.id` string, time timestamp, row long"
"""What identifies a row of the result; the features follow."""

Batches = Iterator[pa.RecordBatch]


class SparkMissing(ImportError):
    """pyspark or Java is not installed here."""


def session(master: str = "local[*]", options: Mapping[str, str] | None = None) -> SparkSession:
    """A session on this machine: no UI, bound to 127.0.0.1, its workers with this Python, these packages, this home."""
    _require()
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # pyspark reads it from nowhere else
    ours = {
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraJavaOptions": "-XX:+UseParallelGC",  # nobody waits for an answer: pauses cost nothing
        "spark.sql.execution.arrow.maxRecordsPerBatch": "50000",
        "spark.executorEnv.PYTHONPATH": str(PACKAGES),
        f"spark.executorEnv.{PREFIX}HOME": str(get_settings().home),
    }
    return SparkSession.Builder().master(master).config(map={**ours, **(options or {})}).getOrCreate()


def replay(events: DataFrame, population: Array, *, partitions: int | None = None) -> DataFrame:
    """`id`, `identity.id`, `time` and `row` (if given) of every event, and one double per feature, in no set order.

    `events` has columns of EVENT_SCHEMA by their flat names; those it lacks are unknown. `row` (int64) is the position
    in the input, which orders events of the same time that have no id; without it theirs is the one order not defined.
    What no event can hold is refused as in-process, when Spark runs; the row it names counts from its Arrow batch.

    An identity stays in one task, whose events Spark sorts on disk and whose memory holds a batch and the histories.
    So one with half of all events takes as long as its replay and writing; with more `partitions` than cores (without:
    `spark.sql.shuffle.partitions`) the others share its task with few and go on beside it. A number given to
    `repartition` is one that adaptive execution neither merges nor splits. The compiled step is kept in
    SESSION_TRUST_HOME: the executor's own (`spark.executorEnv.SESSION_TRUST_HOME`), else the driver's.
    """
    _require()
    encoded = _encoded(events)
    count = partitions or int(str(events.sparkSession.conf.get("spark.sql.shuffle.partitions")))
    placed = encoded.repartition(count, "identity_key").sortWithinPartitions("at", "event_key", "row")
    schema = ", ".join([RESULT_COLUMNS, *(f"`{name}` double" for name in feature_names())])
    replay_part = partial(_replay_part, str(get_settings().home), population)
    result = placed.drop("identity_key", "event_key").mapInArrow(replay_part, schema)
    return result if "row" in events.columns else result.drop("row")


def _require() -> None:
    """Refuse by saying what to install. Workers get this module's functions as they are, instead of importing
    `training`, which would cost each of them seconds."""
    if importlib.util.find_spec("pyspark") is None:
        raise SparkMissing(MISSING.format("pyspark"))
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        raise SparkMissing(MISSING.format("Java"))
    from pyspark import cloudpickle

    cloudpickle.register_pickle_by_value(sys.modules[__name__])  # type: ignore[no-untyped-call, unused-ignore]


def _encoded(events: DataFrame) -> DataFrame:
    """The events as ENCODED_COLUMNS. mapInArrow cannot name columns with dots, so they travel by position."""
    columns = [name for name in events.columns if name in USED_COLUMNS]
    plain = [events[f"`{name}`"].alias(f"c{place}") for place, name in enumerate(columns)]
    return events.select(plain).mapInArrow(partial(_encode, columns), ENCODED_COLUMNS)


def _encode(columns: Sequence[str], batches: Batches) -> Batches:
    for batch in batches:
        given = pa.Table.from_batches([batch]).rename_columns(columns)
        events, rows = conform(given), rows_of(given)
        place = given["row"].cast(pa.int64()) if "row" in columns else pa.nulls(len(rows), pa.int64())
        keys = (pa.array(rows[name]) for name in ("identity_key", "time", "event_key"))
        arrays = [events["id"], events["identity.id"], *keys, place, _packed(rows)]
        yield from pa.table(arrays, [part.split()[0] for part in ENCODED_COLUMNS.split(", ")]).to_batches()


def _replay_part(home: str, population: Array, batches: Batches) -> Batches:
    _compile_once(home, population)
    state = BatchState(population)
    for batch in batches:
        values = by_column(state.read_and_update(_unpacked(batch["event"])))
        which = batch["id"], batch["identity"], batch["at"].cast(pa.timestamp("us", tz="UTC")), batch["row"]
        yield pa.record_batch([*which, *values], ["id", "identity.id", "time", "row", *feature_names()])


def _compile_once(home: str, population: Array) -> None:
    """One worker of a machine compiles the step; those that come at the same time wait and read it from the cache."""
    os.environ.setdefault(f"{PREFIX}HOME", home)
    with (get_settings().ensure_home() / "spark.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        BatchState(population).read_and_update(np.zeros(1, ROW))


def _packed(rows: Array) -> pa.Array:
    ends = np.arange(len(rows) + 1) * rows.itemsize
    return pa.Array.from_buffers(pa.large_binary(), len(rows), [None, pa.py_buffer(ends), pa.py_buffer(rows)])


def _unpacked(events: pa.Array) -> Array:
    whole = events.cast(pa.binary(ROW.itemsize))
    rows = np.frombuffer(whole.buffers()[1], ROW)[whole.offset :]
    return copied(rows[: len(whole)])  # Arrow's memory may be read-only, and the step wants to write
