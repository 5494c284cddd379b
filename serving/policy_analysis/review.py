"""Whether the policy still fits what it rules on: two windows of recorded decisions compared.

This is the review after major changes that guidance asks for: what changed in devices, identities, workloads, features
and rulings, and which floors and thresholds rest on it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from features.arrays import Array
from features.catalogue.all import feature_names
from serving.policy.rules import IDENTITY_TYPES
from serving.policy.schema import Floor, Policy
from serving.policy_analysis.drift_tests import SURE, Drift, corrected, false_discovery, of_choices, of_numbers
from serving.policy_analysis.intervals import Figure, rate
from serving.policy_analysis.review_window import MIXES, Collected

FEWEST = 100
"""So many requests a window must have."""
MATERIAL = 0.25
"""The relative change of a rate from which it is held to matter."""
RATES = {
    "step-up rate": ("step_up", "requests"),
    "denial rate": ("deny", "requests"),
    "challenges that were met": ("met", "step_up"),
    "override rate (stopped, known to be the owner's)": ("overridden", "stopped"),
    "miss rate (allowed, known to be an intruder's)": ("missed", "allow"),
}
"""Each rate: what, and among what."""
_EVERYWHERE = ("action.category", "identity.type")
"""Facts that nearly every floor names: a floor is not in doubt because of these, only because of how often it asks."""
_FOLLOWS_FROM = {"bad_network": "network.anonymizer"}


class TooFew(ValueError):
    """A window with too few decisions to compare; the message says which."""


@dataclass(frozen=True)
class Rate:
    """How often something happens, before and after; `q` is the p-value of no change, corrected for all tested."""

    name: str
    before: Figure
    after: Figure
    p: float
    q: float = 1.0

    @property
    def changed(self) -> bool:
        """Whether it matters and is sure."""
        apart = abs(self.after.value - self.before.value)
        return self.q <= SURE and apart >= MATERIAL * max(self.before.value, self.after.value, 1e-12)


@dataclass(frozen=True)
class ToReexamine:
    """A floor or a threshold that rests on what changed."""

    what: str
    why: str


@dataclass(frozen=True)
class Review:
    """What changed between two windows, and what is to be looked at again."""

    drifts: tuple[Drift, ...]
    rates: tuple[Rate, ...]
    reexamine: tuple[ToReexamine, ...]
    requests: tuple[int, int]

    @property
    def due(self) -> bool:
        """Whether anything changed enough, and surely enough."""
        return any(drift.changed for drift in self.drifts) or any(each.changed for each in self.rates)


def review(before: Collected, after: Collected, policy: Policy, seed: int = 1) -> Review:
    """Compare two windows. Raises TooFew."""
    for name, window in (("before", before), ("after", after)):
        if window.requests < FEWEST:
            raise TooFew(f"the window {name} holds {window.requests} decisions that can be read; {FEWEST} are needed")
    drifts = tuple(corrected([*_mixes(before, after), *_features(before, after), *_trusts(before, after)]))
    rates = _rates(before, after, policy, seed)
    found = (*_floors(policy, drifts, rates), *_thresholds(drifts, rates))
    return Review(drifts, rates, tuple(dict.fromkeys(found)), (before.requests, after.requests))


def _mixes(before: Collected, after: Collected) -> Iterator[Drift]:
    """Facts of everybody, and what machines do."""
    for fact in MIXES:
        yield of_choices(fact, before.everything(fact), after.everything(fact))
    for fact in ("action.category", "action.impact", "resource.environment", "credential.kind"):
        yield of_choices(f"machines' {fact}", before.mix(fact, True), after.mix(fact, True))


def _features(before: Collected, after: Collected) -> Iterator[Drift]:
    sooner, later = before.features(), after.features()
    for place, name in enumerate(feature_names()):
        yield of_numbers(name, sooner[:, place], later[:, place])


def _trusts(before: Collected, after: Collected) -> Iterator[Drift]:
    for kind in IDENTITY_TYPES:
        yield of_numbers(f"trust of {kind}", before.trust(kind), after.trust(kind))


def _rates(before: Collected, after: Collected, policy: Policy, seed: int) -> tuple[Rate, ...]:
    said = {name for window in (before, after) for counts in window.counts.values() for name in counts}
    cells = sorted(name.removeprefix("requests of ") for name in said if name.startswith("requests of "))
    asked: dict[str, tuple[str, str]] = {
        **RATES,
        **{f"floor {floor.id}": (f"floor {floor.id}", "requests") for floor in policy.floors},
        **{f"the model asks {cell}": (f"asked of {cell}", f"requests of {cell}") for cell in cells},
    }
    columns = sorted({name for pair in asked.values() for name in pair})
    totals = before.totals(columns, seed), after.totals(columns, seed + 1)
    found = [_rate(name, *totals, columns.index(of), columns.index(among)) for name, (of, among) in asked.items()]
    q = false_discovery([each.p for each in found])
    return tuple(replace(each, q=float(value)) for each, value in zip(found, q, strict=True))


def _rate(name: str, before: Array, after: Array, of: int, among: int) -> Rate:
    """A rate in both windows; how sure the change is follows from how much resampling moves the difference."""
    figures = rate(before, of, among), rate(after, of, among)
    with np.errstate(divide="ignore", invalid="ignore"):
        apart: Any = after[:, of] / after[:, among] - before[:, of] / before[:, among]
    spread = float(np.std(apart[1:][np.isfinite(apart[1:])])) if np.isfinite(apart[0]) else np.nan
    p = math.erfc(abs(apart[0]) / spread / math.sqrt(2)) if spread > 0 else 1.0
    return Rate(name, *figures, p)


def _floors(policy: Policy, drifts: tuple[Drift, ...], rates: tuple[Rate, ...]) -> Iterator[ToReexamine]:
    changed = {drift.name: drift for drift in drifts if drift.changed}
    asked = {each.name: each for each in rates if each.changed}
    for floor in policy.floors:
        what = f"floor {floor.id}"
        if what in asked:
            each = asked[what]
            yield ToReexamine(what, f"it asks {each.after.value:.2%} of requests, was {each.before.value:.2%}")
        for fact in _rests_on(floor):
            if fact in changed:
                yield ToReexamine(what, f"it rests on {fact}, which drifted (PSI {changed[fact].psi:.2f})")


def _rests_on(floor: Floor) -> list[str]:
    facts = (_FOLLOWS_FROM.get(condition.fact, condition.fact) for condition in floor.when)
    return [fact for fact in facts if fact not in _EVERYWHERE]


def _thresholds(drifts: tuple[Drift, ...], rates: tuple[Rate, ...]) -> Iterator[ToReexamine]:
    for drift in drifts:
        if drift.changed and drift.name.startswith("trust of "):
            kind = drift.name.removeprefix("trust of ")
            yield ToReexamine(f"thresholds of {kind}", f"its trust drifted (PSI {drift.psi:.2f}): tune them anew")
    for each in rates:
        if each.changed and each.name.startswith("the model asks "):
            cell = each.name.removeprefix("the model asks ")
            why = f"the model challenges {each.after.value:.2%} of its requests, was {each.before.value:.2%}"
            yield ToReexamine(f"threshold of {cell}", why)
