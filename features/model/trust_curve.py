"""The trust curve: the probability that a session is not compromised, now and at later times.

trust(h) = (1 - P0) · Π (1 - q_k). P0 is the probability that this request is malicious; q_k is the probability that the
first malicious action falls in interval k if none came before. Between the horizons the cumulative hazard is linear.
Trust never rises.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from features.arrays import Array

HORIZONS = (300, 1_800, 7_200, 28_800)
"""The ends of the intervals, in seconds from now."""


def probability(log_odds: Array) -> Array:
    """Convert log-odds of any shape to probabilities.

    >>> probability(np.array([-np.inf, 0.0, np.log(3.0)])).tolist()
    [0.0, 0.5, 0.75]
    """
    probabilities: Array = 1.0 / (1.0 + np.exp(-log_odds))
    return probabilities


@dataclass(frozen=True)
class TrustCurve:
    """Trust from now on: `now_log_odds` is the calibrated log-odds of P0, `hazards` are the q_k."""

    now_log_odds: float
    hazards: tuple[float, ...]

    @property
    def now(self) -> float:
        """Trust in this request: 1 - P0."""
        return 1.0 / (1.0 + math.exp(min(self.now_log_odds, 700.0)))

    def cumulative_hazard(self, seconds: float) -> float:
        """-log of the probability that no malicious action begins within `seconds`; the last rate continues."""
        total, start = 0.0, 0
        for end, hazard in zip(HORIZONS, self.hazards, strict=True):
            rate = -math.log1p(-hazard) / (end - start)
            last = end == HORIZONS[-1]
            total += rate * max(0.0, (seconds if last else min(seconds, end)) - start)
            start = end
        return total

    def at(self, seconds: float) -> float:
        """Trust after a number of seconds.

        >>> curve = TrustCurve(-4.0, (0.1, 0.1, 0.1, 0.1))
        >>> curve.at(0) == curve.now
        True
        >>> round(curve.at(300) / curve.now, 12)
        0.9
        """
        return self.now * math.exp(-self.cumulative_hazard(seconds))

    def points(self) -> list[tuple[int, float]]:
        """The curve at 0 seconds and at each horizon."""
        return [(seconds, self.at(seconds)) for seconds in (0, *HORIZONS)]

    @property
    def hazard_per_hour(self) -> float:
        """The mean hazard over the first two hours, per hour."""
        return self.cumulative_hazard(7_200) / 2.0

    def seconds_until(self, risk: float) -> float:
        """Seconds until the hazard alone reaches `risk` (a probability); infinite if it never does.

        >>> round(TrustCurve(-4.0, (0.1, 0.1, 0.1, 0.1)).seconds_until(0.1))
        300
        """
        budget, start = -math.log1p(-risk), 0
        for end, hazard in zip(HORIZONS, self.hazards, strict=True):
            spent = -math.log1p(-hazard)
            if spent > 0.0 and (budget <= spent or end == HORIZONS[-1]):
                return start + budget / spent * (end - start)
            budget, start = budget - spent, end
        return math.inf
