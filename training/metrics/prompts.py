"""What is asked where floors ask as well: on privileged acts without a fresh proof, and on what the model challenges.

A step-up that was completed counts in its session for a while, for the model as for a floor. Owners complete theirs.
"""

from __future__ import annotations

import numpy as np

from features.arrays import SECOND, Array
from features.catalogue.all import feature_names
from training.metrics.bootstrap import BootstrapWeights, Estimate
from training.metrics.evaluation import TestSet
from training.metrics.friction import DAY
from training.metrics.policy_constants import FRESH_MINUTES, STEP_UP_SECONDS
from training.model.baselines import always_on_privileged

SPANS = {"human": ("person and week", 7 * DAY), "machine": ("machine and day", DAY)}
"""In which spans of time prompts are counted; only those in which an identity did anything."""


def by_floors(matrix: Array) -> Array:
    """Which acts floors would prompt on, whoever acts: privileged ones without a fresh proof, shape (n,)."""
    proven = matrix[:, feature_names().index("minutes_since_strong_authentication")] <= FRESH_MINUTES
    asked: Array = (always_on_privileged(matrix) > 0) & ~proven
    return asked


def prompted(tested: TestSet, challenged: Array) -> Array:
    """Which legitimate requests prompt, shape (len(rows),): by the model or by floors, and no step-up counts there."""
    of, rows = tested.targets, tested.rows
    asks = np.flatnonzero((challenged | by_floors(tested.matrix)) & ~of.malicious[rows])
    order = asks[np.lexsort((of.time[rows[asks]], of.session[rows[asks]]))]
    prompts, session, until = np.zeros(len(rows), bool), -1, 0
    for place, its, time in zip(order, of.session[rows[order]].tolist(), of.time[rows[order]].tolist(), strict=True):
        if its != session or time >= until:
            prompts[place], session, until = True, its, time + STEP_UP_SECONDS * SECOND
    return prompts


def rates(tested: TestSet, prompts: Array, drawn: BootstrapWeights) -> dict[str, Estimate]:
    """Prompts for each span, by SPANS."""
    human, found = tested.kind[tested.rows] == "human", {}
    identity = tested.targets.identity[tested.rows]
    for kind, (_, span) in SPANS.items():
        here = human if kind == "human" else ~human
        here = here & ~tested.targets.malicious[tested.rows]
        spans = np.stack([identity[here], tested.targets.time[tested.rows][here] // span])
        first = np.zeros(int(here.sum()))
        first[np.unique(spans, axis=1, return_index=True)[1]] = 1.0
        found[kind] = drawn.ratio(prompts[here], first, identity[here])
    return found
