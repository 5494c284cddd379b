"""Replay of event files larger than memory, in bounded memory, and resumed where it was broken off.

A file's identities are partitioned on disk by a hash, so that the histories of one part fit into memory. Each part is
replayed in slices of time and becomes one file of the output folder. A part that is there is finished: it gets its name
only when it is complete.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.arrays import Array
from features.catalogue.all import FEATURES
from features.catalogue.describe import digest
from features.engine.batch import Count, Progress, by_column, time_order
from features.engine.batch_state import BatchState
from features.event.arrow import EVENT_SCHEMA, conform
from features.event.numpy_row import rows_of, take_rows
from features.hashing import key_of
from features.history.population import population_digest

BATCH = 65_536
SLICE = 1_000_000
"""Events in memory at a time: some two gigabytes with their texts, rows and features."""
EVENTS_A_PART = 5_000_000
COMPRESSION = "zstd"
_REQUIRED_COLUMNS = ("time", "identity.id", "identity.type", "action.name")


class AnotherRun(ValueError):
    """The output folder holds the features of another file, catalogue or population."""


def replay_file(
    source: Path, out: Path, population: Array, *, parts: int | None = None, progress: Progress | None = None
) -> int:
    """Replay a Parquet file of events into a folder of Parquet files; returns the number of events.

    Rows are in time order within a part; the column `row` is an event's position in the source. Raises AnotherRun when
    the folder was begun for something else, ValueError when the file holds no events, OSError when the disk is full:
    call again then, and it continues. `progress` counts an event once for each step it goes through.
    """
    try:
        file = pq.ParquetFile(source)
    except pa.ArrowInvalid as error:
        raise ValueError(f"{source} is no Parquet file ({error}); a vendor's log first goes through import") from error
    _check(file.schema_arrow, source)
    events = file.metadata.num_rows
    parts = parts or 1 + events // EVENTS_A_PART
    _begin(out, source, population, parts)
    total = events * (1 if parts == 1 else 2)
    done = Count(total, progress)
    files = [source] if parts == 1 else _partition(source, out / "_work", parts, done)
    for number, part in enumerate(files):
        target = out / f"part-{number:05}.parquet"
        if target.exists():
            done.add(pq.ParquetFile(target).metadata.num_rows)
        else:
            _replay_part(part, target, population, done, numbered=parts > 1)
    shutil.rmtree(out / "_work", ignore_errors=True)
    return int(events)


def schema() -> pa.Schema:
    """The columns of a replayed file: `row`, then each feature with its unit; the catalogue's digest beside."""
    columns = [
        pa.field(f.name, pa.float64(), metadata={"unit": f.unit, "sentence": f.sentence, "module": f.module})
        for f in FEATURES
    ]
    return pa.schema([pa.field("row", pa.int64()), *columns], metadata={"catalogue": digest()})


def _check(columns: pa.Schema, source: Path) -> None:
    missing = [name for name in _REQUIRED_COLUMNS if name not in columns.names]
    if missing:
        raise ValueError(f"{source} holds no events: it lacks {', '.join(missing)}; see session-trust features import")


def _begin(out: Path, source: Path, population: Array, parts: int) -> None:
    """Record what the folder is for, or check that it is for the same."""
    about = {
        "source": str(source.resolve()),
        "bytes": source.stat().st_size,
        "modified": source.stat().st_mtime,
        "catalogue": digest(),
        "population": population_digest(population),
        "parts": parts,
    }
    out.mkdir(parents=True, exist_ok=True)
    note = out / "_run.json"
    if not note.exists():
        note.write_text(json.dumps(about, indent=1))
        return
    begun = json.loads(note.read_text())
    other = [name for name in about if begun.get(name) != about[name]]
    if other:
        raise AnotherRun(f"{out} was begun with another {', '.join(other)}: name another --out, or delete it")


