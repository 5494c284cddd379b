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
LONGEST_OPEN = 1024 * 1024
"""Bytes after which a row, or a value among lines of text, that is still open counts as never closed."""
_OPENS = (b"{", b"[")
_BRACKET_OR_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
"""A text without an end goes to the end of its line: looking for its end from each quotation mark would take long."""
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
        self._rest: list[bytes] = []
        self._rest_size = 0
        self._at = start
        self._open: list[bytes] = []
        self._open_at = start
        self._open_size = self._quotes = self._depth = 0
        self._begun = bool(header) or start > 0

    def feed(self, data: bytes) -> list[Framed]:
        """The messages that are complete with these bytes."""
        *lines, rest = data.split(b"\n")
        if lines:
            lines[0] = self._taken_rest() + lines[0]
        self._rest.append(rest)
        self._rest_size += len(rest)
        found = [message for line in lines for message in self._line(line + b"\n")]
        if self._rest_size > LONGEST:
            found += self._line(self._taken_rest())
        return found

    def end(self) -> list[Framed]:
        """What is left at the end of the text, complete or not."""
        rest = self._taken_rest()
        found = self._line(rest) if rest else []
        return found + (self._given_up() if self.header or self._text else self._closed())

    def _taken_rest(self) -> bytes:
        rest = b"".join(self._rest)
        self._rest, self._rest_size = [], 0
        return rest

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
        self._quotes += line.count(b'"')
        if self._quotes % 2 == 0:
            return self._closed()
        return self._given_up() if self._open_size >= LONGEST_OPEN else []

    def _value(self, start: int, line: bytes) -> list[Framed]:
        if self._open:
            if self._is_whole(line) and not self._open[-1].rstrip().endswith(_GOES_ON):
                return [*self._closed(), Framed(start, self._at, line)]  # the value before it was cut off
        elif not line.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(_OPENS) or self._is_whole(line):
            return [Framed(start, self._at, line)]
        self._append(start, line)
        self._depth += _depth(line)
        if self._depth <= 0 or self._open_size > LONGEST:
            return self._closed()
        return self._given_up() if self._text and self._open_size >= LONGEST_OPEN else []

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
        self._open_size += len(line)

    def _closed(self) -> list[Framed]:
        if not self._open:
            return []
        data = self.header + b"".join(self._open)
        self._forget()
        return [Framed(self._open_at, self._at, data)]

    def _given_up(self) -> list[Framed]:
        """The lines that are held, each by itself.

        The first is the broken one: without its odd quotation mark every row after it is whole.
        """
        found, at = [], self._open_at
        for line in self._open:
            start, at = at, at + len(line)
            if line.strip():
                found.append(Framed(start, at, self.header + line))
        self._forget()
        return found

    def _forget(self) -> None:
        self._open = []
        self._open_size = self._quotes = self._depth = 0


def _depth(line: bytes) -> int:
    brackets = [match.group() for match in _BRACKET_OR_TEXT.finditer(line)]
    return sum(bracket in _OPENS for bracket in brackets) - sum(bracket in (b"}", b"]") for bracket in brackets)
