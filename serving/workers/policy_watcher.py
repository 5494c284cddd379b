"""Puts a changed policy file into force while the service runs, whole or not at all.

A file that is invalid, or outside its dates, leaves the previous policy in force. `GET /policy` says why, and the gauge
`session_trust_policy_refused` is 1 until the file is valid again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from serving import metrics
from serving.engine.writer import Engine
from serving.policy.schema import Policy, PolicyError
from serving.times import now
from serving.workers.periodic import PeriodicWorker

log = logging.getLogger(__name__)

SECONDS = 2.0
"""How often the file is checked."""
Signature = tuple[int, int, int]


class PolicyWatcher:
    """Compares the policy file with the one in force."""

    def __init__(self, engine: Engine, file: Path, clock: Callable[[], datetime] = now) -> None:
        self._engine = engine
        self._file = file
        self._clock = clock
        self._signature = _signature(file)

    def worker(self) -> PeriodicWorker:
        """The worker that checks the file from now on."""
        return PeriodicWorker("policy", SECONDS, self.check)

    def check(self) -> None:
        """Replace the policy when the file has changed. A refused file is checked again, since its day may come."""
        signature, active = _signature(self._file), self._engine.active
        if signature == self._signature and active.policy_refused is None:
            return
        self._signature = signature
        try:
            policy = load_current_policy(self._file, self._clock())
        except PolicyError as error:
            self._refuse(str(error))
            return
        self._engine.active = replace(active, policy=policy, policy_refused=None)
        metrics.POLICY_REFUSED.set(0)
        if policy.digest != active.policy.digest:
            metrics.POLICY_SWAPS.inc()
            log.warning("the policy in force is now %s", policy.digest)

    def _refuse(self, reason: str) -> None:
        active = self._engine.active
        if reason != active.policy_refused:
            log.error("the policy in force stays %s; the new file is refused: %s", active.policy.digest, reason)
        self._engine.active = replace(active, policy_refused=reason)
        metrics.POLICY_REFUSED.set(1)


def load_current_policy(file: Path, at: datetime) -> Policy:
    """The policy in a file, if it may be in force at a time. Raises PolicyError with the reason why not."""
    policy = Policy.load(file)
    not_in_force = policy.not_in_force(at)
    if not_in_force:
        raise PolicyError(f"{file}: {not_in_force}")
    return policy


def _signature(file: Path) -> Signature | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
