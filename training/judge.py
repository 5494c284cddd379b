"""Sessions judged by their highest score: recall of lost sessions at a friction budget, with intervals.

A lost session is one in which an intruder's act succeeded; it counts as caught when one of the intruder's own acts was
challenged. The budget is the share of benign sessions that would be challenged, spent equally in every identity type.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.measures import Array
from training.outcomes import Outcomes

RESAMPLES = 1_000


@dataclass(frozen=True)
class Sessions:
    """One row a session: its highest score, of the intruder's acts alone where it was lost."""

    score: Array
    lost: Array
    identity: Array
    kind: Array
    scenario: Array

    def part(self, mask: Array) -> Sessions:
        """Some of the sessions."""
        return Sessions(*(value[mask] for value in (self.score, self.lost, self.identity, self.kind, self.scenario)))


def sessions(of: Outcomes, rows: Array, score: Array, succeeded: Array, kind: Array) -> Sessions:
    """Sum up rows by session; `score` has shape (len(rows),), `succeeded` and `kind` one entry for every row there is.

    Sessions in which an intruder acted and never succeeded are neither lost nor benign, and are left out.
    """
    number, place = np.unique(of.session[rows], return_inverse=True)
    size = len(number)
    foreign = of.foreign[rows]
    highest, intruders = np.full(size, -np.inf), np.full(size, -np.inf)
    np.maximum.at(highest, place, score)
    np.maximum.at(intruders, place[foreign], score[foreign])
    touched, lost = np.zeros(size, bool), np.zeros(size, bool)
    touched[place[foreign]] = True
    lost[place[foreign & succeeded[rows] & of.in_session[rows]]] = True
    first = np.full(size, 0)
    first[place[::-1]] = rows[::-1]
    scenario = np.full(size, "", dtype=object)
    scenario[place[foreign]] = of.scenario[rows][foreign]
    whole = Sessions(np.where(lost, intruders, highest), lost, of.identity[first], kind[first], scenario)
    return whole.part(lost | ~touched)


def resampled(these: Sessions, seed: int) -> Array:
    """How often each session counts when identities are drawn anew, shape (RESAMPLES, n); the first row is all ones."""
    people, place = np.unique(these.identity, return_inverse=True)
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(len(people), np.full(len(people), 1 / len(people)), RESAMPLES - 1)
    return np.vstack([np.ones(len(place)), draws[:, place]]).astype(np.float32)


def limits(these: Sessions, budget: float, weights: Array) -> dict[str, Array]:
    """By identity type, the score above which a share `budget` of benign sessions lies, in every resample."""
    found = {}
    for kind in np.unique(these.kind):
        benign = np.flatnonzero((these.kind == kind) & ~these.lost)
        order = benign[np.argsort(-these.score[benign], kind="stable")]
        spent = np.cumsum(weights[:, order], axis=1)
        places = (spent <= budget * spent[:, -1:]).sum(axis=1) if len(order) else np.zeros(len(weights), int)
        scores = np.append(these.score[order], -np.inf) if len(order) else np.array([np.inf])
        found[str(kind)] = scores[places]
    return found


def caught(these: Sessions, budget: float, weights: Array) -> Array:
    """Which lost sessions are caught in every resample, shape (RESAMPLES, number of lost sessions)."""
    lost = np.flatnonzero(these.lost)
    above = np.zeros((len(weights), len(lost)), bool)
    for kind, limit in limits(these, budget, weights).items():
        mine = these.kind[lost] == kind
        above[:, mine] = these.score[lost][mine] > limit[:, None]
    return above


@dataclass(frozen=True)
class Share:
    """A share with its 95 % interval over resampled identities, and how many it is a share of."""

    value: float
    low: float
    high: float
    count: int

    def __str__(self) -> str:
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}] of {self.count}"


def share(hits: Array, weights: Array) -> Share:
    """The share of hits, both of shape (RESAMPLES, n); the first row is what was found."""
    total = weights.sum(axis=1)
    drawn = (hits * weights).sum(axis=1)[total > 0] / total[total > 0]
    if not hits.shape[1]:
        return Share(np.nan, np.nan, np.nan, 0)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Share(float(hits[0].mean()), float(low), float(high), hits.shape[1])


def recalls(these: Sessions, budget: float, weights: Array, masks: dict[str, Array]) -> dict[str, Share]:
    """Recall at a budget for several sets of sessions at once, thresholds redrawn in every resample."""
    hits, lost = caught(these, budget, weights), np.flatnonzero(these.lost)
    return {name: share(hits[:, mask[lost]], weights[:, lost[mask[lost]]]) for name, mask in masks.items()}
