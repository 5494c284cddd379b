"""Cuts a growing text into messages: a line each, the lines of one JSON value, or a row of CSV under its header.

A message is given out as soon as its last line is complete, which reading a whole text (`features/sources/formats`)
cannot do. What is in a message is read there.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple

from features.sources.formats.records import RecordForm

LONGEST = 64 * 1024 * 1024
"""Bytes of one message; of a longer one the rest is passed over, and it is reported as it is."""
_OPENS = (b"{", b"[")
_BRACKET_OR_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]')
_GOES_ON = (b",", b"[", b"{", b":")
"""How a line within a JSON value may end before another one that is a value by itself."""


class Framed(NamedTuple):
    """A message, and where in the text its lines begin and end, in bytes."""

    start: int
    end: int
    data: bytes


class LineFraming:
    """Takes bytes as they come and gives out messages; `start` is where in the text the first of them stands."""

    def __init__(self, form: RecordForm, start: int = 0, header: bytes = b"") -> None:
        self._csv, self._text = form.csv, form.parse_line is not None
        self.header = header
        """The first line of a CSV, with its end; empty for anything else."""
        self._rest = b""
        self._at = start
        self._open: list[bytes] = []
        self._open_at = start
        self._depth = 0
        self._begun = bool(header) or start > 0

    def feed(self, data: bytes) -> list[Framed]:
        """The messages that are complete with these bytes."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        found = [message for line in lines for message in self._line(line + b"\n")]
        if len(self._rest) > LONGEST:
            found += self._line(self._rest)
            self._rest = b""
        return found

    def end(self) -> list[Framed]:
        """What is left at the end of the text, complete or not."""
        rest, self._rest = self._rest, b""
        return (self._line(rest) if rest else []) + self._closed()

    def _line(self, line: bytes) -> list[Framed]:
        start, self._at = self._at, self._at + len(line)
        if not self._open and not line.strip():
            return []
        if not self._begun:
            self._begun = True
            if self._csv and not line.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(_OPENS):
                self.header = line
                return []
        return self._row(start, line) if self.header else self._value(start, line)

    def _row(self, start: int, line: bytes) -> list[Framed]:
        """A row may go on in the next line within quotation marks."""
        self._append(start, line)
        if sum(part.count(b'"') for part in self._open) % 2 and self._size() < LONGEST:
            return []
        return self._closed()

    def _value(self, start: int, line: bytes) -> list[Framed]:
        if self._open:
            if self._is_whole(line) and not self._open[-1].rstrip().endswith(_GOES_ON):
                return [*self._closed(), Framed(start, self._at, line)]  # the value before it was cut off
        elif not line.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(_OPENS) or self._is_whole(line):
            return [Framed(start, self._at, line)]
        self._append(start, line)
        self._depth += _depth(line)
        return self._closed() if self._depth <= 0 or self._size() > LONGEST else []

    @staticmethod
    def _is_whole(line: bytes) -> bool:
        if not line.startswith(_OPENS):
            return False
        try:
            json.loads(line)
        except (ValueError, RecursionError):
            return False
        return True

    def _append(self, start: int, line: bytes) -> None:
        if not self._open:
            self._open_at = start
        self._open.append(line)

    def _size(self) -> int:
        return sum(map(len, self._open))

    def _closed(self) -> list[Framed]:
        if not self._open:
            return []
        data = self.header + b"".join(self._open)
        self._open, self._depth = [], 0
        return [Framed(self._open_at, self._at, data)]


def _depth(line: bytes) -> int:
    brackets = [match.group() for match in _BRACKET_OR_TEXT.finditer(line)]
    return sum(bracket in _OPENS for bracket in brackets) - sum(bracket in (b"}", b"]") for bracket in brackets)
