"""Find the raw records of a source in a log file: JSON in any arrangement, wrapped or not, CSV, or lines of text.

A record that cannot be read is reported with its position; the readable records before and after it are kept. This
module does not know what a record means.
"""

from __future__ import annotations

import csv
import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from features.sources.formats.files import BytesRead, Damaged, text_chunks
from features.sources.formats.json_text import DECODER, Unreadable, json_values
from features.sources.formats.wrappers import WRAPPERS, Wrapper, listed_in, unpacked

Record = dict[str, Any]

_LISTS = ("Records", "records")
_DEEPEST = 6
"""Wrappers inside each other."""


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
    wrappers: tuple[Wrapper, ...] = ()
    """What this vendor alone puts around its records; those of log shippers are always opened."""
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


Found = Record | str | NotAnEvent
"""A record, the reason why it cannot be read, or what it is instead of an event."""
PositionedRecord = tuple[str, Found]
"""A position in a file, and what is found there."""


def records_of(
    file: Path, form: RecordForm = JSON, wrappers: Counter[str] | None = None, count: BytesRead | None = None
) -> Iterator[PositionedRecord]:
    """Yield every record of a file with its position (`record 7` or `line 7`, counted from 1), in bounded memory.

    `wrappers` counts the records that were unwrapped, by the wrapper's name; `count` the bytes that were read.
    """
    try:
        yield from records_in(text_chunks(file, count), form=form, wrappers=wrappers)
    except OSError as error:
        yield "whole file", f"cannot be read: {error.strerror}"


def records_in(
    text: str | Iterable[str],
    decoder: json.JSONDecoder = DECODER,
    *,
    first: int = 1,
    form: RecordForm = JSON,
    wrappers: Counter[str] | None = None,
    unpacked_limit: float = math.inf,
) -> Iterator[PositionedRecord]:
    """Yield every record of a text in any of the forms above; `first` is the number of the first record in a list.

    `unpacked_limit` bounds the characters of records that are compressed one by one, together.
    """
    damage: list[str] = []
    chunks = _until_damage([text] if isinstance(text, str) else text, damage)
    start = next((chunk for chunk in chunks if chunk.strip()), "")
    chunks = chain([start], chunks)
    is_json = start.lstrip()[:1] in ("{", "[", "") or start.lstrip().startswith("H4sI")
    if form.csv and not is_json:
        found = _rows(_lines(chunks))
    elif form.parse_line and not is_json:
        found = _text_lines(_lines(chunks), form.parse_line)
    else:
        found = json_values(chunks, _LISTS + form.list_names, decoder, first)
    opening = _Opening(form, decoder, Counter() if wrappers is None else wrappers, unpacked_limit)
    for position, value in found:
        if type(value) is dict and form.split is None and opening.signs.isdisjoint(value):
            yield position, value
            continue
        opened = list(opening.open(value))
        for number, record in enumerate(opened, start=first):
            yield (position if len(opened) == 1 else f"{position}, record {number}"), record
    for reason in damage:
        yield "end of file", reason


def _until_damage(chunks: Iterable[str], damage: list[str]) -> Iterator[str]:
    try:
        yield from chunks
    except Damaged as error:
        damage.append(str(error))


class _Opening:
    """Takes records out of whatever is around them."""

    def __init__(
        self, form: RecordForm, decoder: json.JSONDecoder, counts: Counter[str], unpacked_limit: float
    ) -> None:
        self._form, self._decoder, self._counts = form, decoder, counts
        self._room = unpacked_limit
        self._list_names = _LISTS + form.list_names
        self._wrappers = form.wrappers + WRAPPERS
        self.signs = frozenset(self._list_names).union(*(wrapper.signs for wrapper in self._wrappers))
        """Members that something around records has: an object without any is a record as it is."""

    def open(self, value: Any, depth: int = 0) -> Iterator[Found]:
        """Yield the records in a value."""
        if isinstance(value, Unreadable | NotAnEvent):
            yield str(value) if isinstance(value, Unreadable) else value
        elif depth > _DEEPEST:
            yield "is wrapped too often"
        elif isinstance(value, str):
            yield from self._open_text(value, depth)
        elif isinstance(value, dict):
            yield from self._open_object(value, depth)
        elif isinstance(value, list) and depth:
            yield from chain.from_iterable(self.open(member, depth + 1) for member in value)
        else:
            yield f"is {type(value).__name__}, not a JSON object"

    def _open_object(self, value: Record, depth: int) -> Iterator[Found]:
        listed = listed_in(value, self._list_names)
        for wrapper in self._wrappers if listed is None and not self.signs.isdisjoint(value) else ():
            listed = wrapper.opened(value)
            if listed is not None:
                self._counts[wrapper.name] += len(listed)
                break
        if listed is not None:
            yield from chain.from_iterable(self.open(member, depth + 1) for member in listed)
        elif self._form.split is None:
            yield value
        else:
            yield from self._form.split(value)

    def _open_text(self, text: str, depth: int) -> Iterator[Found]:
        start = text.lstrip()[:1]
        if start in ("{", "[") and start:
            values = json_values([text], self._list_names, self._decoder)
            yield from chain.from_iterable(self.open(value, depth + 1) for _, value in values)
        elif (packed := unpacked(text, self._room)) is not None:
            self._room -= len(packed)
            self._counts["base64 or gzip"] += 1
            yield from self._open_text(packed, depth + 1) if depth < _DEEPEST else ["is wrapped too often"]
        elif self._form.parse_line is not None:
            yield _parsed(text, self._form.parse_line)
        else:
            yield "is text, not a JSON object"


def _lines(chunks: Iterable[str]) -> Iterator[str]:
    """The lines of a text, each with its end."""
    rest = ""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split("\n")
        yield from (f"{line}\n" for line in lines)
    if rest:
        yield rest


def _rows(lines: Iterator[str]) -> Iterator[tuple[str, Any]]:
    """Yield the rows of a CSV text as records of texts; a row that does not fit the header is reported."""
    rows = csv.reader(lines, strict=True)
    header: list[str] | None = None
    while True:
        try:
            row = next(rows, None)
        except csv.Error as error:
            yield f"line {rows.line_num}", Unreadable(f"is not CSV: {error}")
            continue
        if row is None:
            return
        if header is None:
            header = row
            if len(header) < 2:
                yield "line 1", Unreadable("is neither JSON nor the header of a CSV")
        elif row and len(row) != len(header):
            yield (
                f"line {rows.line_num}",
                Unreadable(f"has {len(row)} columns where the header has {len(header)}"),
            )
        elif row:
            yield f"line {rows.line_num}", {name: cell for name, cell in zip(header, row, strict=True) if cell}


def _text_lines(lines: Iterator[str], parse_line: Callable[[str], Record]) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            found = _parsed(line.rstrip("\r\n"), parse_line)
            yield f"line {number}", Unreadable(found) if isinstance(found, str) else found


def _parsed(line: str, parse_line: Callable[[str], Record]) -> Found:
    try:
        return parse_line(line)
    except NotAnEvent as other:
        return other
    except ValueError as error:
        return str(error)


def text_of(value: Any) -> str | None:
    """The value if it is non-empty text, else None."""
    return value if isinstance(value, str) and value else None


def part_of(record: Record, *names: str) -> Record:
    """The nested object under these names, one level per name; an empty object if any level is missing."""
    for name in names:
        value = record.get(name)
        record = value if isinstance(value, dict) else {}
    return record
