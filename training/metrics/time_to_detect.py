"""Time to detect: what an attacker had done, and for how long, at the first challenge; and the harm that it stopped."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.arrays import SECOND, Array
from features.catalogue.all import feature_names
from training.metrics.bootstrap import BootstrapWeights, Estimate
from training.metrics.evaluation import TestSet
from training.metrics.prompts import prompted_by_floors

HARMFUL = 2.0
"""From this level of `privilege_of_action` on an action changes much, deletes, or changes permissions."""


@dataclass(frozen=True)
class Detection:
    """Detection in sessions with malicious requests, at one budget."""

    events: float
    """Median number of malicious requests up to the first challenged one, in the sessions that have one."""
    minutes: float
    """Median minutes from the first malicious request to the first challenged one."""
    detected: int
    """Number of sessions with a challenged malicious request."""
    stopped: Estimate
    """Share of the harmful, successful actions that come at or after the first challenge."""
    stopped_with_prompts: Estimate
    """The same where prompts by floors stop an action as well."""
    harm_stopped: Array
    """Whether the model stops each harmful action."""
    harm_identity: Array
    """The identity of each harmful action."""


def measure_detection(test_set: TestSet, challenged: Array, bootstrap: BootstrapWeights) -> Detection:
    """`challenged` is the probability that each row is challenged; above one half counts as challenged."""
    targets, rows = test_set.targets, test_set.rows
    malicious = np.flatnonzero(test_set.malicious)
    order = malicious[np.lexsort((targets.time[rows[malicious]], targets.session[rows[malicious]]))]
    session_number, starts = np.unique(targets.session[rows[order]], return_index=True)
    session = np.searchsorted(session_number, targets.session[rows[order]])
    number = np.arange(len(order)) - starts[session]
    hit = challenged[order] > 0.5
    first = np.full(len(session_number), len(order))
    np.minimum.at(first, session[hit], number[hit])
    detected = first < len(order)
    first_hit = starts[detected] + first[detected]
    elapsed = targets.time[rows[order[first_hit]]] - targets.time[rows[order[starts[detected]]]]
    privilege = test_set.matrix[order, feature_names().index("privilege_of_action")]
    harmful = (privilege >= HARMFUL) & test_set.succeeded[rows[order]]
    stopped, prompted = number >= first[session], prompted_by_floors(test_set.matrix[order])
    identity = targets.identity[rows[order]][harmful]
    return Detection(
        events=float(np.median(first[detected] + 1)) if detected.any() else np.nan,
        minutes=float(np.median(elapsed / (60 * SECOND))) if detected.any() else np.nan,
        detected=int(detected.sum()),
        stopped=bootstrap.mean(stopped[harmful], identity),
        stopped_with_prompts=bootstrap.mean((stopped | prompted)[harmful], identity),
        harm_stopped=stopped[harmful],
        harm_identity=identity,
    )
