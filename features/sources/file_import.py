"""Read log files of a registered source as tables of events. No record is dropped silently.

A batch of records is in memory at a time, whatever the size of a file.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import pyarrow as pa
from pydantic import ValidationError

from features.event.arrow import EVENT_SCHEMA, table_of
from features.event.schema import Event
from features.garbage import no_full_collection
from features.sources.actions.generic_names import generic_category
from features.sources.actions.statements import more_harmful, statement_category
from features.sources.formats.files import BytesRead
from features.sources.formats.records import NotAnEvent, Record, UnreadableRecord, records_of
from features.sources.import_report import ImportReport
from features.sources.log_source import LogSource, RecordParser
from features.sources.registry import SOURCES
from features.sources.seen_events import SeenEvents

BATCH = 32_768
"""Events in memory at a time."""
_ERRORS_SHOWN = 3
"""Validation errors quoted for one record."""
Progress = Callable[[int, int], None]
"""Called with how many bytes are read and how many there are."""
Completion = Callable[[pa.Table], pa.Table]
"""Fills in what is known of events beside their log, such as the operator of their addresses."""


@dataclass(frozen=True)
class Imported:
    """The events of some files as one table of EVENT_SCHEMA, and what became of every record."""

    table: pa.Table
    report: ImportReport


def import_files(source: str | LogSource, files: Sequence[Path], progress: Progress | None = None) -> Imported:
    """Read log files of one source, in the order given; raises KeyError for a name that is not in SOURCES."""
    reading = EventReading(SOURCES[source] if isinstance(source, str) else source, files, progress=progress)
    tables = list(reading.batches())
    return Imported(pa.concat_tables(tables) if tables else EVENT_SCHEMA.empty_table(), reading.report)


@dataclass
class EventReading:
    """The reading of some files, which can go on where another one stopped: after the records that `report` covers."""

    source: LogSource
    files: Sequence[Path]
    report: ImportReport = field(default_factory=ImportReport)
    seen: SeenEvents = field(default_factory=SeenEvents)
    files_done: int = 0
    records_done: int = 0
    """Records of the file that is being read."""
    progress: Progress | None = None

    def batches(self, completion: Completion = lambda table: table) -> Iterator[pa.Table]:
        """Yield the events that were not seen before, a batch at a time; the state then covers the batch."""
        with no_full_collection():
            yield from self._batches(completion)

    def _batches(self, completion: Completion) -> Iterator[pa.Table]:
        parse = parser_of(self.source, self.report)
        sizes = [_size(file) for file in self.files]
        events: list[Event] = []
        for file in self.files[self.files_done :]:
            wrappers: Counter[str] = Counter()
            position = BytesRead(sum(sizes[: self.files_done]))
            found = records_of(file, self.source.form, wrappers, position)
            deque(islice(found, self.records_done), maxlen=0)
            wrappers.clear()  # the report covers those of the skipped records
            for place, record in found:
                self.records_done += 1
                self._take(file, place, event_or_reason(record, parse) if isinstance(record, dict) else record, events)
                if len(events) == BATCH:
                    self._count(wrappers, position, sum(sizes))
                    yield self._table(events, completion)
                    events = []
            self.files_done, self.records_done = self.files_done + 1, 0
            self._count(wrappers, position, sum(sizes))
        if events:
            yield self._table(events, completion)

    def _take(self, file: Path, place: str, result: Event | NotAnEvent | str, events: list[Event]) -> None:
        if isinstance(result, Event):
            events.append(result)
        elif isinstance(result, NotAnEvent):
            self.report.add_other(result)
        else:
            self.report.add_unreadable(UnreadableRecord(file, place, result))

    def _count(self, wrappers: Counter[str], position: BytesRead, total: int) -> None:
        self.report.wrappers += wrappers
        wrappers.clear()
        if self.progress:
            self.progress(position.bytes, total)

    def _table(self, events: list[Event], completion: Completion) -> pa.Table:
        table = self.seen.without_repeats(table_of(events))
        self.report.duplicates += len(events) - table.num_rows
        table = completion(table)
        self.report.add_events(table)
        return table


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def parser_of(source: LogSource, report: ImportReport | None = None) -> RecordParser:
    """The source's parser; an action that the vendor's table does not know gets the category that its words say, and
    is counted in the report. A statement that it carries out counts where it does more harm."""

    def parse(record: Record) -> Event:
        event = source.parse(record)
        category = event.action.category
        if category is None or source.general_categories:
            category = more_harmful(category, generic_category(event.action.name))
        if event.action.category is None and report:
            report.add_category(event, by_words=category is not None)
        statement = source.statement(record)
        if statement is not None:
            category = more_harmful(category, statement_category(statement, generic_category))
        if category == event.action.category:
            return event
        return event.model_copy(update={"action": event.action.model_copy(update={"category": category})})

    return parse


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


def _path(location: tuple[int | str, ...]) -> str:
    return ".".join(map(str, location)) or "event"
