"""The Event as numbers: one numpy row, derived from it field by field.

Every field of the row is a plain function of exactly one column, so the batch maps it over the column's distinct values
and the service calls it once: the same code, hence the same bits. Missing columns and nulls mean unknown.
"""

from __future__ import annotations

import struct
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import repeat
from operator import attrgetter, is_not, itemgetter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.arrays import NEVER
from features.event.arrow import EVENT_SCHEMA, conform
from features.event.ip_network import prefix_of
from features.event.schema import (
    Category,
    CredentialKind,
    Environment,
    Event,
    IdentityType,
    Impact,
    Outcome,
    Sensitivity,
)
from features.event.user_agent import agent_of
from features.hashing import UNKNOWN, key_of, keys_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_REMEMBERED = 65_536
"""How many distinct texts of a column the service remembers the number of."""


def microseconds(time: datetime) -> int:
    """Whole microseconds since 1970 (UTC).

    >>> microseconds(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000000
    """
    return (time - _EPOCH) // _MICROSECOND


def _code(choices: Any) -> Callable[[str], int]:
    return {choice: code for code, choice in enumerate(typing.get_args(choices), start=1)}.__getitem__


_PHISHING_RESISTANT = frozenset({"hwk", "pop", "sc", "wia"})
_SECOND = frozenset({"face", "fpt", "iris", "mca", "mfa", "otp", "retina", "sms", "swk", "tel", "vbm"})


def strength_of(amr: str) -> float:
    """0 nothing, 1 one factor, 2 several, 3 a phishing-resistant one; `rba` is never a factor (RFC 8176)."""
    methods = set(amr.split())
    if methods & _PHISHING_RESISTANT:
        return 3.0
    if methods & _SECOND:
        return 2.0
    return 1.0 if methods - {"rba"} else 0.0


def _breadth(scope: str) -> float:
    """How much a credential may do: its number of scopes, a wildcard counting as a hundred."""
    return float(sum(100 if "*" in part else 1 for part in scope.split()))


def _flag(value: bool | None) -> float:
    return float("nan") if value is None else float(value)


@dataclass(frozen=True)
class Field:
    """One field of the numpy row: a function of one Event column, and what stands for unknown."""

    name: str
    column: str
    encode: Callable[[Any], float | int]
    unknown: float | int

    @property
    def type(self) -> str:
        return "i8" if isinstance(self.unknown, int) else "f8"

    @property
    def is_list(self) -> bool:
        return pa.types.is_list(EVENT_SCHEMA.field(self.column).type)

    def encoder(self) -> Callable[[Any], float | int]:
        """`encode` for one value of an Event, remembering what texts became."""
        if self.encode in (float, int, microseconds):
            return self.encode
        remembering = lru_cache(_REMEMBERED)(self.encode)
        return (lambda texts: remembering(" ".join(texts))) if self.is_list else remembering


def _text(name: str, column: str, encode: Callable[[str], int] = key_of) -> Field:
    return Field(name, column, encode, UNKNOWN)


def _number(name: str, column: str, encode: Callable[[Any], float] = float) -> Field:
    return Field(name, column, encode, float("nan"))


def _time(name: str, column: str) -> Field:
    return Field(name, column, microseconds, NEVER)


def _agent_key(part: str) -> Callable[[str], int]:
    def encode(user_agent: str) -> int:
        value = getattr(agent_of(user_agent), part)
        return UNKNOWN if value is None else key_of(value)

    return encode


FIELDS: tuple[Field, ...] = (
    _time("time", "time"),
    _text("event_key", "id"),
    _text("identity_key", "identity.id"),
    _text("identity_type", "identity.type", _code(IdentityType)),
    _number("entitlements_granted", "identity.entitlements_granted"),
    _number("entitlements_used", "identity.entitlements_used_90d"),
    _text("session_key", "session.id"),
    _time("session_started_at", "session.started_at"),
    _text("intent", "session.intent"),
    _text("action", "action.name"),
    _text("category", "action.category", _code(Category)),
    _text("impact", "action.impact", _code(Impact)),
    _text("outcome", "action.outcome", _code(Outcome)),
    _text("resource", "resource.id"),
    _text("resource_type", "resource.type"),
    _text("sensitivity", "resource.sensitivity", _code(Sensitivity)),
    _text("resource_environment", "resource.environment", _code(Environment)),
    _text("address", "network.ip"),
    _text("network", "network.ip", prefix_of),
    Field("asn", "network.asn", int, UNKNOWN),
    _text("country", "network.country"),
    _number("latitude", "network.latitude"),
    _number("longitude", "network.longitude"),
    _number("hosting", "network.hosting"),
    _number("anonymizer", "network.anonymizer"),
    _number("reputation", "network.reputation"),
    _text("instance", "device.id"),
    _number("managed", "device.managed"),
    _number("compliant", "device.compliant"),
    _text("agent", "device.user_agent", _agent_key("family")),
    _text("system", "device.user_agent", _agent_key("system")),
    _number("interactive", "device.user_agent", lambda text: _flag(agent_of(text).interactive)),
    _time("authenticated_at", "authentication.time"),
    _number("strength", "authentication.amr", strength_of),
    _number("aal", "authentication.aal"),
    _text("credential_key", "credential.id"),
    _text("credential_kind", "credential.kind", _code(CredentialKind)),
    _time("issued_at", "credential.issued_at"),
    _time("expires_at", "credential.expires_at"),
    _number("breadth", "credential.scope", _breadth),
    _number("exposed", "credential.exposed"),
    _number("privileged", "credential.privileged"),
    _text("credential_environment", "credential.environment", _code(Environment)),
)

