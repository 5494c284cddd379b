"""The log sources that can be imported: for each, one function from a raw record to an Event."""

from __future__ import annotations

from collections.abc import Callable

from features.event.schema import Event
from features.sources.aws import cloudtrail
from features.sources.formats.records import Record

RecordParser = Callable[[Record], Event]
"""Turns one raw record into an Event; raises ValueError with a sentence that says why a record is not an event."""

SOURCES: dict[str, RecordParser] = {"cloudtrail": cloudtrail.event_of}
"""To add a source, write its RecordParser in a folder for the vendor and register it here."""
