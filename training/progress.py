"""How long each stage of a long piece of work took, by what it said it was doing."""

from __future__ import annotations

import time
from collections.abc import Callable

Told = Callable[[str, float], None]
"""Called with what is being done, and the share of the whole that is done."""


class Stages:
    """Passes on what is said, and adds up the seconds between one stage's first word and the next one's."""

    def __init__(self, told: Told | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds: dict[str, float] = {}
        self._told, self._clock = told, clock
        self._now, self._since = "", clock()

    def __call__(self, what: str, share: float) -> None:
        at = self._clock()
        if self._now:
            self.seconds[self._now] = self.seconds.get(self._now, 0.0) + at - self._since
        self._now, self._since = what, at
        if self._told:
            self._told(what, share)


def in_words(seconds: dict[str, float]) -> str:
    """A line for a person.

    >>> in_words({"simulating": 61.2, "fitting both models": 9.6})
    'simulating 61 s, fitting both models 10 s'
    """
    return ", ".join(f"{what} {took:.0f} s" for what, took in seconds.items())
