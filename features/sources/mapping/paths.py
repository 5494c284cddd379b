"""Paths into a record: `actor.id`, `target[0].id`, `debugData["x.y"]`, `details[key=User-Agent].value`.

A name is looked up as written, and else without regard to letter case and `_`, since log pipelines change them.
Text that holds a JSON object or list is entered as if it were one: CSV and tables keep nested values as text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from features.sources.formats.json_text import DECODER

_STEP = re.compile(
    r"""(?:\.?(?P<name>[^.\[\]"=]+)
        | \.?"(?P<quoted>[^"]+)"
        | \["(?P<key>[^"]+)"\]
        | \[(?P<index>-?\d+)\]
        | \[(?P<field>[^\]="]+)=(?P<value>[^\]]+)\])""",
    re.VERBOSE,
)
_LONGEST_JSON_TEXT = 262_144
"""Characters of a text that is entered as JSON."""

_LONGEST_NAME_KEPT = 64
"""Characters of a name whose folded form is kept: a log may hold any number of long ones."""

Step = Callable[[Any], Any]


class PathError(ValueError):
    """A path that cannot be read."""


def value_at(record: Any, path: str) -> Any:
    """The value at a path, or None where the record has none.

    >>> value_at({"Actor": {"id": "ada"}, "tags": [{"k": "a", "v": 1}]}, "actor.id")
    'ada'
    >>> value_at({"tags": '[{"k": "a", "v": 1}]'}, "tags[k=a].v"), value_at({}, "tags[0].k")
    (1, None)
    """
    for step in path_steps(path):
        if record is None:
            return None
        record = step(record)
    return record


def object_at(record: Any, path: str) -> dict[str, Any]:
    """The object at a path, also where it is written as text; an empty one where the record has none there."""
    value = _opened(value_at(record, path))
    return value if isinstance(value, dict) else {}


def items_at(record: Any, path: str) -> list[Any]:
    """The items of the list at a path; none where the record has no list there.

    >>> items_at({"tags": "[1, 2]"}, "tags"), items_at({"tags": 1}, "tags")
    ([1, 2], [])
    """
    value = _opened(value_at(record, path))
    return value if isinstance(value, list) else []


@lru_cache(maxsize=4_096)
def path_steps(path: str) -> tuple[Step, ...]:
    """The steps of a path, in order. Raises PathError for one that cannot be read."""
    steps: list[Step] = []
    position = 0
    while position < len(path):
        match = _STEP.match(path, position)
        if match is None:
            raise PathError(f"the path {path!r} cannot be read from character {position + 1}, {path[position:]!r}")
        steps.append(_step(match))
        position = match.end()
    if not steps:
        raise PathError("a path must name at least one field")
    return tuple(steps)


def _step(match: re.Match[str]) -> Step:
    if match["index"] is not None:
        number = int(match["index"])
        return lambda value: _item(value, number)
    if match["field"] is not None:
        field, wanted = match["field"].strip(), match["value"].strip().strip('"').casefold()
        return lambda value: _item_with(value, field, wanted)
    name = match["name"] or match["quoted"] or match["key"]
    folded = _folded(name)
    return lambda value: _member(value, name, folded)


def _folded(name: str) -> str:
    return _short_folded(name) if len(name) <= _LONGEST_NAME_KEPT else name.casefold().replace("_", "")


@lru_cache(maxsize=16_384)
def _short_folded(name: str) -> str:
    return name.casefold().replace("_", "")


class IndexedRecord(dict[str, Any]):
    """A record that knows its names without regard to letter case and `_`, from the first time that one is asked for.

    It must not be changed afterwards.
    """

    __slots__ = ("_names",)
    _names: dict[str, str]

    def member(self, folded: str) -> Any:
        """The value under a folded name; of several names that are the same when folded the first counts."""
        try:
            names = self._names
        except AttributeError:
            names = self._names = {_folded(key): key for key in reversed(self) if isinstance(key, str)}
        key = names.get(folded)
        return None if key is None else self[key]


def _member(value: Any, name: str, folded: str) -> Any:
    value = _opened(value)
    if not isinstance(value, dict):
        return None
    if name in value:
        return value[name]
    if isinstance(value, IndexedRecord):
        return value.member(folded)
    return next((each for key, each in value.items() if isinstance(key, str) and _folded(key) == folded), None)


def _item(value: Any, number: int) -> Any:
    value = _opened(value)
    return value[number] if isinstance(value, list) and -len(value) <= number < len(value) else None


def _item_with(value: Any, field: str, wanted: str) -> Any:
    """The first object of a list whose field has the wanted value."""
    value = _opened(value)
    for item in value if isinstance(value, list) else []:
        if isinstance(item, dict) and str(_member(item, field, _folded(field))).casefold() == wanted:
            return item
    return None


def _opened(value: Any) -> Any:
    """A text that holds a JSON object or list as that value."""
    if isinstance(value, str) and value[:1] in ("{", "[") and len(value) <= _LONGEST_JSON_TEXT:
        return _decoded(value)
    return value


@lru_cache(maxsize=64)
def _decoded(text: str) -> Any:
    try:
        return DECODER.decode(text)
    except (ValueError, RecursionError):
        return None
