"""Puts a changed policy file into force while the service runs, whole or not at all.

A file that is invalid, cannot be read or is outside its dates leaves the previous policy in force. `GET /policy` says
which file, why and since when, and the gauge `session_trust_policy_refused` is 1 until the file is valid again. No
content of the file ends the watcher: reading is bounded, and the bytes are compared, so that none is parsed twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from features.hashing import digest_of
from serving.engine.writer import Engine
from serving.policy.loader import read_file
from serving.policy.schema import POLICY_LIMITS, Policy, PolicyError
from serving.times import now
from serving.workers.active_files import Change, ParsedOnce, refresh, unchanged
from serving.workers.periodic import PeriodicWorker

SECONDS = 2.0
"""How often the file is checked."""


class PolicyWatcher:
    """Compares the policy file with the one in force."""

    def __init__(self, engine: Engine, file: Path, clock: Callable[[], datetime] = now) -> None:
        self._engine = engine
        self._file = file
        self._clock = clock
        self._parsed = ParsedOnce(lambda data: Policy.parse(data, str(file)))

    def worker(self) -> PeriodicWorker:
        """The worker that checks the file from now on."""
        return PeriodicWorker("policy", SECONDS, self.check)

    def check(self) -> None:
        """Put the file's policy into force if it changed and may be; a policy of a later day waits for it."""
        refresh(self._engine, self._file, {self._file: self._read}, self._clock())

    def _read(self) -> Change:
        """The change to the file's policy, if it is another and may be in force. Raises PolicyError."""
        data = read_file(self._file, POLICY_LIMITS)
        if digest_of(data) == self._engine.active.policy.digest:
            return unchanged
        policy = self._parsed(data)
        not_in_force = policy.not_in_force(self._clock())
        if not_in_force:
            raise PolicyError(f"{self._file}: {not_in_force}", str(self._file))
        return lambda active: replace(active, policy=policy)
