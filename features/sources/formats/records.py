"""Find the raw records in a log file: a JSON object or list, `{"Records": [...]}`, or one record per line (NDJSON).

A record that cannot be read is reported with its position; the readable records before and after it are kept. This
module does not know what a record means.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from features.sources.formats.files import read_text

Record = dict[str, Any]
_LISTS = ("Records", "records")
_MOST_DIGITS = 4_000
"""Of a number: Python reads no longer one. One record with such a number must not make the whole file unreadable."""
_LIST_START = re.compile(r'\s*(?:\{\s*"[Rr]ecords"\s*:\s*)?\[\s*')
_COMMA = re.compile(r"\s*,?\s*")
_BRACKET_OR_TEXT = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
"""A text that does not end takes all the rest, or looking for its end would begin anew at every quotation mark."""


def _integer(text: str) -> int | float:
    return int(text) if len(text) <= _MOST_DIGITS else float("inf")


DECODER = json.JSONDecoder(parse_int=_integer)
"""Reads what log files hold, which is not always strict JSON."""


class NotAnEvent(ValueError):
    """A well-formed record that is no act of an identity, such as a heartbeat, a digest or an insight.

    The message says what it is in a few fixed words ("an Insight event"): records are counted by it.
    """


class NobodyKnown(NotAnEvent):
    """A request of which the log does not say who made it: it is counted, and belongs to nobody's history."""


@dataclass(frozen=True)
class RecordForm:
    """How the records of a source lie in its files, beyond JSON and NDJSON, which every source may use."""

    list_names: tuple[str, ...] = ()
    """Members that hold a list of records in a file or an API's answer, such as `value`; `Records` is always read."""
    split: Callable[[Record], Iterable[Record]] | None = None
    """Cuts an object that holds several records into them, such as the spans of an OTLP export."""
    csv: bool = False
    """Whether it also comes as CSV with a header line; a row is a record of texts, without its empty cells."""
    parse_line: Callable[[str], Record] | None = None
    """Turns a line of text that is not JSON into a record; raises NotAnEvent, or ValueError saying why it is none."""


JSON = RecordForm()


@dataclass(frozen=True)
class UnreadableRecord:
    """A record, or the rest of a file, that could not be turned into an event."""

    file: Path
    position: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file}, {self.position}: {self.reason}"


PositionedRecord = tuple[str, Record | str | NotAnEvent]
"""A position in a file, and the record at it, the reason why it cannot be read, or what it is instead of an event."""


def records_of(file: Path, form: RecordForm = JSON) -> Iterator[PositionedRecord]:
    """Yield every record of a file with its position (`record 7` or `line 7`, counted from 1)."""
    try:
        text, damage = read_text(file)
    except OSError as error:
        yield "whole file", f"cannot be read: {error.strerror}"
        return
    yield from records_in(text, form=form)
    if damage:
        yield "end of file", damage


def records_in(
    text: str, decoder: json.JSONDecoder = DECODER, *, first: int = 1, form: RecordForm = JSON
) -> Iterator[PositionedRecord]:
    """Yield every record of a text in any of the forms above; `first` is the number of the first record in a list."""
    is_json = text.lstrip()[:1] in ("{", "[", "")
    if form.csv and not is_json:
        yield from _rows(text)
    elif form.parse_line and not is_json:
        yield from _text_lines(text, form.parse_line)
    else:
        for position, record in _json_records(text, decoder, first, form):
            if form.split is None or not isinstance(record, dict):
                yield position, record
            else:
                yield from ((position, part) for part in form.split(record))


def _rows(text: str) -> Iterator[PositionedRecord]:
    """Yield the rows of a CSV text as records of texts; a row that does not fit the header is reported."""
    rows = csv.reader(text.splitlines(keepends=True), strict=True)
    header = next(rows, [])
    while True:
        try:
            row = next(rows, None)
        except csv.Error as error:
            yield f"line {rows.line_num}", f"is not CSV: {error}"
            continue
        if row is None:
            return
        if row and len(row) != len(header):
            yield f"line {rows.line_num}", f"has {len(row)} columns where the header has {len(header)}"
        elif row:
            yield f"line {rows.line_num}", {name: cell for name, cell in zip(header, row, strict=True) if cell}


