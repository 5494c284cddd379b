"""Erases what is older than the configured number of days, once a day and in small pieces."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from serving.engine.writer import Engine
from serving.store.privacy.erasure import Reason
from serving.store.privacy.retention import MOST_ROWS_PER_RUN, erase_older
from serving.store.store import Transaction
from serving.times import now
from serving.workers.periodic import PeriodicWorker

log = logging.getLogger(__name__)

SECONDS = 600.0
"""How often it is checked whether a day has passed. A run that reached its bound goes on at the next check."""
BETWEEN_CHUNKS_SECONDS = 0.005
"""How long it pauses between two pieces, so that requests rarely meet one."""
A_DAY = timedelta(days=1)


class RetentionWorker:
    """Erases old rows through the engine, whose other requests come between the pieces."""

    def __init__(
        self, engine: Engine, days: int, clock: Callable[[], datetime] = now, most_rows: int = MOST_ROWS_PER_RUN
    ) -> None:
        self._engine = engine
        self._days = days
        self._clock = clock
        self._most_rows = most_rows
        self._next: datetime | None = None

    def worker(self) -> PeriodicWorker:
        """The worker that erases from now on; a service that restarts often erases at its first check."""
        return PeriodicWorker("retention", SECONDS, self.check)

    def check(self) -> None:
        """Erase what is too old, if a day has passed since the last complete run."""
        at = self._clock()
        if self._next is not None and at < self._next:
            return
        why = Reason("the retention worker", f"older than {self._days} days")
        age = timedelta(days=self._days)
        erased = erase_older(self._engine.store, self._run, age, at, why, most_rows=self._most_rows)
        if sum(erased.values()) < self._most_rows:
            self._next = at + A_DAY
        if erased:
            log.warning("erased what is older than %d days: %s", self._days, erased)

    def _run(self, work: Callable[[Transaction], Any]) -> Any:
        result = self._engine.run(work)
        time.sleep(BETWEEN_CHUNKS_SECONDS)
        return result
