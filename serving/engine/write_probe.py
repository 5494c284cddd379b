"""Finds out whether the store can be written, for `GET /readyz`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from serving.errors import ServingError
from serving.store.store import Transaction

FRESH_SECONDS = 2.0
"""How long an outcome is repeated: anyone may ask, and each write waits for the disk."""
PATIENCE_SECONDS = 7.0
"""How long a write may take; the store itself gives up on a locked database after five seconds."""
Run = Callable[[Callable[[Transaction], None], float], Any]


class WriteProbe:
    """Writes through the engine's own thread, so that a thread that no longer works is found as well."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._lock = threading.Lock()
        self._outcome: str | None = None
        self._at = -FRESH_SECONDS

    def fault(self) -> str | None:
        """Why nothing can be written, or None; while a write is under way, the outcome of the one before."""
        if time.monotonic() - self._at >= FRESH_SECONDS and self._lock.acquire(blocking=False):
            try:
                self._outcome = self._write()
                self._at = time.monotonic()
            finally:
                self._lock.release()
        return self._outcome

    def _write(self) -> str | None:
        try:
            self._run(lambda tx: tx.connection.touch(), PATIENCE_SECONDS)
        except TimeoutError:
            return f"a write has waited for more than {PATIENCE_SECONDS:.0f} s"
        except ServingError as error:
            return str(error)
        return None
