"""A log source made from a map file alone: any log of JSON objects, or of CSV with a header line."""

from __future__ import annotations

from pathlib import Path

from features.event.schema import IdentityType
from features.sources.formats.records import Record, RecordForm
from features.sources.log_source import LogSource
from features.sources.mapping.log_map import ready_map
from features.sources.mapping.map_file import read_map

GENERIC = "generic"
"""The name of the source on the command line."""


def source_of_map(path: Path) -> LogSource:
    """The source that a map file describes. Raises MapError saying where the map is wrong and what to write instead.

    An identity is of a type by a rule where the map's own rules give one, which they do for each event.
    """
    known = ready_map(file := read_map(path))

    def identity_type(record: Record) -> IdentityType | None:
        try:
            kind: IdentityType | None = known.fields(record)["identity.type"]
        except ValueError:
            return None
        return kind

    return LogSource(
        name=GENERIC,
        title=file.title,
        parse=known.event_of,
        recognises=known.recognises,
        identity_type=identity_type,
        form=RecordForm(list_names=file.records, csv=True),
    )
