"""Shipped log records -> events: in our own form, or read from a vendor's native form."""

from __future__ import annotations

from typing import Any

from pydantic import RootModel

from features.event.schema import Event
from features.sources.registry import SOURCES
from serving.errors import InvalidField


class _Events(RootModel[list[Event]]):
    """Events in our own form."""


def parse_records(records: list[dict[str, Any]], source: str | None) -> tuple[list[Event], list[str]]:
    """The events, and for a native log a sentence for each record that is not one.

    Records in our own form (no source) are refused whole at the first error. Raises InvalidField for an unknown
    source, pydantic's ValidationError for a record in our own form.
    """
    if source is None:
        return _Events.model_validate(records).root, []
    if source not in SOURCES:
        raise InvalidField("source", f"is not one of {', '.join(sorted(SOURCES))}")
    events, errors = [], []
    for position, record in enumerate(records):
        try:
            events.append(SOURCES[source](record))
        except ValueError as error:
            errors.append(f"record {position}: {error}")
    return events, errors
