"""JSON by RFC 8259: a member given twice, NaN and Infinity are refused.

A request is refused whole (`require_strict`). Of a batch of records only the record that holds the flaw is: `DECODER`
leaves a `Flaw` in its place, and `flaw_in` finds it.
"""

from __future__ import annotations

import json
from typing import Any

_GIVEN_TWICE = "a member is given twice in one object"
_MOST_DIGITS = 4_000
"""Of a number; Python itself reads no longer one."""


class Flaw(dict[str, Any]):
    """Stands where a text is not strict JSON; `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason


def require_strict(body: bytes) -> None:
    """Raises ValueError or RecursionError unless the body is strict JSON."""
    json.loads(body, parse_constant=_refuse_constant, object_pairs_hook=_refuse_duplicates)


def flaw_in(record: Any) -> str | None:
    """The reason of the first flaw in a record that DECODER read, or None."""
    pending = [record]
    while pending:
        value = pending.pop()
        if isinstance(value, Flaw):
            return value.reason
        if isinstance(value, dict):
            pending += value.values()
        elif isinstance(value, list):
            pending += value
    return None


def _not_a_number(name: str) -> str:
    return f"{name} is not a JSON number"


def _refuse_constant(name: str) -> None:
    raise ValueError(_not_a_number(name))


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError(_GIVEN_TWICE)
    return members


def _mark_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    return members if len(members) == len(pairs) else Flaw(_GIVEN_TWICE)


def _mark_long_integer(text: str) -> int | Flaw:
    return int(text) if len(text) <= _MOST_DIGITS else Flaw(f"a number has more than {_MOST_DIGITS:,} digits")


DECODER = json.JSONDecoder(
    object_pairs_hook=_mark_duplicates,
    parse_constant=lambda name: Flaw(_not_a_number(name)),
    parse_int=_mark_long_integer,
)
"""Reads JSON and leaves a Flaw where it is not strict."""