CONTEXT: tuple[str, ...] = (
    "session.id",
    "session.started_at",
    "action.category",
    "action.impact",
    "resource.id",
    "resource.type",
    "resource.sensitivity",
    "resource.environment",
    "network.ip",
    "network.asn",
    "network.country",
    "network.latitude",
    "network.hosting",
    "network.anonymizer",
    "network.reputation",
    "device.id",
    "device.managed",
    "device.compliant",
    "device.user_agent",
    "authentication.time",
    "authentication.amr",
    "credential.id",
    "credential.kind",
    "credential.issued_at",
)
"""The columns by which it is measured how much of the context is known at all."""

ROW = np.dtype([*((field.name, field.type) for field in FIELDS), ("known", "f8")], align=True)
"""One event as numbers: text as keys (0 unknown), choices as codes (0 unknown), times in µs, the rest NaN if unknown;
`known` is the number of CONTEXT columns that are not null."""


_WHOLE = np.dtype((np.void, ROW.itemsize))


def taken(rows: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Rows by their places, as mere bytes: numpy takes structured ones field by field, which is ten times slower."""
    return rows.view(_WHOLE)[places].view(ROW)


_Distinct = tuple[list[Any], np.ndarray]
"""A column's distinct values, and which of them each row has: the one after the last where it is unknown."""


def _distinct(column: pa.ChunkedArray) -> _Distinct:
    if pa.types.is_list(column.type):
        column = pc.binary_join(column, " ")
    coded = column.combine_chunks().dictionary_encode()
    return coded.dictionary.to_pylist(), pc.fill_null(coded.indices, len(coded.dictionary)).to_numpy()


def _encoded(field: Field, column: pa.ChunkedArray, distinct: Callable[[str], _Distinct]) -> np.ndarray:
    """One field of all rows: times and plain numbers as they are, each id of an event by itself, since hardly two are
    the same, and everything else through the distinct values of its column."""
    if pa.types.is_timestamp(column.type):
        return pc.fill_null(column.cast(pa.int64()), field.unknown).to_numpy()
    if field.encode in (float, int):
        return pc.fill_null(column.cast(pa.float64() if field.type == "f8" else pa.int64()), field.unknown).to_numpy()
    if field.column == "id":
        keys = keys_of(pc.fill_null(column.cast(pa.binary()), b"").to_numpy())
        return np.where(column.is_valid(), keys, UNKNOWN)
    values, which = distinct(field.column)
    return np.array([*(_number_of(field, value) for value in values), field.unknown], field.type)[which]


def _number_of(field: Field, value: Any) -> float | int:
    try:
        return field.encode(value)
    except KeyError:
        raise ValueError(f"column {field.column!r} holds {value!r}, which an event cannot be") from None


_FIRST_TIME, _LAST_TIME = (microseconds(datetime(year, 1, 1, tzinfo=UTC)) for year in (1970, 2101))


def _refuse_what_no_event_holds(field: Field, numbers: np.ndarray) -> None:
    """What an Event refuses at the edge, of a table: infinite numbers, and times that no history spans."""
    if field.type == "f8" and np.isinf(numbers).any():
        raise ValueError(f"column {field.column!r} holds an infinite number; what is unknown is null")
    if field.name == "time":
        outside = (numbers < _FIRST_TIME) | (numbers > _LAST_TIME)
        if outside.any():
            raise ValueError(f"column 'time' in row {int(np.argmax(outside))} is null, or not between 1970 and 2100")


def rows_of(table: pa.Table) -> np.ndarray:
    """All events as rows, shape (n,) of ROW, in the table's order.

    Raises ValueError naming a column that holds what no event can.
    """
    conformed = conform(table)
    distinct = lru_cache(1)(lambda name: _distinct(conformed[name]))  # fields of one column follow one another
    numbers = {field.name: _encoded(field, conformed[field.column], distinct) for field in FIELDS}
    for field in FIELDS:
        _refuse_what_no_event_holds(field, numbers[field.name])
    numbers["known"] = sum((conformed[column].is_valid().to_numpy() for column in CONTEXT), np.zeros(len(conformed)))
    rows = np.empty(len(conformed), ROW)
    for start in range(0, len(rows), _TOGETHER):
        some = slice(start, start + _TOGETHER)
        for name, values in numbers.items():
            rows[name][some] = values[some]
    return rows


_TOGETHER = 2_048
"""Rows filled at a time, so that they stay in the processor's cache until all their fields are written."""


_ENCODERS = tuple((field.encoder(), field.unknown) for field in FIELDS)
_COLUMNS = tuple(field.column for field in FIELDS)
_VALUES = attrgetter(*_COLUMNS)
_CONTEXT = itemgetter(*(_COLUMNS.index(column) for column in CONTEXT))
_PACKED = struct.Struct("=" + "".join("q" if ROW[name].kind == "i" else "d" for name in ROW.names or ()))


def _row(packed: bytes) -> np.ndarray:
    return np.ndarray(1, ROW, bytearray(packed))  # of a bytearray, so that it can be written to


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
    """A row from numbers by field name, what is left out unknown; shape (1,) of ROW.

    For callers that keep events as numbers already. Raises struct.error for a value that is no number.

    >>> int(row_from({"time": 5, "asn": 64496})["asn"][0])
    64496
    """
    try:
        return _row(_PACKED.pack(*_NUMBERS(numbers)))
    except KeyError:
        return _row(_PACKED.pack(*_NUMBERS({**_UNKNOWN_ROW, **numbers})))
