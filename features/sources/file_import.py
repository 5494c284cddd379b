"""Import log files of a registered source as a table of events. No record is dropped silently."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
from pydantic import ValidationError

from features.event.arrow import table_of
from features.event.schema import Event
from features.sources.actions.generic_names import generic_category
from features.sources.formats.records import NotAnEvent, Record, UnreadableRecord, records_of
from features.sources.log_source import LogSource, RecordParser
from features.sources.registry import SOURCES

_ERRORS_SHOWN = 3
"""Validation errors quoted for one record."""


@dataclass(frozen=True)
class ImportReport:
    """The result of an import: the events as a table of EVENT_SCHEMA, and what became of every other record."""

    table: pa.Table
    unreadable: tuple[UnreadableRecord, ...]
    not_events: Counter[str] = field(default_factory=Counter)
    """Well-formed records that are no act of a known identity, by what they are."""


def import_files(
    source: str, files: Sequence[Path], progress: Callable[[int, int], None] | None = None
) -> ImportReport:
    """Read log files of one source, in the order given; raises KeyError for a source that is not in SOURCES.

    `progress` is called after each file with the number of files done and the total.
    """
    log_source = SOURCES[source]
    events: list[Event] = []
    unreadable: list[UnreadableRecord] = []
    not_events: Counter[str] = Counter()
    for done, file in enumerate(files, start=1):
        for result in read_file(file, log_source):
            if isinstance(result, UnreadableRecord):
                unreadable.append(result)
            elif isinstance(result, NotAnEvent):
                not_events[str(result)] += 1
            else:
                events.append(result)
        if progress:
            progress(done, len(files))
    return ImportReport(table_of(_with_consistent_types(events)), tuple(unreadable), not_events)


def read_file(file: Path, source: LogSource) -> Iterator[Event | UnreadableRecord | NotAnEvent]:
    """Yield each record of a file as an Event, as an UnreadableRecord with its position and the reason, or as the
    NotAnEvent that says what it is."""
    parse = parser_of(source)
    for position, record in records_of(file, source.form):
        result = event_or_reason(record, parse) if isinstance(record, dict) else record
        yield UnreadableRecord(file, position, result) if isinstance(result, str) else result


def event_or_reason(record: Record, parse: RecordParser) -> Event | NotAnEvent | str:
    """The event of a record, or the reason why it is none: whatever one record holds, the others are still read."""
    try:
        return parse(record)
    except NotAnEvent as other:
        return other
    except ValidationError as error:
        return "; ".join(f"{_path(e['loc'])}: {e['msg']}" for e in error.errors()[:_ERRORS_SHOWN])
    except ValueError as error:
        return str(error)
    except Exception as error:  # a record of a form that its parser did not foresee
        return f"cannot be read: {type(error).__name__}: {error}"


def parser_of(source: LogSource) -> RecordParser:
    """The source's parser; an action that the vendor's table does not know gets the category that its words say."""

    def parse(record: Record) -> Event:
        event = source.parse(record)
        if event.action.category is not None:
            return event
        category = generic_category(event.action.name)
        return event.model_copy(update={"action": event.action.model_copy(update={"category": category})})

    return parse


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
