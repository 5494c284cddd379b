"""The body of `POST /events` -> events: in our own form, or read from a vendor's native log.

One record that is no event never fails the others: it is named by its place and the reason, and they are taken.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from features.event.schema import Event
from features.sources.file_import import event_or_reason, parser_of
from features.sources.formats.files import TooLarge, decompress, is_gzip
from features.sources.formats.records import JSON, NotAnEvent, PositionedRecord, Record, RecordForm, records_in
from features.sources.log_source import LogSource, RecordParser
from features.sources.mapping.map_file import MapError
from features.sources.mapping.mapped_source import GENERIC, named_map
from features.sources.registry import SOURCES
from serving.contracts.strict_json import DECODER, flaw_in
from serving.errors import InvalidField

SOURCE_NAMES = tuple(sorted((*SOURCES, GENERIC)))
"""What `source` and `importer` may be."""
MOST_RECORDS = 100_000
"""Records in one body."""
MOST_UNPACKED = 32 * 1024 * 1024
"""Characters of records that are compressed one by one inside a body, once decompressed, together."""
MOST_NAMED = 1_000
"""Records that are named as broken; the rest are counted."""
_LONGEST_REASON = 300
_LAYERS = 2
"""A gzip file may be sent with `Content-Encoding: gzip` on top."""
WANTED = (
    'send a JSON array of records, one record as an object, a log file as it is ({"Records": [...]}), '
    "or one record a line (NDJSON); each may be compressed with gzip"
)


class BodyTooLarge(ValueError):
    """Decompressed, the body is larger than the route takes."""


@dataclass(frozen=True)
class ParsedRecords:
    """The events of a body, a sentence for each record that cannot be read, and what the other records are."""

    events: tuple[Event, ...]
    broken: tuple[str, ...]
    left_out: dict[str, int]
    """Records that are no act of a known identity, by what they are."""

    @property
    def named(self) -> list[str]:
        """The sentences for the answer, which stays short whatever was sent."""
        rest = len(self.broken) - MOST_NAMED
        return [*self.broken[:MOST_NAMED], *([f"and {rest:,} more records"] if rest > 0 else [])]


@dataclass(frozen=True)
class RecordOrigin:
    """How the records of a body are to be read."""

    source: LogSource | None
    """The log source of native records; None for events in our own form."""
    importer: str | None
    """By whose rules identities get their types: the source's, or that of the program that made events of its records;
    None where the types are the caller's own claims."""


def origin_of(query: Mapping[str, str], maps: Path) -> RecordOrigin:
    """How a request says that its records are to be read. Raises InvalidField for what there is not."""
    source, importer, name = query.get("source"), query.get("importer"), query.get("map")
    for parameter, value in (("source", source), ("importer", importer)):
        if value is not None and value not in SOURCE_NAMES:
            raise InvalidField(parameter, f"is not one of {', '.join(SOURCE_NAMES)}")
    if source is not None and importer is not None:
        raise InvalidField("importer", "is for events that another program made of a log; native records have a source")
    if (source == GENERIC) != (name is not None):
        wrong = "is needed: the name of a map" if name is None else f"is for the source {GENERIC} alone"
        raise InvalidField("map", wrong)
    if name is None:
        return RecordOrigin(SOURCES[source] if source else None, source or importer)
    try:
        return RecordOrigin(named_map(maps, name), f"{GENERIC} {name}")
    except (MapError, OSError) as error:
        raise InvalidField("map", str(error)) from None


def parse_records(body: bytes, source: LogSource | None, latest: datetime, *, batch: bool) -> ParsedRecords:
    """The events of a body that are not later than `latest`.

    `batch` says that the body is a batch even if it holds one object only. Raises InvalidField when the body is none of
    the forms taken, and for a single object that is no event.
    """
    form = JSON if source is None else source.form
    parse_record: RecordParser = Event.model_validate if source is None else parser_of(source)
    events: list[Event] = []
    broken: list[str] = []
    left_out: Counter[str] = Counter()
    # Bytes that are not UTF-8 become lone surrogates, which no event may hold: they break their own record only.
    text = body.decode("utf-8", errors="surrogateescape").removeprefix("\ufeff")
    for place, record in _positioned(text, form):
        event = _event_or_reason(record, parse_record, latest) if isinstance(record, dict) else record
        if isinstance(event, Event):
            events.append(event)
        elif isinstance(event, NotAnEvent):
            left_out[str(event)] += 1
        else:
            broken.append(f"{place}: {event[:_LONGEST_REASON]}".encode(errors="replace").decode())
    if len(broken) == 1 and not events and not batch and not _is_list(text):
        raise InvalidField("body", f"{broken[0].partition(': ')[2]}; {WANTED}")
    return ParsedRecords(tuple(events), tuple(broken), dict(left_out))


def decompressed(body: bytes, limit: int) -> bytes:
    """The body without gzip. Raises BodyTooLarge, and InvalidField when the gzip data is damaged."""
    for _ in range(_LAYERS):
        if not is_gzip(body):
            break
        try:
            body, damage = decompress(body, limit)
        except TooLarge as error:
            raise BodyTooLarge(str(error)) from None
        if damage:
            raise InvalidField("body", damage)
    if is_gzip(body):
        raise InvalidField("body", f"is compressed more than {_LAYERS} times: send it as gzip or as it is")
    return body


def _positioned(text: str, form: RecordForm) -> list[PositionedRecord]:
    """Every record with its place. Raises InvalidField when there is none and the text is not a list of them."""
    positioned: list[PositionedRecord] = []
    for each in records_in(text, DECODER, first=0, form=form, unpacked_limit=MOST_UNPACKED):
        positioned.append(each)
        if len(positioned) > MOST_RECORDS:
            raise InvalidField("body", f"holds more than {MOST_RECORDS:,} records; send fewer at a time")
    reasons = [record for _, record in positioned if isinstance(record, str)]
    if len(reasons) == len(positioned) and not _is_list(text):
        raise InvalidField("body", f"{reasons[0] if reasons else 'is empty'}; {WANTED}")
    return positioned


def _is_list(text: str) -> bool:
    try:
        value = DECODER.decode(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, list) or (isinstance(value, dict) and "Records" in value)


def _event_or_reason(record: Record, parse_record: RecordParser, latest: datetime) -> Event | NotAnEvent | str:
    flaw = flaw_in(record)
    if flaw is not None:
        return f"is not JSON: {flaw}"
    event = event_or_reason(record, parse_record)
    return "time: lies in the future" if isinstance(event, Event) and event.time > latest else event
