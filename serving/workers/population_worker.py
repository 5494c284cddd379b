"""Takes up the deployment's newest population while the service runs, and has it measured on a schedule.

It is measured by a process of its own, at a low priority: `session-trust population refresh`. So no request waits for
it. Whatever is wrong with a stored population, the one in force stays.
"""

from __future__ import annotations

import logging
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from features.settings import PREFIX, Settings
from serving import metrics
from serving.engine.writer import Engine
from serving.store.populations.snapshots import packed
from serving.times import now
from serving.workers.periodic import PeriodicWorker
from serving.workers.population_refresh import in_force

log = logging.getLogger(__name__)

SECONDS = 2.0
"""How often the store is asked for a newer population."""
FIRST = timedelta(minutes=10)
"""How long after its start a service has its population measured at the earliest."""
AGAIN = timedelta(hours=6)
"""How long it waits after a window that was not worth it, or a refresh that failed."""
LONGEST = timedelta(hours=1)
"""How long a refresh may take."""


@dataclass(frozen=True)
class Refreshing:
    """A refresh that is under way."""

    process: subprocess.Popen[bytes]
    since: datetime


class PopulationWorker:
    """Compares the population in force with the newest one in the store, and its age with the schedule."""

    def __init__(
        self,
        engine: Engine,
        clock: Callable[[], datetime] = now,
        start: Callable[[Settings], subprocess.Popen[bytes]] | None = None,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._start = start or start_refresh
        self._earliest = clock() + FIRST
        self._refreshing: Refreshing | None = None

    def worker(self) -> PeriodicWorker:
        """The worker that looks from now on."""
        return PeriodicWorker("population", SECONDS, self.check)

    def check(self) -> None:
        """Take up a newer population, and have one measured if it is time."""
        take_up_population(self._engine, self._clock())
        if self._refreshing is not None:
            self._look_after(self._refreshing)
        elif self._is_due():
            self._earliest = self._clock() + AGAIN
            self._refreshing = Refreshing(self._start(self._engine.active.settings), self._clock())

    def _is_due(self) -> bool:
        """Whether the population is older than the schedule says, or was blended with another model's."""
        active, at = self._engine.active, self._clock()
        every = active.settings.population_refresh_hours
        if not every or not active.settings.population_days or active.champion is None or at < self._earliest:
            return False
        own = active.own
        return own is None or own.prior != active.prior.digest or at - own.measured_at >= timedelta(hours=every)

    def _look_after(self, refreshing: Refreshing) -> None:
        """Notice that a refresh has ended, and end one that takes too long."""
        code = refreshing.process.poll()
        if code is None and self._clock() - refreshing.since < LONGEST:
            return
        if code is None:
            refreshing.process.kill()
            refreshing.process.wait()
        self._refreshing = None
        if code != 0:
            log.warning("the population was not measured (%s): session-trust population refresh says why", code)


def start_refresh(settings: Settings) -> subprocess.Popen[bytes]:
    """Start `session-trust population refresh` with these settings, at the lowest priority."""
    command = [sys.executable, "-m", "serving", "population", "refresh"]
    nice = shutil.which("nice")
    return subprocess.Popen(
        [nice, "-n", "19", *command] if nice else command,
        env=_environment(settings, os.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _environment(settings: Settings, environment: Mapping[str, str]) -> dict[str, str]:
    own = {f"{PREFIX}{name.upper()}": str(value) for name, value in settings.model_dump().items()}
    return {**environment, **own, "OMP_NUM_THREADS": "1"}


def take_up_population(engine: Engine, at: datetime) -> None:
    """Put the newest stored population into force, from the next request on; a damaged one is refused, and shown."""
    found = in_force(engine.store, engine.active)
    own, fault = found.own, found.population_fault
    before, after = engine.change(lambda active: replace(active, own=own, population_fault=fault))
    if fault and fault != before.population_fault:
        log.error("%s; the population %s stays in force", fault, after.snapshot.digest)
    metrics.POPULATION_REFUSED.set(fault is not None)
    metrics.POPULATION_AGE.set((at - own.measured_at).total_seconds() if own else math.nan)
    metrics.POPULATION_DRIFT.set(math.nan if own is None or own.drift is None else own.drift)
    packed(after.snapshot)
    if after.snapshot.digest != before.snapshot.digest:
        engine.record_configuration()
        log.warning("the population in force is %s", after.snapshot.digest)
