"""Puts what changed in files into force, and shows the files that are refused; shared by the watchers of such files."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Generic, TypeVar

from features.hashing import digest_of
from serving import metrics
from serving.engine.writer import Engine
from serving.model.active import ActiveConfiguration
from serving.policy.loader import PolicyError

log = logging.getLogger(__name__)

Change = Callable[[ActiveConfiguration], ActiveConfiguration]
Parsed = TypeVar("Parsed")


class ParsedOnce(Generic[Parsed]):
    """Parses the bytes of a file, and remembers the newest result or refusal: no content is parsed twice."""

    def __init__(self, parse: Callable[[bytes], Parsed]) -> None:
        self._parse = parse
        self._digest: str | None = None
        self._result: Parsed | PolicyError | None = None

    def __call__(self, data: bytes) -> Parsed:
        """What the bytes say. Raises PolicyError, each time anew."""
        digest = digest_of(data)
        if digest != self._digest or self._result is None:
            try:
                self._result = self._parse(data)
            except PolicyError as error:
                self._result = error
            self._digest = digest
        if isinstance(self._result, PolicyError):
            raise PolicyError(str(self._result), self._result.file)
        return self._result


def unchanged(active: ActiveConfiguration) -> ActiveConfiguration:
    """The change of a file that repeats the active configuration."""
    return active


def refresh(engine: Engine, part: Path, files: Mapping[Path, Callable[[], Change]], at: datetime) -> None:
    """Put into force what the files of a part of the configuration say, all at once.

    Whatever the reading of one file raises, what it said before stays in force, and the file is shown as refused.
    """
    changes: list[Change] = []
    refused: dict[str, str] = {}
    unexpected: dict[str, BaseException] = {}
    for file, read in files.items():
        try:
            changes.append(read())
        except PolicyError as error:
            refused[str(file)] = str(error)
        except BaseException as error:  # no file may end the watcher, not even by a library's panic
            refused[str(file)] = f"{file} cannot be used: {type(error).__name__}: {error}"
            unexpected[str(file)] = error

    def changed(active: ActiveConfiguration) -> ActiveConfiguration:
        for change in changes:
            active = change(active)
        return active.refusing(part, refused, at)

    before, after = engine.change(changed)
    if after == before:
        return
    metrics.POLICY_REFUSED.set(bool(after.refused_files))
    for name, reason in refused.items():
        log.error("%s; what this file said before stays in force", reason, exc_info=unexpected.get(name))
    if after.versions != before.versions:
        metrics.POLICY_SWAPS.inc()
        engine.record_configuration()
    if after.versions != before.versions or not refused:
        log.warning("the policy in force is %s, the catalogues %s", after.policy.digest, after.catalogues.digest)
