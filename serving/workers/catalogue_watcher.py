"""Puts changed `actions.yaml`, `assets.yaml` and `identities.yaml` into force while the service runs, all or none.

A file that is invalid or cannot be read leaves the entries in force as they are, and is shown as refused, like a
policy.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from serving.deployment.catalogue_files import FILES, Catalogues, contents_digest, parse_catalogues, read_catalogue
from serving.engine.writer import Engine
from serving.policy.loader import PolicyError
from serving.times import now
from serving.workers.active_files import refresh
from serving.workers.periodic import PeriodicWorker

SECONDS = 2.0
"""How often the files are checked."""


class CatalogueWatcher:
    """Compares the files with the entries in force."""

    def __init__(self, engine: Engine, folder: Path, clock: Callable[[], datetime] = now) -> None:
        self._engine = engine
        self._folder = folder
        self._clock = clock
        self._refused: tuple[str | None, str, str] | None = None
        """The digest of files that were refused, why, and which: no file is parsed twice."""

    def worker(self) -> PeriodicWorker:
        """The worker that checks the files from now on."""
        return PeriodicWorker("catalogues", SECONDS, self.check)

    def check(self) -> None:
        """Put the files' entries into force if they changed and are valid."""
        refresh(self._engine, self._folder, lambda: {"catalogues": self._read()}, self._clock())

    def _read(self) -> Catalogues:
        """The entries of the files; parsed when they changed. Raises PolicyError."""
        read = {name: read_catalogue(self._folder / name) for name in FILES}
        contents = {name: data for name, data in read.items() if data is not None}
        digest, in_force = contents_digest(contents) if contents else None, self._engine.active.catalogues
        if digest == in_force.digest:
            return in_force
        if self._refused is not None and self._refused[0] == digest:
            raise PolicyError(*self._refused[1:])
        try:
            return parse_catalogues(contents, self._folder)
        except PolicyError as error:
            self._refused = digest, str(error), error.file
            raise
