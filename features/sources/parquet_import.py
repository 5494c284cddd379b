"""Import log files of any size into one Parquet file, in bounded memory, and resumed where it was broken off.

Batches are written beside the output, each with a note of how far the reading came; at the end they become one file.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from features.event.arrow import EVENT_SCHEMA
from features.sources.file_import import Completion, EventReading, Progress
from features.sources.import_report import ImportReport
from features.sources.log_source import LogSource

COMPRESSION = "zstd"
_NOTE = "state.json"


def import_to_parquet(
    source: LogSource,
    files: Sequence[Path],
    out: Path,
    completion: Completion = lambda table: table,
    progress: Progress | None = None,
    *,
    beside: Sequence[Path] = (),
    variant: str = "",
) -> ImportReport:
    """Read log files of one source into a Parquet file of EVENT_SCHEMA; returns what became of every record.

    After an interruption the same call goes on after the last batch that was written. It begins anew where one of the
    files changed, or of those `beside` that source and completion follow from, or the `variant` of completion is
    another. Raises OSError when the disk is full.
    """
    folder = out.with_name(f"{out.name}.parts")
    about = _about(f"{source.name} {variant}", [*files, *beside])
    reading, parts = _resumed(source, files, folder, about)
    reading.progress = progress
    for table in reading.batches(completion):
        pq.write_table(table, folder / f"{parts:06}.parquet", compression=COMPRESSION)
        parts += 1
        _write_note(folder, about, reading, parts)
    _join([folder / f"{part:06}.parquet" for part in range(parts)], out)
    shutil.rmtree(folder)
    return reading.report


def _about(source: str, files: Sequence[Path]) -> list[Any]:
    """What an import is of: another source, or files that changed, begin anew."""
    return [source, *([str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns] for file in files)]


def _resumed(source: LogSource, files: Sequence[Path], folder: Path, about: list[Any]) -> tuple[EventReading, int]:
    """The reading where the last one stopped, with the number of batches that are written; else a new one."""
    note = folder / _NOTE
    state = json.loads(note.read_text()) if note.exists() else {}
    if state.get("about") != about:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return EventReading(source, files), 0
    reading = EventReading(
        source, files, ImportReport.from_json(state["report"]), files_done=state["files"], records_done=state["records"]
    )
    for part in range(state["parts"]):
        reading.seen.without_repeats(pq.read_table(folder / f"{part:06}.parquet"))
    return reading, state["parts"]


def _write_note(folder: Path, about: list[Any], reading: EventReading, parts: int) -> None:
    state = {
        "about": about,
        "files": reading.files_done,
        "records": reading.records_done,
        "parts": parts,
        "report": reading.report.as_json(),
    }
    draft = folder / f"{_NOTE}.new"
    draft.write_text(json.dumps(state))
    draft.replace(folder / _NOTE)


def _join(parts: Sequence[Path], out: Path) -> None:
    draft = out.with_name(f"{out.name}.new")
    with pq.ParquetWriter(draft, EVENT_SCHEMA, compression=COMPRESSION) as writer:
        for part in parts:
            writer.write_table(pq.read_table(part))
    draft.replace(out)