def _partition(source: Path, folder: Path, parts: int, done: Count) -> list[Path]:
    """The source partitioned into files by identity, each row with its position; repeated if it was interrupted."""
    complete = folder / "complete"
    files = [folder / f"{number:05}.parquet" for number in range(parts)]
    if complete.exists():
        done.add(pq.ParquetFile(source).metadata.num_rows)
        return files
    folder.mkdir(exist_ok=True)
    with ExitStack() as stack:
        writers = [stack.enter_context(pq.ParquetWriter(f, _PARTITION_SCHEMA, compression=COMPRESSION)) for f in files]
        waiting: list[list[pa.Table]] = [[] for _ in files]
        for first, table in _batches(source):
            numbered = conform(table).append_column("row", pa.array(first + np.arange(table.num_rows)))
            for number, own in enumerate(_by_part(numbered, parts)):
                waiting[number].append(own)
                if sum(map(len, waiting[number])) >= BATCH:
                    _flush(writers[number], waiting[number])
            done.add(table.num_rows)
        for writer, rest in zip(writers, waiting, strict=True):
            _flush(writer, rest)
    complete.touch()
    return files


_PARTITION_SCHEMA = EVENT_SCHEMA.append(pa.field("row", pa.int64()))


def _batches(file: Path, wanted: Array | None = None) -> Iterator[tuple[int, pa.Table]]:
    """A file's tables, each with the position of its first row; row groups without a wanted row are not read."""
    parquet = pq.ParquetFile(file)
    end = 0
    for group in range(parquet.num_row_groups):
        start, end = end, end + parquet.metadata.row_group(group).num_rows
        if wanted is None or wanted[start:end].any():
            for batch in parquet.iter_batches(BATCH, row_groups=[group]):
                yield start, pa.Table.from_batches([batch])
                start += batch.num_rows


def _by_part(events: pa.Table, parts: int) -> Iterator[pa.Table]:
    """The events of each part, in their order."""
    coded = events["identity.id"].combine_chunks().dictionary_encode()
    part = np.array([key_of(identity) % parts for identity in coded.dictionary.to_pylist()], np.int64)
    part = part[coded.indices.to_numpy()]
    together = events.take(pa.array(np.argsort(part, kind="stable")))
    ends = np.cumsum(np.bincount(part, minlength=parts)).tolist()
    for start, end in pairwise([0, *ends]):
        yield together.slice(start, end - start)


def _flush(writer: pq.ParquetWriter, waiting: list[pa.Table]) -> None:
    """Write the waiting tables as one row group: many small groups would cost more than their events."""
    if waiting:
        writer.write_table(pa.concat_tables(waiting))
        waiting.clear()


def _replay_part(part: Path, target: Path, population: Array, done: Count, *, numbered: bool) -> None:
    state = BatchState(population)
    draft = target.with_suffix(".draft")
    # a dictionary of doubles takes longer to look for than all else of writing, and makes the file larger
    with pq.ParquetWriter(draft, schema(), compression=COMPRESSION, use_dictionary=False) as writer:
        for rows, positions in _slices(part, numbered):
            order = time_order(rows)
            for start in range(0, len(rows), BATCH):
                chosen = order[start : start + BATCH]
                values = state.read_and_update(take_rows(rows, chosen))
                columns = [positions[chosen], *by_column(values)]
                writer.write_table(pa.table(columns, schema=schema()))
                done.add(len(chosen))
    draft.replace(target)


def _slices(part: Path, numbered: bool) -> Iterator[tuple[Array, Array]]:
    """The rows of a part and their positions in the source, in slices of time of about SLICE events.

    Events of one time are never cut apart. A part far from time order is read once for every slice.
    """
    times = conform(pq.read_table(part, columns=["time"]))["time"].cast(pa.int64()).to_numpy()
    for start, end in pairwise(_cuts(times)):
        chosen = (times >= start) & (times < end)
        kept, positions = [], []
        for first, table in _batches(part, chosen):
            in_slice = chosen[first : first + table.num_rows]
            wanted = table.filter(pa.array(in_slice))
            kept.append(rows_of(wanted))
            positions.append(wanted["row"].to_numpy() if numbered else first + np.flatnonzero(in_slice))
        yield np.concatenate(kept), np.concatenate(positions)


def _cuts(times: Array) -> list[int]:
    """Times at which to cut: the first, every SLICE-th that is later than the cut before, and one after the last."""
    ordered = np.sort(times)
    if len(ordered) == 0:
        return []
    inner = np.unique(ordered[SLICE::SLICE])
    return [int(ordered[0]), *(int(t) for t in inner if t > ordered[0]), int(ordered[-1]) + 1]
