"""A log source made from a map file alone: any log of JSON objects, or of CSV with a header line."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from features.event.schema import IdentityType
from features.sources.formats.records import Record, RecordForm
from features.sources.log_source import LogSource
from features.sources.mapping.log_map import ready_map
from features.sources.mapping.map_file import MapError, read_map
from features.suggestions import did_you_mean

GENERIC = "generic"
"""The name of the source on the command line."""
_MAP_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def named_map(folder: Path, name: str) -> LogSource:
    """The source of a map in a folder of maps, by the name of its file without `.yaml`: `badge` for `badge.yaml`.

    A name is never a path. Raises MapError where there is no such map, saying which there are, and as `source_of_map`.
    """
    names = sorted(file.stem for file in folder.glob("*.yaml"))
    if not _MAP_NAME.fullmatch(name) or name not in names:
        known = did_you_mean(name[:64], names) if names else "there are none: put NAME.yaml into the folder of maps"
        raise MapError(f"there is no map {name[:64]!r}; {known}")
    file = folder / f"{name}.yaml"
    state = file.stat()
    return _read_once(file, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=64)
def _read_once(file: Path, changed_at: int, size: int) -> LogSource:
    """A map is read again when its file changes."""
    return source_of_map(file)


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
        statement=known.statement,
        form=RecordForm(list_names=file.records, csv=True),
    )
