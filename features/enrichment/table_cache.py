"""Keeps parsed address tables in the home folder, since parsing the bundled ones takes over a second of each start.

A kept file is named by a digest of the tables and of the code that parsed them, so it is never stale. It holds plain
arrays and no pickles.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from features.enrichment import ip_ranges
from features.enrichment.ip_ranges import Ranges
from features.hashing import digest_of
from features.settings import get_settings


def cached_ranges(
    files: Sequence[Path], parse: Callable[[], Mapping[str, Ranges]], home: Path | None = None
) -> dict[str, Ranges]:
    """What `parse` makes of some files, by name; parsed only when the home folder does not hold it already.

    Without a home folder (by default the settings') nothing is kept: reading logs must not make one.
    """
    folder = (home or get_settings().home) / "compiled"
    sources = [*files, Path(ip_ranges.__file__)]
    path = folder / f"addresses_{digest_of(b''.join(file.read_bytes() for file in sources))[7:27]}.npz"
    kept = _read(path)
    if kept is None:
        kept = dict(parse())
        if folder.parent.is_dir():
            _write(path, kept)
    return kept


def _write(path: Path, tables: Mapping[str, Ranges]) -> None:
    arrays = {f"{name}.{part}": value for name, ranges in tables.items() for part, value in vars(ranges).items()}
    try:
        path.parent.mkdir(exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}")
        with draft.open("wb") as file:
            np.savez(file, **arrays)
        draft.replace(path)
    except OSError:
        return  # a home folder that cannot be written costs the time of parsing again, nothing else


def _read(path: Path) -> dict[str, Ranges] | None:
    """What `_write` wrote; None where there is nothing, or nothing that can be read."""
    parts: dict[str, dict[str, np.ndarray]] = {}
    try:
        with np.load(path, allow_pickle=False) as file:
            for key, value in file.items():
                name, _, part = key.rpartition(".")
                parts.setdefault(name, {})[part] = value
        return {name: Ranges(**arrays) for name, arrays in parts.items()}
    except (OSError, EOFError, ValueError, TypeError, zipfile.BadZipFile):
        return None
