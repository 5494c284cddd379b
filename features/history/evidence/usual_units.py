"""What deployments measure differently in units of what is usual in each: its median and 98th percentile."""

from __future__ import annotations

import math

from features.arrays import Record
from features.history.evidence.fields import (
    ACTION_CUSUM,
    DEVICE_CUSUM,
    LARGEST,
    NETWORK_CUSUM,
    RESOURCE_CUSUM,
    SCALED,
    STEP_ABOVE_USUAL,
    STEP_CUSUM,
    TOTAL_ABOVE_USUAL,
    TOTAL_CUSUM,
)
from features.kernels.compilation import jit

HIGH = 0.98
"""The quantile whose distance from the median is the unit: of a hundred ordinary events two lie above it."""
UNUSUAL_STEPS, UNUSUAL_TOTAL = 3.0, 6.0
"""Bits that the sums of an unknown identity usually stand at."""
PRIOR_EVENTS = 20.0
"""How many events of its own an identity needs before its usual sums weigh as much as those of the unknown."""


@jit
def scale_sums(event: Record, identity: Record, population: Record, evidence: Record) -> None:
    """Put the session's sums in usual units, with those that are derived from them."""
    after = evidence.after
    for place in range(LARGEST):
        evidence.scaled[place] = after[place]
    largest = max(after[STEP_CUSUM], after[ACTION_CUSUM], after[RESOURCE_CUSUM])
    evidence.scaled[LARGEST] = max(largest, after[DEVICE_CUSUM], after[NETWORK_CUSUM])
    prior = PRIOR_EVENTS * identity.weight
    events = identity.mass + prior
    step = (identity.step_cusum_sum + UNUSUAL_STEPS * prior) / events
    total = (identity.total_cusum_sum + UNUSUAL_TOTAL * prior) / events
    evidence.scaled[STEP_ABOVE_USUAL] = after[STEP_CUSUM] / (1.0 + step)
    evidence.scaled[TOTAL_ABOVE_USUAL] = after[TOTAL_CUSUM] / (1.0 + total)
    for place in range(SCALED):
        evidence.scaled[place] = in_usual_units(evidence.scaled[place], population, event.identity_type, place)


@jit
def in_usual_units(value: float, population: Record, kind: int, place: int) -> float:
    """The distance from the median over that of the 98th percentile, raw where none is measured.

    So 0 is the median and 1 the 98th percentile. Beyond 1 it grows as a logarithm does, without an end: trees see the
    same order, and other models no outliers. Within, where nearly all values lie, it costs no logarithm.
    """
    spread = population.scale_spread[kind, place]
    if not spread > 0.0:
        return value
    distance = (value - population.scale_center[kind, place]) / spread
    if distance > 1.0:
        return 1.0 + math.log(distance)
    return -1.0 - math.log(-distance) if distance < -1.0 else distance
