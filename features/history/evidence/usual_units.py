"""What deployments measure differently in units of what is usual in each: its median and 98th percentile."""

from __future__ import annotations

import math

from features.arrays import Record
from features.kernels.compilation import jit

HIGH = 0.98
"""The quantile whose distance from the median is the unit: of a hundred ordinary events two lie above it."""


@jit
def in_usual_units(value: float, population: Record, kind: int, place: int) -> float:
    """asinh of twice the distance from the median over the distance of the 98th percentile; raw where none is measured.

    So 0 is the median, 1.44 the 98th percentile, and beyond it grows as a logarithm does, without an end.
    """
    spread = population.scale_spread[kind, place]
    if not spread > 0.0:
        return value
    distance = (value - population.scale_center[kind, place]) / spread * 2.0
    size = math.log(abs(distance) + math.sqrt(distance * distance + 1.0))
    return -size if distance < 0.0 else size
