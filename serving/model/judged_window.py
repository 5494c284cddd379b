"""What the model in force says of stored events that nobody decided, before they become what is usual here.

An imported log may hold an attack from its first line on, and no ruling says so. So the model judges it first, by the
population in force (the shipped one at first) and by the thresholds that requests meet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from features.arrays import Array
from features.engine.batch import replay_rows
from features.event.schema import Event
from features.model.trust_curve import probability
from serving.model.active import ActiveConfiguration


def trusted_by_model(
    active: ActiveConfiguration,
    events: Sequence[Event],
    rows: Array,
    progress: Callable[[int, int], None] | None = None,
) -> Array:
    """Which events the model would have allowed, bool of shape (n,); `rows` are theirs, shape (n,) of ROW.

    Their histories begin with the window. Where no threshold is known, nothing is held against an event. Without a
    model, none is trusted.
    """
    if active.champion is None:
        return np.zeros(len(rows), bool)
    if not len(rows):
        return np.ones(0, bool)
    matrix = replay_rows(rows, active.population, progress=progress)
    trust = 1.0 - probability(active.champion.model.now_log_odds(matrix))
    thresholds: dict[tuple[str, str | None], float | None] = {}
    least = np.empty(len(rows))
    for place, event in enumerate(events):
        cell = (event.identity.type, event.resource.sensitivity)
        if cell not in thresholds:
            thresholds[cell] = active.threshold(event)
        threshold = thresholds[cell]
        least[place] = -np.inf if threshold is None else threshold
    trusted: Array = trust >= least
    return trusted
