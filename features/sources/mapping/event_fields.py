"""The fields of an Event by their dotted names (`identity.id`), and how each reads a value of a log."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, get_args, get_origin

from features.event.schema import Event, LongText, Texts, Time
from features.sources.mapping.values import (
    address,
    boolean,
    country,
    long_text,
    number_within,
    short_text,
    texts,
    time_value,
)


class EventField(NamedTuple):
    """How a field reads a value (None: unknown), and the only values it may have; none means any."""

    convert: Callable[[Any], Any]
    choices: tuple[str, ...]


_NUMBER = number_within(1, 4_294_967_295, whole=True)


def _asn(value: Any) -> Any:
    return _NUMBER(re.sub(r"^AS", "", str(value)))


_BY_NAME: dict[str, Callable[[Any], Any]] = {
    "time": time_value,
    "network.ip": address,
    "network.country": country,
    "network.asn": _asn,
    "network.latitude": number_within(-90, 90, whole=False),
    "network.longitude": number_within(-180, 180, whole=False),
    "network.reputation": number_within(0, 1, whole=False),
    "authentication.aal": number_within(1, 3, whole=True),
    "identity.entitlements_granted": number_within(0, 10_000_000, whole=True),
    "identity.entitlements_used_90d": number_within(0, 10_000_000, whole=True),
}
_BY_KIND: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    (Time, time_value),
    (Texts, texts),
    (LongText, long_text),
    (bool, boolean),
)


def _event_field(name: str, annotation: Any) -> EventField:
    kinds = (annotation, *get_args(annotation))
    convert = _BY_NAME.get(name) or next((reads for kind, reads in _BY_KIND if kind in kinds), short_text)
    return EventField(convert, tuple(c for kind in kinds if get_origin(kind) is Literal for c in get_args(kind)))


def _event_fields() -> dict[str, EventField]:
    known: dict[str, EventField] = {}
    for name, part in Event.model_fields.items():
        inner = getattr(part.annotation, "model_fields", None)
        if inner is None:
            known[name] = _event_field(name, None)
        else:
            for field, info in inner.items():
                known[f"{name}.{field}"] = _event_field(f"{name}.{field}", info.rebuild_annotation())
    return known


EVENT_FIELDS: Mapping[str, EventField] = _event_fields()
"""Every field of an Event; a field that the Event gains is known here without a change."""
