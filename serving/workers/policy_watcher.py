"""Puts a changed policy file into force while the service runs, whole or not at all.

A file that is invalid, cannot be read or is outside its dates leaves the previous policy in force. `GET /policy` says
which file, why and since when, and the gauge `session_trust_policy_refused` is 1 until the file is valid again. No
content of the file ends the watcher: reading is bounded, and the bytes are compared, so that none is read twice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from features.hashing import digest_of
from serving import metrics
from serving.engine.writer import Engine
from serving.policy.loader import read_file
from serving.policy.schema import Policy, PolicyError
from serving.times import now
from serving.workers.periodic import PeriodicWorker

log = logging.getLogger(__name__)

SECONDS = 2.0
"""How often the file is checked."""


class PolicyWatcher:
    """Compares the policy file with the one in force."""

    def __init__(self, engine: Engine, file: Path, clock: Callable[[], datetime] = now) -> None:
        self._engine = engine
        self._file = file
        self._clock = clock
        self._digest: str | None = None
        """The digest of the bytes that `_parsed` comes from."""
        self._parsed: Policy | str = ""
        """The policy, or why it is refused."""

    def worker(self) -> PeriodicWorker:
        """The worker that checks the file from now on."""
        return PeriodicWorker("policy", SECONDS, self.check)

    def check(self) -> None:
        """Put the file's policy into force if it changed and may be; a policy of a later day waits for it."""
        try:
            policy = self._policy()
        except PolicyError as error:
            self._refuse(str(error))
        except BaseException as error:  # whatever a library makes of the file, it is shown as refused
            self._refuse(f"{self._file} cannot be used: {type(error).__name__}: {error}", unexpected=True)
        else:
            self._put_into_force(policy)

    def _policy(self) -> Policy:
        """The file's policy, if it may be in force; bytes are parsed when they changed. Raises PolicyError."""
        data = read_file(self._file)
        digest, active = digest_of(data), self._engine.active.policy
        if digest == active.digest:
            return active
        if digest != self._digest:
            try:
                self._parsed = Policy.parse(data, str(self._file))
            except PolicyError as error:
                self._parsed = str(error)
            self._digest = digest
        if isinstance(self._parsed, str):
            raise PolicyError(self._parsed)
        not_in_force = self._parsed.not_in_force(self._clock())
        if not_in_force:
            raise PolicyError(f"{self._file}: {not_in_force}")
        return self._parsed

    def _put_into_force(self, policy: Policy) -> None:
        active = self._engine.active
        changed = policy.digest != active.policy.digest
        accepted = active.refusing(self._file, None, self._clock())
        if not changed and accepted == active:
            return
        self._engine.active = replace(accepted, policy=policy) if changed else accepted
        metrics.POLICY_REFUSED.set(bool(accepted.refused_files))
        if changed:
            metrics.POLICY_SWAPS.inc()
        log.warning("the policy in force is now %s", policy.digest)

    def _refuse(self, reason: str, unexpected: bool = False) -> None:
        active = self._engine.active
        refusing = active.refusing(self._file, reason, self._clock())
        if refusing != active:
            words = "the policy in force stays %s; the new file is refused: %s"
            log.error(words, active.policy.digest, reason, exc_info=unexpected)
        self._engine.active = refusing
        metrics.POLICY_REFUSED.set(1)
