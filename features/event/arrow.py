"""Events as Arrow tables: one flat column per field (`identity.id`, `network.ip`, ...), null if unknown."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter
from typing import Any, Literal, Union

import pyarrow as pa
from pydantic import AwareDatetime

from features.event.schema import Event, Group

_ARROW = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
    AwareDatetime: pa.timestamp("us", tz="UTC"),
    tuple: pa.list_(pa.string()),
}


def _base_type(annotation: Any) -> Any:
    """The type inside Annotated, `| None` and Literal."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _base_type(typing.get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return _base_type(next(a for a in typing.get_args(annotation) if a is not type(None)))
    return str if origin is Literal else origin or annotation


def _fields(group: type[Group], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, field in group.model_fields.items():
        kind = _base_type(field.annotation)
        if isinstance(kind, type) and issubclass(kind, Group):
            yield from _fields(kind, f"{prefix}{name}.")
        else:
            yield prefix + name, kind


EVENT_SCHEMA: pa.Schema = pa.schema([(path, _ARROW[kind]) for path, kind in _fields(Event)])
"""One flat column per field of the Event, in the order of the fields."""


def conform(table: pa.Table) -> pa.Table:
    """Convert a table to EVENT_SCHEMA: missing columns become null, other columns are dropped.

    Raises ValueError naming a column that cannot be cast to its type.
    """
    columns = []
    for field in EVENT_SCHEMA:
        if field.name not in table.column_names:
            columns.append(pa.nulls(table.num_rows, field.type))
            continue
        try:
            columns.append(table[field.name].cast(field.type))
        except pa.ArrowInvalid as error:
            raise ValueError(f"column {field.name!r} must be {field.type}: {error}") from error
    return pa.table(columns, schema=EVENT_SCHEMA)


_VALUES: Callable[[Event], tuple[Any, ...]] = attrgetter(*EVENT_SCHEMA.names)


def table_of(events: Iterable[Event]) -> pa.Table:
    """Convert events to an Arrow table of EVENT_SCHEMA, one row per event, in the same order."""
    rows = list(map(_VALUES, events))
    columns = zip(*rows, strict=True) if rows else ((),) * len(EVENT_SCHEMA)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, EVENT_SCHEMA, strict=True)]
    return pa.table(arrays, schema=EVENT_SCHEMA)


def events_of(table: pa.Table) -> Iterator[Event]:
    """Yield the rows of a table as Events; raises pydantic.ValidationError at the first invalid row."""
    for row in conform(table).to_pylist():
        nested: dict[str, Any] = {}
        for path, value in row.items():
            group, _, name = path.rpartition(".")
            target = nested.setdefault(group, {}) if group else nested
            target[name] = tuple(value) if isinstance(value, list) else value
        yield Event.model_validate(nested)
