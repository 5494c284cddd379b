"""The log sources that can be imported: one reader each, from a file to events and broken records."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from features.broken import Broken
from features.cloudtrail import read_cloudtrail
from features.columns import table_of
from features.event import Event

Reader = Callable[[Path], Iterator[Event | Broken]]

SOURCES: dict[str, Reader] = {"cloudtrail": read_cloudtrail}
"""Reader by source name. To add a source, write its reader in a module of its own and name it here."""


@dataclass(frozen=True)
class ImportReport:
    """What came of an import: the events as a table of EVENT_SCHEMA, and every record that gave none."""

    table: pa.Table
    broken: tuple[Broken, ...]


def import_files(
    source: str, files: Sequence[Path], progress: Callable[[int, int], None] | None = None
) -> ImportReport:
    """Read log files of one source, in their order; raises KeyError for a source that is not in SOURCES."""
    read = SOURCES[source]
    events: list[Event] = []
    broken: list[Broken] = []
    for done, file in enumerate(files, start=1):
        found = list(read(file))
        events += [each for each in found if isinstance(each, Event)]
        broken += [each for each in found if isinstance(each, Broken)]
        if progress:
            progress(done, len(files))
    return ImportReport(table_of(events), tuple(broken))
