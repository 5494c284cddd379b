"""The records of a log file, whatever its wrapping: one JSON object or list, `{"Records": […]}`, or a record a line.

Gzip is recognised by its content. What cannot be read is named with its place; everything before and after it that can
be read is. Knows nothing of what a record means.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Record = dict[str, Any]
_WRAPPERS = ("Records", "records")
_LIST = re.compile(r'\s*(?:\{\s*"[Rr]ecords"\s*:\s*)?\[\s*')
_COMMA = re.compile(r"\s*,?\s*")
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Broken:
    """One record, or the rest of a file, that gave no event."""

    file: Path
    position: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file}, {self.position}: {self.reason}"


Found = tuple[str, Record | str]
"""A place and the record there, or the reason why there is none."""


def records_of(file: Path) -> Iterator[Found]:
    """Every record of a file with its place (`record 7` or `line 7`, counted from 1)."""
    try:
        data = file.read_bytes()
    except OSError as error:
        yield "whole file", f"cannot be read: {error.strerror}"
        return
    data, damage = _unzipped(data) if data.startswith(_GZIP) else (data, None)
    yield from _records(data.decode("utf-8-sig", errors="replace"))
    if damage:
        yield "end of file", damage


def _unzipped(data: bytes) -> tuple[bytes, str | None]:
    """As much of gzipped data as can be unpacked, and what is wrong with the rest."""
    parts = []
    while data:
        member = zlib.decompressobj(wbits=31)
        try:
            for start in range(0, len(data), 65_536):
                parts.append(member.decompress(data[start : start + 65_536]))
                if member.eof:
                    break
        except zlib.error as error:
            return b"".join(parts), f"gzip is damaged: {error}"
        if not member.eof:
            return b"".join(parts), "gzip ends too early"
        data = member.unused_data + data[start + 65_536 :]
        data = data.lstrip(b"\0")  # padding that some writers leave
    return b"".join(parts), None


def _records(text: str) -> Iterator[Found]:
    try:
        whole = json.loads(text)
    except ValueError:
        start = _end(_LIST, text, 0)
        yield from _rescued(text, start) if start and not _starts_with_a_whole_line(text) else _lines(text)
    except RecursionError:
        yield "whole file", "is nested too deeply"
    else:
        yield from _unwrapped(whole, "record {}")


def _unwrapped(value: Any, place: str) -> Iterator[Found]:
    """The records in a JSON value; `place` has a gap for the number of each."""
    if isinstance(value, dict):
        wrapped = next((value[name] for name in _WRAPPERS if isinstance(value.get(name), list)), None)
        value = [value] if wrapped is None else wrapped
    elif not isinstance(value, list):
        value = [value]
    for number, record in enumerate(value, start=1):
        is_record = isinstance(record, dict)
        yield place.format(number), record if is_record else f"is {type(record).__name__}, not a JSON object"


def _starts_with_a_whole_line(text: str) -> bool:
    try:
        json.loads(text.lstrip().partition("\n")[0])
    except (ValueError, RecursionError):
        return False
    return True


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at


def _rescued(text: str, at: int) -> Iterator[Found]:
    """The records of a list that breaks off or is damaged, up to there."""
    decoder = json.JSONDecoder()
    number = 0
    while not text.startswith("]", at):
        number += 1
        try:
            record, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            yield f"record {number} and all after it", f"is not JSON: {error}"
            return
        yield f"record {number}", record if isinstance(record, dict) else "is not a JSON object"
        at = _end(_COMMA, text, at)
    if text[at + 1 :].strip(" \t\r\n}"):
        yield "end of file", "something stands after the list"


def _lines(text: str) -> Iterator[Found]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield f"line {number}", f"is not JSON: {error}"
            continue
        wraps = isinstance(value, list) or (isinstance(value, dict) and any(name in value for name in _WRAPPERS))
        yield from _unwrapped(value, f"line {number}, record {{}}" if wraps else f"line {number}")


def text_of(value: Any) -> str | None:
    """A value of a record where it is text and not empty."""
    return value if isinstance(value, str) and value else None


def part_of(record: Record, *names: str) -> Record:
    """The object found in a record under these names in turn; an empty one where there is none."""
    for name in names:
        found = record.get(name)
        record = found if isinstance(found, dict) else {}
    return record
