"""Puts changed `actions.yaml`, `assets.yaml` and `identities.yaml` into force while the service runs.

A file that is invalid or cannot be read leaves its own entries in force as they were, and is shown as refused, like a
policy; the others are taken. So is a file under another name, such as `assets.yml`, which nothing reads.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from features.hashing import digest_of
from serving.deployment.catalogue_files import FILES, misnamed_files, parse_catalogue, read_catalogue
from serving.engine.writer import Engine
from serving.policy.loader import PolicyError
from serving.times import now
from serving.workers.active_files import Change, ParsedOnce, refresh, unchanged
from serving.workers.periodic import PeriodicWorker

SECONDS = 2.0
"""How often the files are checked."""


class CatalogueWatcher:
    """Compares the files with the entries in force."""

    def __init__(self, engine: Engine, folder: Path, clock: Callable[[], datetime] = now) -> None:
        self._engine = engine
        self._folder = folder
        self._clock = clock
        self._parsed: dict[str, ParsedOnce[tuple[Any, ...]]] = {
            name: ParsedOnce(partial(parse_catalogue, path=folder / name)) for name in FILES
        }

    def worker(self) -> PeriodicWorker:
        """The worker that checks the files from now on."""
        return PeriodicWorker("catalogues", SECONDS, self.check)

    def check(self) -> None:
        """Put the entries of each file into force that changed and is valid."""
        files: dict[Path, Callable[[], Change]] = {self._folder / name: partial(self._read, name) for name in FILES}
        files |= {path: partial(_refuse, path, reason) for path, reason in misnamed_files(self._folder).items()}
        refresh(self._engine, self._folder, files, self._clock())

    def _read(self, name: str) -> Change:
        """The change that a file makes. Raises PolicyError."""
        data, in_force = read_catalogue(self._folder / name), self._engine.active.catalogues
        digest = None if data is None else digest_of(data)
        if digest == in_force.files.get(name):
            return unchanged
        if data is None:
            return lambda active: replace(active, catalogues=active.catalogues.without_file(name))
        entries = self._parsed[name](data)
        return lambda active: replace(active, catalogues=active.catalogues.with_file(name, data, entries))


def _refuse(path: Path, reason: str) -> Change:
    raise PolicyError(reason, str(path))
