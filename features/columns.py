"""From the Event to its two other forms, each derived from the one definition: Arrow columns and the numpy row.

An Arrow table holds a flat column per field (`identity.id`, `network.ip`, …); a row holds numbers only. Every field
of the row is a plain function of exactly one column, so the batch maps it over the column's distinct values and the
service calls it once: the same code, hence the same bits. Missing columns and nulls mean unknown.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal, Union

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import AwareDatetime

from features.agents import agent_of
from features.event import (
    Category,
    CredentialKind,
    Environment,
    Event,
    Group,
    IdentityType,
    Impact,
    Outcome,
    Sensitivity,
)
from features.hashing import UNKNOWN, key_of
from features.networks import prefix_of

NEVER = np.iinfo(np.int64).min
"""The time that stands for "not known", in µs."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_ARROW = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
    AwareDatetime: pa.timestamp("us", tz="UTC"),
    tuple: pa.list_(pa.string()),
}


def _plain(annotation: Any) -> Any:
    """The bare type below Annotated, `| None` and Literal."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _plain(typing.get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return _plain(next(a for a in typing.get_args(annotation) if a is not type(None)))
    return str if origin is Literal else origin or annotation


def _leaves(group: type[Group], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, field in group.model_fields.items():
        kind = _plain(field.annotation)
        if isinstance(kind, type) and issubclass(kind, Group):
            yield from _leaves(kind, f"{prefix}{name}.")
        else:
            yield prefix + name, kind


EVENT_SCHEMA: pa.Schema = pa.schema([(path, _ARROW[kind]) for path, kind in _leaves(Event)])
"""One flat column per field of the Event, in its order."""


def microseconds(time: datetime) -> int:
    """Whole microseconds since 1970 (UTC).

    >>> microseconds(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000000
    """
    return (time - _EPOCH) // _MICROSECOND


def _code(choices: Any) -> Callable[[str], int]:
    return {choice: code for code, choice in enumerate(typing.get_args(choices), start=1)}.__getitem__


@lru_cache(maxsize=65_536)
def _key(text: str) -> int:
    return key_of(text)


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


def _text(name: str, column: str, encode: Callable[[str], int] = _key) -> Field:
    return Field(name, column, encode, UNKNOWN)


def _number(name: str, column: str, encode: Callable[[Any], float] = float) -> Field:
    return Field(name, column, encode, float("nan"))


def _time(name: str, column: str) -> Field:
    return Field(name, column, microseconds, int(NEVER))


def _agent_key(part: str) -> Callable[[str], int]:
    def encode(user_agent: str) -> int:
        value = getattr(agent_of(user_agent), part)
        return UNKNOWN if value is None else _key(value)

    return encode


FIELDS: tuple[Field, ...] = (
    _time("time", "time"),
    _text("event_key", "id"),
    _text("identity_type", "identity.type", _code(IdentityType)),
    _number("entitlements_granted", "identity.entitlements_granted"),
    _number("entitlements_used", "identity.entitlements_used_90d"),
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


def conform(table: pa.Table) -> pa.Table:
    """The table with exactly the Event's columns and types; columns it lacks are null, others are dropped.

    Raises ValueError naming a column that cannot be read as its type.
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


def _flat(group: Group) -> Iterator[Any]:
    for name in type(group).model_fields:
        value = getattr(group, name)
        if isinstance(value, Group):
            yield from _flat(value)
        else:
            yield list(value) if isinstance(value, tuple) else value


def table_of(events: Iterable[Event]) -> pa.Table:
    """The events as an Arrow table of EVENT_SCHEMA, one row each, in their order."""
    rows = [tuple(_flat(event)) for event in events]
    columns = zip(*rows, strict=True) if rows else ((),) * len(EVENT_SCHEMA)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, EVENT_SCHEMA, strict=True)]
    return pa.table(arrays, schema=EVENT_SCHEMA)


def events_of(table: pa.Table) -> Iterator[Event]:
    """The rows of a table as validated Events; raises pydantic's ValidationError at the first that is none."""
    for row in conform(table).to_pylist():
        nested: dict[str, Any] = {}
        for path, value in row.items():
            group, _, name = path.rpartition(".")
            target = nested.setdefault(group, {}) if group else nested
            target[name] = tuple(value) if isinstance(value, list) else value
        yield Event.model_validate(nested)


def _encoded(field: Field, column: pa.ChunkedArray) -> np.ndarray:
    """One field of all rows: times and plain numbers as they are, everything else through its distinct values."""
    if pa.types.is_timestamp(column.type):
        return pc.fill_null(column.cast(pa.int64()), field.unknown).to_numpy()
    if field.encode in (float, int):
        return pc.fill_null(column.cast(pa.float64() if field.type == "f8" else pa.int64()), field.unknown).to_numpy()
    if pa.types.is_list(column.type):
        column = pc.binary_join(column, " ")
    coded = column.combine_chunks().dictionary_encode()
    values = [field.encode(value) for value in coded.dictionary.to_pylist()]
    lookup = np.array([*values, field.unknown], dtype=field.type)
    return lookup[pc.fill_null(coded.indices, len(values)).to_numpy()]


def rows_of(table: pa.Table) -> np.ndarray:
    """All events as rows, shape (n,) of ROW, in the table's order."""
    conformed = conform(table)
    rows = np.empty(conformed.num_rows, ROW)
    for field in FIELDS:
        rows[field.name] = _encoded(field, conformed[field.column])
    rows["known"] = 0.0
    for column in CONTEXT:
        rows["known"] += conformed[column].is_valid().to_numpy()
    return rows


def _value(event: Event, path: tuple[str, ...]) -> Any:
    value: Any = event
    for name in path:
        value = getattr(value, name)
    return " ".join(value) if isinstance(value, tuple) else value


_PATHS = tuple(tuple(field.column.split(".")) for field in FIELDS)
_CONTEXT_PATHS = tuple(tuple(column.split(".")) for column in CONTEXT)


def row_of(event: Event) -> np.ndarray:
    """One event as a row, shape (1,) of ROW.

    >>> from features.event import Event
    >>> event = Event.model_validate({
    ...     "time": "1970-01-01T00:00:01Z", "identity": {"id": "ada", "type": "agent"}, "action": {"name": "x"}
    ... })
    >>> row = row_of(event)
    >>> int(row["time"][0]), int(row["identity_type"][0]), float(row["reputation"][0])
    (1000000, 4, nan)
    """
    values = []
    for field, path in zip(FIELDS, _PATHS, strict=True):
        value = _value(event, path)
        values.append(field.unknown if value is None else field.encode(value))
    values.append(float(sum(_value(event, path) is not None for path in _CONTEXT_PATHS)))
    return np.array([tuple(values)], dtype=ROW)
