"""Progress callbacks, and the time each stage of a long job takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

ProgressCallback = Callable[[str, float], None]
"""Called as `progress(stage, share)`: the current stage, and the share of the whole job that is done, 0 to 1."""
CountCallback = Callable[[int, int], None]
"""Called as `progress(done, total)`."""


def no_progress(stage: str, share: float) -> None:
    """Report nothing."""


def share_of(progress: ProgressCallback, start: float, end: float) -> ProgressCallback:
    """A callback for a part of a job: its 0 to 1 becomes `start` to `end` of the whole."""
    return lambda stage, share: progress(stage, start + (end - start) * share)


def stage_counter(progress: ProgressCallback, stage: str, start: float, end: float) -> CountCallback:
    """A `(done, total)` callback that reports one stage, from `start` to `end` of the whole job."""
    return lambda done, total: progress(stage, start + (end - start) * done / max(total, 1))


class StageTimer:
    """A progress callback that adds up the seconds spent in each stage and passes every call on."""

    def __init__(self, progress: ProgressCallback = no_progress, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds: dict[str, float] = {}
        self._progress, self._clock = progress, clock
        self._stage, self._since = "", clock()

    def __call__(self, stage: str, share: float) -> None:
        now = self._clock()
        if self._stage:
            self.seconds[self._stage] = self.seconds.get(self._stage, 0.0) + now - self._since
        self._stage, self._since = stage, now
        self._progress(stage, share)

    def finish(self) -> None:
        """End the last stage and report the whole job as done."""
        self(self._stage, 1.0)


def format_durations(seconds: Mapping[str, float]) -> str:
    """Durations by stage in one line.

    >>> format_durations({"simulating": 61.2, "fitting": 9.6})
    'simulating 61 s, fitting 10 s'
    """
    return ", ".join(f"{stage} {duration:.0f} s" for stage, duration in seconds.items())
