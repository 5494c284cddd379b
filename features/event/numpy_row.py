"""Convert Events to numpy rows: a whole table with `rows_of`, a single event with `row_of`."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from itertools import repeat
from operator import attrgetter, is_not, itemgetter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.event.arrow import conform
from features.event.row_fields import CONTEXT, FIELDS, ROW, Field, microseconds
from features.event.schema import Event
from features.hashing import UNKNOWN, keys_of

_ROW_BYTES = np.dtype((np.void, ROW.itemsize))


def take_rows(rows: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """The rows at these indices. Copies bytes: numpy takes structured rows field by field, ten times slower."""
    return rows.view(_ROW_BYTES)[indices].view(ROW)


_DistinctValues = tuple[list[Any], np.ndarray]
"""A column's distinct values, and the index of each row's value; the index after the last means unknown."""


def _distinct(column: pa.ChunkedArray) -> _DistinctValues:
    if pa.types.is_list(column.type):
        column = pc.binary_join(column, " ")
    coded = column.combine_chunks().dictionary_encode()
    return coded.dictionary.to_pylist(), pc.fill_null(coded.indices, len(coded.dictionary)).to_numpy()


def _encode_column(field: Field, column: pa.ChunkedArray, distinct: Callable[[str], _DistinctValues]) -> np.ndarray:
    """One field of all rows.

    Times and plain numbers are copied. Event ids are hashed row by row, since nearly all are distinct. Everything else
    is encoded once for each distinct value of its column.
    """
    if pa.types.is_timestamp(column.type):
        return pc.fill_null(column.cast(pa.int64()), field.unknown).to_numpy()
    if field.encode in (float, int):
        return pc.fill_null(column.cast(pa.float64() if field.type == "f8" else pa.int64()), field.unknown).to_numpy()
    if field.column == "id":
        keys = keys_of(pc.fill_null(column.cast(pa.binary()), b"").to_numpy())
        return np.where(column.is_valid(), keys, UNKNOWN)
    values, indices = distinct(field.column)
    return np.array([*(_encode(field, value) for value in values), field.unknown], field.type)[indices]


def _encode(field: Field, value: Any) -> float | int:
    try:
        return field.encode(value)
    except KeyError:
        raise ValueError(f"column {field.column!r} holds {value!r}, which is not an allowed value") from None


_FIRST_TIME, _LAST_TIME = (microseconds(datetime(year, 1, 1, tzinfo=UTC)) for year in (1970, 2101))


def _validate(field: Field, numbers: np.ndarray) -> None:
    """Refuse in a table what the Event model refuses: infinite numbers, and times outside 1970 to 2100."""
    if field.type == "f8" and np.isinf(numbers).any():
        raise ValueError(f"column {field.column!r} holds an infinite number; use null for an unknown value")
    if field.name == "time":
        outside = (numbers < _FIRST_TIME) | (numbers > _LAST_TIME)
        if outside.any():
            raise ValueError(f"column 'time' in row {int(np.argmax(outside))} is null, or not between 1970 and 2100")


def rows_of(table: pa.Table) -> np.ndarray:
    """All events of a table as rows, shape (n,) of ROW, in the table's order.

    Raises ValueError naming a column with a value that an event cannot have.
    """
    conformed = conform(table)
    distinct = lru_cache(1)(lambda name: _distinct(conformed[name]))  # fields of one column are adjacent
    numbers = {field.name: _encode_column(field, conformed[field.column], distinct) for field in FIELDS}
    for field in FIELDS:
        _validate(field, numbers[field.name])
    numbers["known"] = sum((conformed[column].is_valid().to_numpy() for column in CONTEXT), np.zeros(len(conformed)))
    rows = np.empty(len(conformed), ROW)
    for start in range(0, len(rows), _BLOCK):
        block = slice(start, start + _BLOCK)
        for name, values in numbers.items():
            rows[name][block] = values[block]
    return rows


_BLOCK = 2_048
"""Rows filled at a time, so that they stay in the CPU cache until all their fields are written."""


_ENCODERS = tuple((field.encoder(), field.unknown) for field in FIELDS)
_COLUMNS = tuple(field.column for field in FIELDS)
_VALUES = attrgetter(*_COLUMNS)
_CONTEXT = itemgetter(*(_COLUMNS.index(column) for column in CONTEXT))
_PACKED = struct.Struct("=" + "".join("q" if ROW[name].kind == "i" else "d" for name in ROW.names or ()))


def _row(packed: bytes) -> np.ndarray:
    return np.ndarray(1, ROW, bytearray(packed))  # a bytearray, so that the row is writable


def row_of(event: Event) -> np.ndarray:
    """One event as a row, shape (1,) of ROW.

    >>> from features.event.schema import Event
    >>> event = Event.model_validate({
    ...     "time": "1970-01-01T00:00:01Z", "identity": {"id": "ada", "type": "agent"}, "action": {"name": "x"}
    ... })
    >>> row = row_of(event)
    >>> int(row["time"][0]), int(row["identity_type"][0]), float(row["reputation"][0])
    (1000000, 4, nan)
    """
    values = _VALUES(event)
    numbers = [
        unknown if value is None else encode(value) for value, (encode, unknown) in zip(values, _ENCODERS, strict=True)
    ]
    return _row(_PACKED.pack(*numbers, sum(map(is_not, _CONTEXT(values), repeat(None)))))


_UNKNOWN_ROW = {**{field.name: field.unknown for field in FIELDS}, "known": float("nan")}
_NUMBERS = itemgetter(*_UNKNOWN_ROW)


def row_from(numbers: Mapping[str, float | int]) -> np.ndarray:
    """A row from encoded values by field name, shape (1,) of ROW; missing fields are unknown.

    For callers that store events encoded. Raises struct.error for a value that is not a number.

    >>> int(row_from({"time": 5, "asn": 64496})["asn"][0])
    64496
    """
    try:
        return _row(_PACKED.pack(*_NUMBERS(numbers)))
    except KeyError:
        return _row(_PACKED.pack(*_NUMBERS({**_UNKNOWN_ROW, **numbers})))
