"""The fields of the numpy row: for each, the Event column it comes from and the function that encodes a value.

Every field is a plain function of exactly one column. A batch applies it to the distinct values of the column and the
service calls it once, so both give the same bits. Missing columns and nulls mean unknown.
"""

from __future__ import annotations

import typing
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from features.arrays import NEVER
from features.event.action_names.name_words import verb_of
from features.event.action_names.tactics import tactic_weight
from features.event.arrow import EVENT_SCHEMA
from features.event.countries import country_code
from features.event.identifiers import comparable_id
from features.event.ip_network import prefix_of
from features.event.schema import (
    Category,
    CredentialKind,
    Environment,
    IdentityType,
    Impact,
    Outcome,
    Sensitivity,
)
from features.event.user_agent import agent_of
from features.hashing import UNKNOWN, key_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_CACHE_SIZE = 65_536
"""Encoded texts of a column that the service caches."""
LONGEST_CACHED = 256
"""Longer texts are encoded each time: a caller must not fill the memory with them, 16 KiB of scopes each."""


def microseconds(time: datetime) -> int:
    """Whole microseconds since 1970 (UTC).

    >>> microseconds(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000000
    """
    return (time - _EPOCH) // _MICROSECOND


def _code(choices: Any) -> Callable[[str], int]:
    return {choice: code for code, choice in enumerate(typing.get_args(choices), start=1)}.__getitem__


_PHISHING_RESISTANT = frozenset({"hwk", "pop", "sc", "wia"})
_SECOND_FACTORS = frozenset({"face", "fpt", "iris", "mca", "mfa", "otp", "retina", "sms", "swk", "tel", "vbm"})


def strength_of(amr: str) -> float:
    """The model's scale of RFC 8176 methods, by the strongest of them: 0 none, 1 knowledge, 2 what people have or are,
    3 phishing-resistant. The assurance level that they prove is `authentication_methods.level_of`."""
    methods = set(amr.split())
    if methods & _PHISHING_RESISTANT:
        return 3.0
    if methods & _SECOND_FACTORS:
        return 2.0
    return 1.0 if methods - {"rba"} else 0.0


def _breadth(scope: str) -> float:
    """How much a credential may do: the number of its scopes, with a wildcard counted as a hundred."""
    return float(sum(100 if "*" in part else 1 for part in scope.split()))


def _flag(value: bool | None) -> float:
    return float("nan") if value is None else float(value)


def bounded_cache(encode: Callable[[Any], float | int]) -> Callable[[Any], float | int]:
    """A cache of encoded values that holds at most `_CACHE_SIZE` texts of `LONGEST_CACHED` characters."""
    cached = lru_cache(_CACHE_SIZE)(encode)
    return lambda value: encode(value) if isinstance(value, str) and len(value) > LONGEST_CACHED else cached(value)


@dataclass(frozen=True)
class Field:
    """One field of the numpy row: its Event column, the function that encodes a value, and the value for unknown."""

    name: str
    column: str
    encode: Callable[[Any], float | int]
    unknown: float | int

    @property
    def type(self) -> str:
        """The numpy type of the field: `i8` or `f8`."""
        return "i8" if isinstance(self.unknown, int) else "f8"

    @property
    def is_list(self) -> bool:
        """Whether the column holds lists of texts."""
        return pa.types.is_list(EVENT_SCHEMA.field(self.column).type)

    def encoder(self) -> Callable[[Any], float | int]:
        """`encode` for single Events, with a cache for texts that is bounded in bytes as well as in entries."""
        if self.encode in (float, int, microseconds):
            return self.encode
        cached = bounded_cache(self.encode)
        return (lambda texts: cached(" ".join(texts))) if self.is_list else cached


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
    _text("identity_key", "identity.id", lambda text: key_of(comparable_id(text))),
    _text("identity_type", "identity.type", _code(IdentityType)),
    _number("entitlements_granted", "identity.entitlements_granted"),
    _number("entitlements_used", "identity.entitlements_used_90d"),
    _text("session_key", "session.id"),
    _time("session_started_at", "session.started_at"),
    _text("intent", "session.intent"),
    _text("action", "action.name"),
    _text("verb", "action.name", lambda name: key_of(verb_of(name))),
    _number("tactic_weight", "action.name", tactic_weight),
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
    _text("country_code", "network.country", country_code),
    _number("latitude", "network.latitude"),
    _number("longitude", "network.longitude"),
    _number("accuracy", "network.accuracy_km"),
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
    _number("task_similarity", "task_fit.similarity"),
    _number("arguments_in_task", "task_fit.arguments_in_task"),
    _number("arguments_in_output", "task_fit.arguments_in_output"),
    _number("entities_outside_task", "task_fit.entities_outside_task"),
    _number("entities_from_output", "task_fit.entities_from_output"),
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
"""The columns that count towards the share of the context that is known."""

ROW = np.dtype([*((field.name, field.type) for field in FIELDS), ("known", "f8")], align=True)
"""One event as numbers: texts as keys and choices as codes (0 if unknown), times in microseconds (NEVER if unknown),
other numbers as they are (NaN if unknown). `known` is the number of CONTEXT columns that are not null."""