def _text_lines(text: str, parse_line: Callable[[str], Record]) -> Iterator[PositionedRecord]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                record: Record | str | NotAnEvent = parse_line(line.rstrip("\r"))
            except NotAnEvent as other:
                record = other
            except ValueError as error:
                record = str(error)
            yield f"line {number}", record


def _json_records(text: str, decoder: json.JSONDecoder, first: int, form: RecordForm) -> Iterator[PositionedRecord]:
    try:
        value = decoder.decode(text)
    except (ValueError, RecursionError) as error:
        start = _match_end(_LIST_START, text, 0)
        if start and not _first_line_is_json(text, decoder):
            yield from _damaged_list(text, start, decoder, first)
        elif isinstance(error, RecursionError):
            yield "whole file", "is nested too deeply"
        else:
            yield from _lines(text, decoder, first, form)
    else:
        yield from _unwrapped(value, "record {}", first, form)


def _listed(value: Record, form: RecordForm) -> list[Any] | None:
    return next((value[name] for name in _LISTS + form.list_names if isinstance(value.get(name), list)), None)


def _unwrapped(value: Any, position: str, first: int, form: RecordForm) -> Iterator[PositionedRecord]:
    """Yield the records in a JSON value; `position` is a format string for the number of each."""
    if isinstance(value, dict):
        wrapped = _listed(value, form)
        value = [value] if wrapped is None else wrapped
    elif not isinstance(value, list):
        value = [value]
    for number, record in enumerate(value, start=first):
        is_record = isinstance(record, dict)
        yield position.format(number), record if is_record else f"is {type(record).__name__}, not a JSON object"


def _first_line_is_json(text: str, decoder: json.JSONDecoder) -> bool:
    try:
        decoder.decode(text.lstrip().partition("\n")[0])
    except (ValueError, RecursionError):
        return False
    return True


def _match_end(pattern: re.Pattern[str], text: str, start: int) -> int:
    """The index after a match at `start`, or `start` itself without a match."""
    match = pattern.match(text, start)
    return match.end() if match else start


def _damaged_list(text: str, start: int, decoder: json.JSONDecoder, first: int) -> Iterator[PositionedRecord]:
    """Yield the records of a truncated or damaged JSON list. A damaged record is passed over if its brackets match."""
    number = first - 1
    while not text.startswith("]", start):
        number += 1
        try:
            value, start = decoder.raw_decode(text, start)
            record = value if isinstance(value, dict) else "is not a JSON object"
        except (ValueError, RecursionError) as error:
            reason = "is nested too deeply" if isinstance(error, RecursionError) else f"is not JSON: {error}"
            end = _end_of_value(text, start)
            if end is None:
                yield f"record {number} and all after it", reason
                return
            record, start = reason, end
        yield f"record {number}", record
        start = _match_end(_COMMA, text, start)
    if text[start + 1 :].strip(" \t\r\n}"):
        yield "end of file", "unexpected text after the list"


def _end_of_value(text: str, start: int) -> int | None:
    """Where an object or list ends, by its brackets alone; None when it does not begin here or does not end."""
    if text[start : start + 1] not in ("{", "["):
        return None
    depth = 0
    for match in _BRACKET_OR_TEXT.finditer(text, start):
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(match.group(), 0)
        if depth == 0:
            return match.end()
    return None


def _lines(text: str, decoder: json.JSONDecoder, first: int, form: RecordForm) -> Iterator[PositionedRecord]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value = decoder.decode(line)
        except (ValueError, RecursionError) as error:
            yield f"line {number}", f"is not JSON: {error}"
            continue
        wraps = isinstance(value, list) or (isinstance(value, dict) and _listed(value, form) is not None)
        yield from _unwrapped(value, f"line {number}, record {{}}" if wraps else f"line {number}", first, form)


def text_of(value: Any) -> str | None:
    """The value if it is non-empty text, else None."""
    return value if isinstance(value, str) and value else None


def part_of(record: Record, *names: str) -> Record:
    """The nested object under these names, one level per name; an empty object if any level is missing."""
    for name in names:
        value = record.get(name)
        record = value if isinstance(value, dict) else {}
    return record
