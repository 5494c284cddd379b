"""A background thread that does something every few seconds, with a start and a stop."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)


class PeriodicWorker:
    """Calls a function every `seconds` in a thread of its own. What it raises is logged, and the next call comes."""

    def __init__(self, name: str, seconds: float, task: Callable[[], None]) -> None:
        self.name = name
        self._seconds = seconds
        self._task = task
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, name=name, daemon=True)

    def start(self) -> None:
        """Call the function for the first time in `seconds`. The thread ends with the process at the latest."""
        self._thread.start()

    def stop(self) -> None:
        """Let a call that is running finish, and make no more."""
        self._stopping.set()
        self._thread.join()

    def _loop(self) -> None:
        while not self._stopping.wait(self._seconds):
            try:
                self._task()
            except (
                BaseException
            ):  # no failure must end the worker, not even a library's panic: the next call may succeed
                log.exception("the worker %s failed", self.name)
