"""Files larger than memory: the same bits, in any number of parts and slices, and gone on with where broken off."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.random_events import random_events
from typer.testing import CliRunner

from features.arrays import Array
from features.catalogue.all import FEATURES, feature_names
from features.catalogue.describe import digest
from features.cli.main import app
from features.engine import batch_files
from features.engine.batch import replay
from features.engine.batch_files import AnotherRun, replay_file
from features.event.arrow import table_of
from features.history.population import empty_population

EVENTS = table_of(random_events(3_000, seed=21))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "events.parquet"
    pq.write_table(EVENTS, path, row_group_size=500)
    return path


def in_order(folder: Path) -> Array:
    """The features of a replayed folder, in the order of the source."""
    table = pq.read_table(folder)
    matrix = np.column_stack([table[name].to_numpy() for name in feature_names()])
    return matrix[np.argsort(table["row"].to_numpy())]


@pytest.mark.parametrize(("parts", "slice_"), [(1, 10_000), (1, 400), (3, 10_000), (5, 150)])
def test_a_file_in_parts_and_slices_gives_the_same_bits(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parts: int, slice_: int
) -> None:
    """Every cell, ties in time that fall on a cut among them."""
    monkeypatch.setattr(batch_files, "SLICE", slice_)
    monkeypatch.setattr(batch_files, "BATCH", 333)

    count = replay_file(source, tmp_path / "out", empty_population(), parts=parts)

    assert (count, in_order(tmp_path / "out").tobytes()) == (3_000, replay(EVENTS, empty_population()).tobytes())


@pytest.mark.parametrize("after", [1, 4, 12])
def test_what_was_broken_off_goes_on(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Wherever it stops, a second call ends with the same, and does not compute a finished part again."""
    monkeypatch.setattr(batch_files, "BATCH", 500)
    told = []

    def stop(done: int, total: int) -> None:
        told.append(done)
        if len(told) == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replay_file(source, tmp_path / "out", empty_population(), parts=4, progress=stop)
    finished = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out").glob("part-*.parquet")}
    replay_file(source, tmp_path / "out", empty_population(), parts=4)

    kept = {name: (tmp_path / "out" / name).stat().st_mtime_ns for name in finished}
    assert (in_order(tmp_path / "out").tobytes(), kept) == (replay(EVENTS, empty_population()).tobytes(), finished)


def test_another_file_does_not_go_on_with_it(source: Path, tmp_path: Path) -> None:
    """A folder says what it was begun for."""
    replay_file(source, tmp_path / "out", empty_population())

    with pytest.raises(AnotherRun, match=r"was begun with another parts: name another --out"):
        replay_file(source, tmp_path / "out", empty_population(), parts=2)


def test_progress_ends_at_the_whole(source: Path, tmp_path: Path) -> None:
    """An event counts once for each step it goes through."""
    told: list[tuple[int, int]] = []
    replay_file(
        source, tmp_path / "out", empty_population(), parts=3, progress=lambda done, total: told.append((done, total))
    )

    assert told[-1] == (6_000, 6_000)


def test_the_columns_say_what_they_are(source: Path, tmp_path: Path) -> None:
    """Names, units and the catalogue's digest stand in the file."""
    replay_file(source, tmp_path / "out", empty_population())
    schema = pq.read_schema(tmp_path / "out" / "part-00000.parquet")

    units = [schema.field(f.name).metadata[b"unit"].decode() for f in FEATURES]

    assert (units, schema.metadata[b"catalogue"].decode()) == ([f.unit for f in FEATURES], digest())


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_change_no_bit(threads: int) -> None:
    """Identities are shared out; each is still told in order."""
    assert replay(EVENTS, empty_population(), threads=threads).tobytes() == replay(EVENTS, empty_population()).tobytes()


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (EVENTS.set_column(1, "time", pa.array(["yesterday"] * 3_000)), "column 'time' must be timestamp"),
        (pa.table({"nothing": [1]}), "holds no events: it lacks time, identity.id"),
    ],
)
def test_a_file_that_holds_no_events_is_refused_by_name(tmp_path: Path, table: pa.Table, said: str) -> None:
    """The command says which column is wrong and ends with 2."""
    pq.write_table(table, tmp_path / "wrong.parquet")

    run = CliRunner().invoke(app, ["replay", str(tmp_path / "wrong.parquet"), "--out", str(tmp_path / "out")])

    assert (run.exit_code, said in run.output.replace("\n", " ")) == (2, True)


def test_a_file_that_is_no_parquet_is_refused_by_name(tmp_path: Path) -> None:
    """And it is said that logs are imported first."""
    (file := tmp_path / "log.csv").write_text("who,what\nada,read\n")

    with pytest.raises(ValueError, match=r"log\.csv is no Parquet file .* first goes through import"):
        replay_file(file, tmp_path / "out", empty_population())


def test_an_empty_file_has_no_features(tmp_path: Path) -> None:
    """Nothing in, nothing out, no error."""
    pq.write_table(EVENTS.slice(0, 0), tmp_path / "none.parquet")

    assert replay_file(tmp_path / "none.parquet", tmp_path / "out", empty_population()) == 0
