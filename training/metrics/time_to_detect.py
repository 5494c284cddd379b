"""How early: what an intruder had done, and for how long, when he was first challenged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.arrays import SECOND, Array
from features.catalogue.all import feature_names
from training.metrics.bootstrap import BootstrapWeights, Estimate
from training.metrics.evaluation import TestSet
from training.metrics.prompts import by_floors

HARMFUL = 2.0
"""From this power on (`privilege_of_action`) an action changes much, takes away, or changes who may."""


@dataclass(frozen=True)
class Detection:
    """At one budget: of the sessions in which he was challenged, the medians of his acts up to and with the first
    challenge and of the minutes since his first; and of all harmful acts that succeeded, the share that would have been
    stopped before they happened, with the model alone and with prompts by floors as well."""

    events: float
    minutes: float
    detected: int
    stopped: Estimate
    stopped_with_prompts: Estimate
    harm: Array
    """By harmful act: whether the model alone would have stopped it."""
    whose: Array
    """By harmful act: its identity."""


def detection(tested: TestSet, challenged: Array, drawn: BootstrapWeights) -> Detection:
    """`challenged` is each row's chance of a challenge; more than an even one counts."""
    of, rows = tested.targets, tested.rows
    mine = np.flatnonzero(of.malicious[rows])
    order = mine[np.lexsort((of.time[rows[mine]], of.session[rows[mine]]))]
    session, begins = np.unique(of.session[rows[order]], return_index=True)
    place = np.searchsorted(session, of.session[rows[order]])
    number = np.arange(len(order)) - begins[place]
    hit = challenged[order] > 0.5
    first = np.full(len(session), len(order))
    np.minimum.at(first, place[hit], number[hit])
    found = first < len(order)
    at = begins[found] + first[found]
    minutes = (of.time[rows[order[at]]] - of.time[rows[order[begins[found]]]]) / (60 * SECOND)
    power = tested.matrix[order, feature_names().index("privilege_of_action")]
    harm = (power >= HARMFUL) & tested.succeeded[rows[order]]
    stopped, prompted = number >= first[place], by_floors(tested.matrix[order])
    whose = of.identity[rows[order]][harm]
    return Detection(
        events=float(np.median(first[found] + 1)) if found.any() else np.nan,
        minutes=float(np.median(minutes)) if found.any() else np.nan,
        detected=int(found.sum()),
        stopped=drawn.mean(stopped[harm], whose),
        stopped_with_prompts=drawn.mean((stopped | prompted)[harm], whose),
        harm=stopped[harm],
        whose=whose,
    )
