"""Import log files of a registered source as a table of events. No record is dropped silently."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pydantic import ValidationError

from features.event.arrow import table_of
from features.event.schema import Event
from features.sources.formats.records import Record, UnreadableRecord, records_of
from features.sources.registry import SOURCES, RecordParser

_ERRORS_SHOWN = 3
"""Validation errors quoted for one record."""


@dataclass(frozen=True)
class ImportReport:
    """The result of an import: the events as a table of EVENT_SCHEMA, and every record that could not be read."""

    table: pa.Table
    unreadable: tuple[UnreadableRecord, ...]


def import_files(
    source: str, files: Sequence[Path], progress: Callable[[int, int], None] | None = None
) -> ImportReport:
    """Read log files of one source, in the order given; raises KeyError for a source that is not in SOURCES.

    `progress` is called after each file with the number of files done and the total.
    """
    parse_record = SOURCES[source]
    events: list[Event] = []
    unreadable: list[UnreadableRecord] = []
    for done, file in enumerate(files, start=1):
        for result in read_file(file, parse_record):
            if isinstance(result, UnreadableRecord):
                unreadable.append(result)
            else:
                events.append(result)
        if progress:
            progress(done, len(files))
    return ImportReport(table_of(_with_consistent_types(events)), tuple(unreadable))


def read_file(file: Path, parse_record: RecordParser) -> Iterator[Event | UnreadableRecord]:
    """Yield each record of a file as an Event, or as an UnreadableRecord with its position and the reason."""
    for position, record in records_of(file):
        if isinstance(record, str):
            yield UnreadableRecord(file, position, record)
            continue
        event = event_or_reason(record, parse_record)
        yield UnreadableRecord(file, position, event) if isinstance(event, str) else event


def event_or_reason(record: Record, parse_record: RecordParser) -> Event | str:
    """The event of a record, or the reason why it is none: whatever one record holds, the others are still read."""
    try:
        return parse_record(record)
    except ValidationError as error:
        return "; ".join(f"{_path(e['loc'])}: {e['msg']}" for e in error.errors()[:_ERRORS_SHOWN])
    except ValueError as error:
        return str(error)
    except Exception as error:  # a record of a form that its parser did not foresee
        return f"cannot be read: {type(error).__name__}: {error}"


def _path(location: tuple[int | str, ...]) -> str:
    return ".".join(map(str, location)) or "event"


def _with_consistent_types(events: list[Event]) -> list[Event]:
    """Give an identity one type in the whole import.

    One record may show that an identity is a person (a sign-in, a second factor) where another of the same identity
    shows only a key: an identity that is a person in one record is a person in all of them.
    """
    people = {event.identity.id for event in events if event.identity.type == "human"}
    return [_as_person(event) if event.identity.id in people else event for event in events]


def _as_person(event: Event) -> Event:
    if event.identity.type == "human":
        return event
    return event.model_copy(update={"identity": event.identity.model_copy(update={"type": "human"})})
