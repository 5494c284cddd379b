"""Puts changed `actions.yaml`, `assets.yaml` and `identities.yaml` into force while the service runs, all or none.

A file that is invalid or cannot be read leaves the entries in force as they are, and is shown as refused, like a
policy.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from serving.deployment.catalogue_files import FILES, Catalogues, contents_digest, parse_catalogues, read_catalogue
from serving.engine.writer import Engine
from serving.policy.loader import PolicyError
from serving.times import now
from serving.workers.periodic import PeriodicWorker

log = logging.getLogger(__name__)

SECONDS = 2.0
"""How often the files are checked."""


class CatalogueWatcher:
    """Compares the files with the entries in force."""

    def __init__(self, engine: Engine, folder: Path, clock: Callable[[], datetime] = now) -> None:
        self._engine = engine
        self._folder = folder
        self._clock = clock
        self._refused: tuple[str | None, str] | None = None
        """The digest of files that were refused, and why: no file is parsed twice."""

    def worker(self) -> PeriodicWorker:
        """The worker that checks the files from now on."""
        return PeriodicWorker("catalogues", SECONDS, self.check)

    def check(self) -> None:
        """Put the files' entries into force if they changed and are valid."""
        try:
            catalogues = self._read()
        except PolicyError as error:
            self._show(str(error))
            return
        active = self._engine.active
        self._engine.active = replace(active.refusing(self._folder, None, self._clock()), catalogues=catalogues)
        if catalogues.digest != active.catalogues.digest:
            log.warning("the catalogues in force are now %s", catalogues.digest)

    def _read(self) -> Catalogues:
        """The entries of the files; parsed when they changed. Raises PolicyError."""
        read = {name: read_catalogue(self._folder / name) for name in FILES}
        contents = {name: data for name, data in read.items() if data is not None}
        digest, in_force = contents_digest(contents) if contents else None, self._engine.active.catalogues
        if digest == in_force.digest:
            return in_force
        if self._refused is not None and self._refused[0] == digest:
            raise PolicyError(self._refused[1])
        try:
            return parse_catalogues(contents, self._folder)
        except PolicyError as error:
            self._refused = digest, str(error)
            raise

    def _show(self, reason: str) -> None:
        active = self._engine.active
        refusing = active.refusing(self._folder, reason, self._clock())
        if refusing != active:
            log.error("the catalogues in force stay %s; a new file is refused: %s", active.catalogues.digest, reason)
        self._engine.active = refusing
