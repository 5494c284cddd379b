"""Read the JSON values of a text of any length: a list, values in a row, or one a line, in bounded memory.

A value that cannot be read is reported with its position, and reading goes on at the next line that begins with a
value, else after its brackets, else at a value that begins as it does. This module does not know what a value means.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

import orjson

from features.sources.formats.wrappers import listed_in

_MOST_DIGITS = 4_000
"""Of a number: Python reads no longer one. One record with such a number must not make the whole file unreadable."""
WHOLE = 32 * 1024 * 1024
"""Characters up to which a text is tried as one value."""
LARGEST_VALUE = 64 * 1024 * 1024
"""Characters of one value; a longer one is reported and passed over."""
SEARCHED = 8 * 1024 * 1024
"""Characters of one text that are searched for the ends of damaged values."""
_HEAD = 1_000
"""Characters of an object within which the name of its list stands."""
_LONGEST_LINE = 65_536
"""Characters of a line that is read by itself; of a longer one, values in a row are read without copying it."""
_MOST_TRIED = 16  # beginnings of values, after a damaged one
_SPACE = re.compile(r"[\s,\0]*")
_LINE_START = re.compile(r"\n(?=[{\[])")
_FIRST_NAME = re.compile(r'\{\s*("(?:[^"\\]|\\.)*")\s*:')
_BRACKET_OR_TEXT = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
"""A text that does not end takes all the rest, or looking for its end would begin anew at every quotation mark."""
_OPENS = {"{": "}", "[": "]"}
_PACKED = re.compile(r"H4sI[\w+/=]*")
"""The beginning of gzip data in base64."""


def _integer(text: str) -> int | float:
    return int(text) if len(text) <= _MOST_DIGITS else float("inf")


DECODER = json.JSONDecoder(parse_int=_integer)
"""Reads what log files hold, which is not always strict JSON."""


class Unreadable(str):
    """The reason why there is no value at a position."""


ListStart = Callable[[str, int], re.Match[str] | None]
Positioned = tuple[str, Any]
"""A position in a text (`record 7` of a list, `line 7`), and the value there or why it is Unreadable."""


def json_values(
    chunks: Iterable[str], list_names: tuple[str, ...], decoder: json.JSONDecoder = DECODER, first: int = 1
) -> Iterator[Positioned]:
    """Yield every value of a text given in chunks, with its position.

    The members of a list are values, also of one under one of `list_names` in an object; `first` numbers the first.
    """
    scanner = _Scanner(iter(chunks), decoder)
    while len(scanner.text) < WHOLE and scanner.more():
        pass
    if scanner.ended:
        whole, value = scanner.whole()
        if whole:
            yield from _members(value, list_names, first)
            return
    yield from scanner.values(_list_start(list_names), first)


def _members(value: Any, list_names: tuple[str, ...], first: int) -> Iterator[Positioned]:
    listed = listed_in(value, list_names)
    for number, member in enumerate([value] if listed is None else listed, start=first):
        yield f"record {number}", member


def _list_start(list_names: tuple[str, ...]) -> ListStart:
    """Finds the beginning of a list, or of an object whose first members are plain values and then such a list."""
    plain = r'"[^"\\]*+"\s*:\s*(?:"[^"\\]*+"|[-\d.eE+]++|true|false|null)\s*,\s*'
    names = "|".join(map(re.escape, list_names))
    pattern = re.compile(rf'(\{{\s*(?:{plain})*+"(?:{names})"\s*:\s*)?\[')
    quoted = tuple(f'"{name}"' for name in list_names)

    def match(text: str, position: int) -> re.Match[str] | None:
        if text[position] == "{" and all(text.find(name, position, position + _HEAD) < 0 for name in quoted):
            return None  # as nearly every record: the pattern takes longer to say so
        return pattern.match(text, position)

    return match


class _Scanner:
    """A text that is read on as it is needed, and the place reached in it."""

    def __init__(self, chunks: Iterator[str], decoder: json.JSONDecoder) -> None:
        self.text, self.position, self.ended = "", 0, False
        self._chunks, self._decoder = chunks, decoder
        self._line, self._counted = 1, 0
        self._slow_until = 0
        self._last: Any = None
        self._line_start: int | None = 0
        self._search_room = SEARCHED

    def more(self) -> bool:
        """Read another chunk, and as much again as there is; False at the end."""
        if self.ended:
            return False
        rest, size = [self.text[self.position :]], 0
        self._line += self.text.count("\n", self._counted, self.position)
        self._slow_until = max(0, self._slow_until - self.position)
        while size <= len(rest[0]):
            chunk = next(self._chunks, None)
            if chunk is None:
                self.ended = True
                break
            rest.append(chunk)
            size += len(chunk)
        self.text, self.position, self._counted, self._line_start = "".join(rest), 0, 0, 0
        return size > 0

    def whole(self) -> tuple[bool, Any]:
        """Whether all of the text is one value, and the value."""
        try:
            return True, orjson.loads(self.text) if self._decoder is DECODER else self._decoder.decode(self.text)
        except (ValueError, RecursionError):
            return False, None

    def values(self, list_start: ListStart, first: int) -> Iterator[Positioned]:
        """Every value from here on."""
        in_line, last_line = 0, 0
        while self._skip():
            start = list_start(self.text, self.position)
            at_start = self._line_number() == 1 and last_line == 0
            if start:
                place = "record {}" if at_start else f"line {self._line_number()}, record {{}}"
                yield from self._list(start, place, first)
                last_line = 1
                continue
            line = self._line_number()
            in_line = in_line + 1 if line == last_line else 1
            last_line = line
            yield f"line {line}" if in_line == 1 else f"line {line}, record {in_line}", self._value()

    def _skip(self) -> bool:
        """Go to the next value; False at the end of the text."""
        while True:
            self.position = _SPACE.match(self.text, self.position).end()  # type: ignore[union-attr]
            if self.position < len(self.text):
                return True
            if not self.more():
                return False

    def _line_number(self) -> int:
        self._line += self.text.count("\n", self._counted, self.position)
        self._counted = self.position
        return self._line

    def _list(self, start: re.Match[str], place: str, first: int) -> Iterator[Positioned]:
        """Every member of a list that begins here; a damaged one is passed over if its end can be found."""
        self.position = start.end()
        number = first
        while self._skip():
            if self.text[self.position] == "]":
                self.position += 1
                if start[1]:
                    self._leave_object()
                return
            value = self._value(in_list=True)
            lost = isinstance(value, Unreadable) and self.position >= len(self.text)
            yield place.format(number) + (" and all after it" if lost else ""), value
            number += 1

    def _leave_object(self) -> None:
        """Go past the members that follow the list in its object."""
        end = self._end_of_value(["}"])
        self.position = len(self.text) if end is None else end

    def _value(self, *, in_list: bool = False) -> Any:
        """The value that begins here, or why it cannot be read; goes past it."""
        if not in_list and self.position >= self._slow_until:
            found, value = self._line_value()
            if found:
                return value
        while True:
            try:
                self._last, self.position = self._decoded(in_list=in_list)
            except (ValueError, RecursionError) as error:
                if self._may_go_on(error) and self.more():
                    continue
                reason = self._reason(error)
                packed = _PACKED.match(self.text, self.position)
                if packed:
                    self.position = packed.end()
                    return packed.group()
                self._go_on(in_list=in_list)
                return Unreadable(reason)
            else:
                return self._last

    def _decoded(self, *, in_list: bool) -> tuple[Any, int]:
        """The value that begins here and where it ends: within its line, where the next line begins with a value."""
        end = None if in_list else self._next_line()
        if end is None or end - self.position > _LONGEST_LINE:
            return self._decoder.raw_decode(self.text, self.position)
        value, length = self._decoder.raw_decode(self.text[self.position : end])
        return value, self.position + length

    def _reason(self, error: Exception) -> str:
        if isinstance(error, RecursionError):
            return "is nested too deeply"
        if isinstance(error, json.JSONDecodeError):
            start = 0 if len(error.doc) < len(self.text) else self.position
            return f"is not JSON: {error.msg} at its character {error.pos - start + 1}"
        return f"is not JSON: {error}"

    def _may_go_on(self, error: Exception) -> bool:
        """Whether a value may only be cut off at the end of what has been read."""
        if len(self.text) - self.position > LARGEST_VALUE or not isinstance(error, json.JSONDecodeError):
            return False
        if len(error.doc) < len(self.text):
            return False
        return error.pos + 16 > len(self.text) or error.msg.startswith("Unterminated")

    def _line_value(self) -> tuple[bool, Any]:
        """The value that this line is: faster than decoding up to wherever a value ends."""
        while (end := self.text.find("\n", self.position)) < 0:
            if len(self.text) - self.position > LARGEST_VALUE or not self.more():
                end = len(self.text)
                break
        line = self.text[self.position : end]
        try:
            value = orjson.loads(line) if self._decoder is DECODER else self._decoder.decode(line)
        except (ValueError, RecursionError):
            self._slow_until = end
            return False, None
        self.position, self._last = end, value
        return True, value

    def _go_on(self, *, in_list: bool) -> None:
        """Go past what cannot be read, as the module says."""
        if not in_list and self.text[self.position] not in _OPENS:
            line_end = self.text.find("\n", self.position)
            self.position = len(self.text) if line_end < 0 else line_end
            return
        end = self._next_line()
        if end is None and self._search_room > 0:
            begun = self.position
            end = self._end_of_value([])
            if end is None and self.text[self.position] in _OPENS:
                end = self._next_value()
            self._search_room -= (len(self.text) if end is None else end) - begun
        self.position = len(self.text) if end is None else end

    def _next_line(self) -> int | None:
        """Where the next line begins, of those that begin with a value."""
        if self._line_start is not None and self._line_start <= self.position:
            match = _LINE_START.search(self.text, self.position)
            self._line_start = match.end() if match else None
        return self._line_start

    def _next_value(self) -> int | None:
        """Where the next value begins that can be read: by its first member's name, as this or the last one."""
        name = _FIRST_NAME.match(self.text, self.position)
        names = [name[1]] if name else []
        if isinstance(self._last, dict) and self._last:
            names.append(json.dumps(next(iter(self._last))))
        return next(filter(None, map(self._named_value, dict.fromkeys(names))), None)

    def _named_value(self, name: str) -> int | None:
        start = re.compile(rf"\{{\s*(?={re.escape(name)}\s*:)")
        for match in islice(start.finditer(self.text, self.position + 1), _MOST_TRIED):
            try:
                self._decoder.raw_decode(self.text, match.start())
            except (ValueError, RecursionError):
                continue
            return match.start()
        return None

    def _end_of_value(self, closing: list[str]) -> int | None:
        """Where an object or list ends, by its brackets alone, of which `closing` are open already; None if nowhere."""
        if not closing and self.text[self.position] not in _OPENS:
            return None
        for match in _BRACKET_OR_TEXT.finditer(self.text, self.position):
            bracket = match.group()
            if bracket in _OPENS:
                closing.append(_OPENS[bracket])
            elif bracket in ("}", "]"):
                if closing.pop() != bracket:
                    return None
                if not closing:
                    return match.end()
        return None
