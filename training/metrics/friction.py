"""What catching costs: legitimate requests challenged at a recall of compromised sessions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.arrays import Array
from training.metrics.bootstrap import BootstrapWeights, Estimate, estimate
from training.metrics.evaluation import TestSet
from training.metrics.session_recall import Sessions
from training.metrics.slices import Slice

RECALLS = (0.8, 0.9, 0.95, 0.98)
DAY = 86_400_000_000


@dataclass(frozen=True)
class Friction:
    """Step-ups at one recall: per 1,000 legitimate requests, and per identity and day on which it did anything."""

    per_1000: Estimate
    per_identity_day: Estimate


def friction(
    tested: TestSet, score: Array, mine: Sessions, part: Slice, drawn: BootstrapWeights
) -> dict[float, Friction]:
    """By recall. One threshold for the slice, set anew in every resample; ties are drawn by lot."""
    compromised = np.flatnonzero(mine.compromised & part.sessions)
    levels = np.unique(mine.score[compromised])[::-1]
    taken = np.zeros((len(drawn.people), len(levels)))
    np.add.at(taken, (drawn.place(mine.identity[compromised]), np.searchsorted(-levels, -mine.score[compromised])), 1.0)
    at = drawn.weights @ taken
    legitimate = np.flatnonzero(part.rows & ~tested.targets.malicious[tested.rows])
    above, tied = _counts(score[legitimate], tested.targets.identity[tested.rows][legitimate], levels, drawn)
    requests = drawn.totals(np.ones(len(legitimate)), tested.targets.identity[tested.rows][legitimate])
    days = drawn.totals(*_days(tested, legitimate))
    found = {}
    for wanted in RECALLS:
        challenged = _challenged(at, above, tied, wanted)
        with np.errstate(divide="ignore", invalid="ignore"):
            each = (
                estimate(1_000 * challenged / requests, len(compromised)),
                estimate(challenged / days, len(compromised)),
            )
        found[wanted] = Friction(*each)
    return found


def _counts(score: Array, identity: Array, levels: Array, drawn: BootstrapWeights) -> tuple[Array, Array]:
    """In every resample, how many requests score above each level, and how many just as much."""
    place = np.searchsorted(-levels, -score)  # the first level that is at most the score
    reached = place < len(levels)
    equal = np.zeros(len(score), bool)
    equal[reached] = levels[place[reached]] == score[reached]
    people, shape = drawn.place(identity), (len(drawn.people), len(levels))
    above, tied = np.zeros(shape), np.zeros(shape)
    np.add.at(tied, (people[equal], place[equal]), 1.0)
    higher = reached & ~equal
    np.add.at(above, (people[higher], place[higher]), 1.0)
    over, same = drawn.weights @ above, drawn.weights @ tied
    return np.cumsum(over, axis=1) + np.cumsum(same, axis=1) - same, same


def _challenged(at: Array, above: Array, tied: Array, wanted: float) -> Array:
    """How many requests are challenged when the threshold lies where the wanted share of the compromised is caught."""
    caught = np.cumsum(at, axis=1)
    needed = wanted * caught[:, -1]
    place = np.minimum((caught < needed[:, None] - 1e-9).sum(axis=1), at.shape[1] - 1)
    row = np.arange(len(at))
    before = caught[row, place] - at[row, place]
    share = np.clip((needed - before) / np.maximum(at[row, place], 1e-300), 0.0, 1.0)
    whole: Array = above[row, place] + share * tied[row, place]
    return np.where(caught[:, -1] > 0, whole, np.nan)


def _days(tested: TestSet, legitimate: Array) -> tuple[Array, Array]:
    """Each identity's days with a legitimate request, and whose they are."""
    of, rows = tested.targets, tested.rows[legitimate]
    whose = np.unique(np.column_stack([of.identity[rows], of.time[rows] // DAY]), axis=0)[:, 0]
    return np.ones(len(whose)), whose
