"""The log sources that can be imported: for each, one function from a raw record to an Event."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pydantic import ValidationError

from features.event.arrow import table_of
from features.event.schema import Event
from features.sources.aws import cloudtrail
from features.sources.formats.records import Broken, Record, records_of

SOURCES: dict[str, Callable[[Record], Event]] = {"cloudtrail": cloudtrail.event_of}
"""To add a source, write its `event_of` in a module of its own and name it here. It raises ValueError where a record is
no event, with a sentence that says why."""


@dataclass(frozen=True)
class ImportReport:
    """What came of an import: the events as a table of EVENT_SCHEMA, and every record that gave none."""

    table: pa.Table
    broken: tuple[Broken, ...]


def import_files(
    source: str, files: Sequence[Path], progress: Callable[[int, int], None] | None = None
) -> ImportReport:
    """Read log files of one source, in their order; raises KeyError for a source that is not in SOURCES.

    `progress` is told how many files of how many are done.
    """
    event_of = SOURCES[source]
    events: list[Event] = []
    broken: list[Broken] = []
    for done, file in enumerate(files, start=1):
        for found in read_file(file, event_of):
            if isinstance(found, Broken):
                broken.append(found)
            else:
                events.append(found)
        if progress:
            progress(done, len(files))
    return ImportReport(table_of(_of_one_type_each(events)), tuple(broken))


def read_file(file: Path, event_of: Callable[[Record], Event]) -> Iterator[Event | Broken]:
    """Each record of a file as an Event, or as Broken with its place and the reason; nothing is dropped."""
    for position, record in records_of(file):
        if isinstance(record, str):
            yield Broken(file, position, record)
            continue
        try:
            yield event_of(record)
        except ValidationError as error:
            yield Broken(file, position, "; ".join(f"{_path(e['loc'])}: {e['msg']}" for e in error.errors()[:3]))
        except ValueError as error:
            yield Broken(file, position, str(error))


def _path(location: tuple[int | str, ...]) -> str:
    return ".".join(map(str, location)) or "event"


def _of_one_type_each(events: list[Event]) -> list[Event]:
    """One record may show a person (a sign-in, a second factor) where another of the same name shows only a key: who
    is a person anywhere in an import is one everywhere in it."""
    people = {event.identity.id for event in events if event.identity.type == "human"}
    return [_as_person(event) if event.identity.id in people else event for event in events]


def _as_person(event: Event) -> Event:
    if event.identity.type == "human":
        return event
    return event.model_copy(update={"identity": event.identity.model_copy(update={"type": "human"})})
