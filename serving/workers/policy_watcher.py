"""Puts a changed policy, and changed catalogues beside it, into force while the service runs, whole or not at all.

A file that is invalid, cannot be read or is outside its dates leaves what was in force. `GET /policy` says which file,
why and since when, and the gauge `session_trust_policy_refused` is 1 until all are valid again. No content of a file
ends the watcher: reading is bounded, and the bytes are compared, so that none is parsed twice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Generic, TypeVar

from serving import metrics
from serving.deployment.catalogue_files import FILES, parse_catalogues, read_catalogues
from serving.engine.writer import Engine
from serving.model.active import ActiveConfiguration, RefusedFile
from serving.policy.loader import PolicyError, read_file
from serving.policy.schema import Policy
from serving.times import now
from serving.workers.periodic import PeriodicWorker

log = logging.getLogger(__name__)
Part = TypeVar("Part")

SECONDS = 2.0
"""How often the files are checked."""


class PolicyWatcher:
    """Compares the policy file, and the catalogues in a folder, with those in force."""

    def __init__(
        self, engine: Engine, file: Path, folder: Path | None = None, clock: Callable[[], datetime] = now
    ) -> None:
        self._engine = engine
        self._file = file
        self._folder = folder
        self._clock = clock
        self._policy = _Parsed(lambda contents: Policy.parse(contents[str(file)], str(file)))
        self._catalogues = _Parsed(parse_catalogues)

    def worker(self) -> PeriodicWorker:
        """The worker that checks the files from now on."""
        return PeriodicWorker("policy", SECONDS, self.check)

    def check(self) -> None:
        """Put what changed into force if it may be; a policy of a later day waits for it."""
        self._check("policy", self._file, self._changed_policy)
        if self._folder is not None:
            self._check("catalogues", self._folder, self._changed_catalogues)

    def _check(self, part: str, path: Path, changed: Callable[[ActiveConfiguration], ActiveConfiguration]) -> None:
        active, unexpected = self._engine.active, False
        try:
            following, refused = changed(active), None
        except PolicyError as error:
            following, refused = active, RefusedFile(error.file or str(path), str(error), self._clock())
        except BaseException as error:  # whatever a library makes of the file, it is shown as refused
            reason = f"{path} cannot be used: {type(error).__name__}: {error}"
            following, refused, unexpected = active, RefusedFile(str(path), reason, self._clock()), True
        following = following.refusing(part, refused)
        if following == active:
            return
        self._engine.active = following
        metrics.POLICY_REFUSED.set(bool(following.refused))
        if refused is not None:
            words = "the policy in force stays %s; a changed file is refused: %s"
            log.error(words, active.policy.digest, refused.reason, exc_info=unexpected)
            return
        if active.versions != following.versions:
            metrics.POLICY_SWAPS.inc()
        log.warning("the policy in force is now %s, the catalogues %s", *_digests(following))

    def _changed_policy(self, active: ActiveConfiguration) -> ActiveConfiguration:
        policy = self._policy.value({str(self._file): read_file(self._file)})
        if policy.digest == active.policy.digest:
            return active
        not_in_force = policy.not_in_force(self._clock())
        if not_in_force:
            raise PolicyError(f"{self._file}: {not_in_force}")
        return replace(active, policy=policy)

    def _changed_catalogues(self, active: ActiveConfiguration) -> ActiveConfiguration:
        contents = read_catalogues(self._folder) if self._folder else {}
        for name in FILES:
            path = str(Path(self._folder or ".") / name)
            if getattr(active.catalogues, name.removesuffix(".yaml")) and path not in contents:
                raise PolicyError(f"{path} is gone and stays in force; to drop its entries, write an empty list", path)
        catalogues = self._catalogues.value(contents)
        return active if catalogues.digest == active.catalogues.digest else replace(active, catalogues=catalogues)


class _Parsed(Generic[Part]):
    """What was made of some files, made anew when their bytes change. What fails unexpectedly is tried again."""

    def __init__(self, parse: Callable[[Mapping[str, bytes]], Part]) -> None:
        self._parse = parse
        self._contents: Mapping[str, bytes] | None = None
        self._result: Part | None = None
        self._refusal: tuple[str, str] = ("", "")

    def value(self, contents: Mapping[str, bytes]) -> Part:
        """Raises PolicyError when the files cannot be used."""
        if contents != self._contents:
            try:
                self._result = self._parse(contents)
            except PolicyError as error:
                self._result, self._refusal = None, (str(error), error.file)
            self._contents = contents
        if self._result is None:
            raise PolicyError(*self._refusal)
        return self._result


def _digests(active: ActiveConfiguration) -> tuple[str, str]:
    return active.policy.digest, active.catalogues.digest or "none"
