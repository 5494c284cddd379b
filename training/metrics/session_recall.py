"""Sessions judged by their highest score: recall of compromised sessions at a friction budget, with intervals.

A compromised session is one in which an intruder's act succeeded; it counts as caught when one of the intruder's own acts was
challenged. The budget is the share of benign sessions that would be challenged, spent equally in every identity type.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, fields
from typing import TypeVar

import numpy as np

from features.arrays import Array
from training.data.targets import PredictionTargets
from training.metrics.bootstrap import bootstrap_weights

Named = TypeVar("Named", bound=Hashable)


@dataclass(frozen=True)
class Sessions:
    """One row a session: its highest score, of the intruder's acts alone where it was compromised."""

    score: Array
    compromised: Array
    identity: Array
    kind: Array
    scenario: Array
    strength: Array
    first: Array
    """Number of its first row."""

    def part(self, mask: Array) -> Sessions:
        """Some of the sessions."""
        return Sessions(*(getattr(self, field.name)[mask] for field in fields(self)))


def sessions(of: PredictionTargets, rows: Array, score: Array, succeeded: Array, kind: Array) -> Sessions:
    """Sum up rows by session; `score` has shape (len(rows),), `succeeded` and `kind` one entry for every row there is.

    Sessions in which an intruder acted and never succeeded are neither compromised nor benign, and are left out.
    """
    number, place = np.unique(of.session[rows], return_inverse=True)
    size = len(number)
    malicious = of.malicious[rows]
    highest, intruders = np.full(size, -np.inf), np.full(size, -np.inf)
    np.maximum.at(highest, place, score)
    np.maximum.at(intruders, place[malicious], score[malicious])
    touched, compromised = np.zeros(size, bool), np.zeros(size, bool)
    touched[place[malicious]] = True
    compromised[place[malicious & succeeded[rows] & of.in_session[rows]]] = True
    first = np.full(size, 0)
    first[place[::-1]] = rows[::-1]
    scenario, strength = np.full(size, "", dtype=object), np.full(size, "", dtype=object)
    scenario[place[malicious]] = of.scenario[rows][malicious]
    strength[place[malicious]] = of.strength[rows][malicious]
    shown = np.where(compromised, intruders, highest)
    whole = Sessions(shown, compromised, of.identity[first], kind[first], scenario, strength, first)
    return whole.part(compromised | ~touched)


def resampled(these: Sessions, seed: int) -> Array:
    """How often each session counts when identities are drawn anew, shape (RESAMPLES, n); the first row is all ones."""
    drawn = bootstrap_weights(these.identity, seed)
    weights: Array = drawn.weights[:, drawn.place(these.identity)].astype(np.float32)
    return weights


@dataclass(frozen=True)
class Limit:
    """By resample: the score above which every session is challenged, and the share of those that score just as much.

    Rules that count give many sessions the same score; drawn by lot among them, a budget is spent whole by every scorer
    alike.
    """

    score: Array
    of_ties: Array

    def challenged(self, score: Array) -> Array:
        """The expected share of challenges, shape (RESAMPLES, n)."""
        ties = np.where(score == self.score[:, None], self.of_ties[:, None], 0.0)
        share: Array = np.where(score > self.score[:, None], 1.0, ties)
        return share


def limits(these: Sessions, budget: float, weights: Array) -> dict[str, Limit]:
    """By identity type, where a share `budget` of benign sessions ends, in every resample."""
    found = {}
    for kind in np.unique(these.kind):
        benign = np.flatnonzero((these.kind == kind) & ~these.compromised)
        order = benign[np.argsort(-these.score[benign], kind="stable")]
        found[str(kind)] = limit_of(these.score[order], weights[:, order], budget)
    return found


def limit_of(falling: Array, weights: Array, budget: float) -> Limit:
    """`falling` scores of benign sessions, highest first. Without any, nothing tells where to challenge: nowhere."""
    if not len(falling):
        return Limit(np.full(len(weights), np.inf), np.zeros(len(weights)))
    begins = np.flatnonzero(np.r_[True, falling[1:] != falling[:-1]])
    tied = np.add.reduceat(weights, begins, axis=1, dtype=np.float64)
    spent = np.cumsum(tied, axis=1)
    left = budget * spent[:, -1]
    place = np.minimum((spent <= left[:, None]).sum(axis=1), len(begins) - 1)
    row = np.arange(len(weights))
    before = spent[row, place] - tied[row, place]
    share = np.clip((left - before) / np.maximum(tied[row, place], 1e-300), 0.0, 1.0)
    return Limit(falling[begins][place], share)


def caught(these: Sessions, budget: float, weights: Array) -> Array:
    """How much of each compromised session is caught in every resample, shape (RESAMPLES, number of compromised sessions): 1, 0, or
    where it ties with the last benign ones challenged, the chance of being drawn."""
    compromised = np.flatnonzero(these.compromised)
    hits = np.zeros((len(weights), len(compromised)))
    for kind, limit in limits(these, budget, weights).items():
        mine = these.kind[compromised] == kind
        hits[:, mine] = limit.challenged(these.score[compromised][mine])
    return hits


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


def recalls(these: Sessions, budget: float, weights: Array, masks: Mapping[Named, Array]) -> dict[Named, Share]:
    """Recall at a budget for several sets of sessions at once, thresholds bootstrap_weights in every resample."""
    hits, compromised = caught(these, budget, weights), np.flatnonzero(these.compromised)
    return {
        name: share(hits[:, mask[compromised]], weights[:, compromised[mask[compromised]]])
        for name, mask in masks.items()
    }
