"""Takes a changed policy file into force while the service runs, whole or not at all.

A file that is wrong, or outside its dates, leaves the policy of before in force; `/policy` says why, and
`session_trust_policy_refused` is 1 until the file is one to rule by.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from pathlib import Path

from serving import metrics
from serving.engine.writer import Engine
from serving.model.active import ActiveConfiguration
from serving.policy.schema import Policy, PolicyError
from serving.times import now

log = logging.getLogger(__name__)

SECONDS = 2.0
"""How often the file is looked at."""
Signature = tuple[int, int, int]


class PolicyWatch:
    """Looks at the policy file now and then, for as long as the process lives."""

    def __init__(self, engine: Engine, file: Path) -> None:
        self._engine = engine
        self._file = file
        self._seen = _signature(file)

    def start(self) -> None:
        """Look from now on, in a thread that ends with the process."""
        threading.Thread(target=self._run, name="policy", daemon=True).start()

    def look(self) -> None:
        """Swap the policy if the file has changed; one that was refused is looked at again, since its day may come."""
        signature, here = _signature(self._file), self._engine.here
        if signature == self._seen and here.policy_refused is None:
            return
        self._seen = signature
        try:
            policy = admissible(self._file)
        except PolicyError as error:
            self._refuse(here, str(error))
            return
        self._engine.here = replace(here, policy=policy, policy_refused=None)
        metrics.POLICY_REFUSED.set(0)
        if policy.digest != here.policy.digest:
            metrics.POLICY_SWAPS.inc()
            log.warning("the policy in force is now %s", policy.digest)

    def _refuse(self, here: ActiveConfiguration, reason: str) -> None:
        if reason != here.policy_refused:
            log.error("the policy in force stays %s, since the new one is refused: %s", here.policy.digest, reason)
        self._engine.here = replace(here, policy_refused=reason)
        metrics.POLICY_REFUSED.set(1)

    def _run(self) -> None:
        pause = threading.Event()
        while not pause.wait(SECONDS):
            try:
                self.look()
            except Exception:  # whatever goes wrong with looking, the policy in force stays, and the next look may do
                log.exception("the policy file could not be looked at")


def admissible(file: Path) -> Policy:
    """The file as a policy to rule by now; raises PolicyError with the reason why not."""
    policy = Policy.load(file)
    not_in_force = policy.not_in_force(now())
    if not_in_force:
        raise PolicyError(f"{file}: {not_in_force}")
    return policy


def _signature(file: Path) -> Signature | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
