"""On a real Spark the replay gives the same bits, whatever the time zone, the batches and the partitions."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from support.random_events import random_events

from features.arrays import Array
from features.catalogue.all import feature_names
from features.engine import spark
from features.engine.batch import replay
from features.event.arrow import table_of
from features.history.population import empty_population, measure_population

pytestmark = [
    pytest.mark.integration,
    # PySpark warns of pandas 3, which replay never meets.
    pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning"),
]
COPIES, BATCH, AT_ONCE = 100, 5_000, 12_000


@pytest.fixture(scope="module")
def session() -> Iterator[Any]:
    """Two cores, a time zone that is not UTC, and batches so small that ties lie across their borders."""
    pytest.importorskip("pyspark", reason="pyspark is not installed: pip install 'session-trust[spark]'")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java, which is not installed")
    options = {
        "spark.sql.session.timeZone": "America/New_York",
        "spark.sql.execution.arrow.maxRecordsPerBatch": str(BATCH),
        "spark.sql.shuffle.partitions": "5",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",  # to optimise takes longer than these tests run
        "spark.driver.memory": "2g",  # a result that does not fit beside the others is lost
        "spark.log.level": "OFF",  # one test means to fail
        "spark.ui.showConsoleProgress": "false",
    }
    session = spark.session("local[2]", options)
    yield session
    session.stop()


@pytest.fixture(scope="module")
def events() -> pa.Table:
    """200,000 events: half of them one service account's, AT_ONCE of those at once; some ids and identities unknown."""
    base = table_of(random_events(2_000, seed=11, hours=2.0))
    table = pa.concat_tables([_copy(base, number) for number in range(COPIES)])
    row = np.arange(len(table))
    busy = pc.if_else(pa.array(row % 2 == 0), "service-account", table["identity.id"])
    at_once = pa.array((row >= 50_000) & (row < 50_000 + 2 * AT_ONCE) & (row % 2 == 0))
    table = _with(table, "identity.id", pc.if_else(pa.array(row % 101 == 0), pa.scalar(None, pa.string()), busy))
    table = _with(table, "time", pc.if_else(at_once, table["time"][0], table["time"]))
    return table.append_column("row", pa.array(row))


def _copy(base: pa.Table, number: int) -> pa.Table:
    """The events again some seconds later, under other ids; every tenth copy is of the same identities."""
    later = pc.add(base["time"], pa.scalar(number * 1_000_000, pa.duration("us")))
    table = _with(base, "id", pc.binary_join_element_wise(base["id"], str(number), "~"))
    table = _with(table, "identity.id", pc.binary_join_element_wise(base["identity.id"], str(number % 10), "~"))
    return _with(table, "time", later)


def _with(table: pa.Table, name: str, values: Any) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, values)


def _features(table: pa.Table) -> Array:
    return np.column_stack([table[name].to_numpy() for name in feature_names()])


def test_spark_gives_the_bits_of_the_replay_in_this_process(session: Any, events: pa.Table, tmp_path: Path) -> None:
    """Over 200,000 skewed events with ties, no cell differs, and every row is named by what identifies it."""
    pq.write_table(events, tmp_path / "events.parquet", row_group_size=50_000)
    population = measure_population(events)

    done = spark.replay(session.read.parquet(str(tmp_path)), population).toArrow().sort_by("row")

    which = ("id", "identity.id", "row")
    assert [name for name in which if not done[name].equals(events[name])] == []
    assert done["time"].cast(pa.int64()).equals(events["time"].cast(pa.int64()))
    assert _differing(_features(done), replay(events, population)) == []


def _differing(left: Array, right: Array) -> list[str]:
    return [name for i, name in enumerate(feature_names()) if left[:, i].tobytes() != right[:, i].tobytes()]


def test_columns_that_are_missing_are_unknown(session: Any, events: pa.Table) -> None:
    """Also without `row`: events that all have ids are in order by them."""
    few = events.select(["id", "identity.id", "time", "authentication.amr", "network.asn"]).slice(0, 5_000)
    few = few.filter(few["id"].is_valid())

    done = spark.replay(session.createDataFrame(few), empty_population(), partitions=3).toArrow()

    places = pc.index_in(few["id"], done["id"].combine_chunks()).to_numpy()
    assert _differing(_features(done)[places], replay(few, empty_population())) == []
    assert done.column_names[:4] == ["id", "identity.id", "time", feature_names()[0]]


def test_what_no_event_can_hold_is_refused_as_in_process(session: Any, events: pa.Table) -> None:
    """An event without a time has no place in a history; the error names the column."""
    from pyspark.errors import PythonException

    few = _with(events.slice(0, 10), "time", pa.nulls(10, events.schema.field("time").type))

    with pytest.raises(PythonException, match="column 'time' in row 0 is null"):
        spark.replay(session.createDataFrame(few), empty_population()).collect()


def test_without_pyspark_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the extra and Java."""
    monkeypatch.setitem(sys.modules, "pyspark", None)

    with pytest.raises(spark.SparkMissing, match=r"pyspark: pip install 'session-trust\[spark\]'.* Java"):
        spark.replay(None, empty_population())  # type: ignore[arg-type]  # it is refused before it is looked at


def test_without_java_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before Spark fails with a message of its own."""
    pytest.importorskip("pyspark", reason="pyspark is not installed: pip install 'session-trust[spark]'")
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("JAVA_HOME", raising=False)

    with pytest.raises(spark.SparkMissing, match=r"Spark needs Java: .* Java runtime"):
        spark.session()
