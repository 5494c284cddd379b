"""Compares two windows of recorded decisions: whether the policy still fits what it decides.

This is the review that guidance asks for after major changes. It says what changed in devices, identities, workloads,
features and rulings, and which floors and thresholds rest on it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from features.arrays import Array
from features.catalogue.all import feature_names
from serving.errors import AnalysisError
from serving.policy.rules import IDENTITY_TYPES
from serving.policy.schema import Floor, Policy
from serving.policy_analysis.intervals import Estimate, rate
from serving.policy_analysis.reviews.drift_tests import (
    SIGNIFICANT_Q,
    Drift,
    categorical_drift,
    correct_for_multiple_tests,
    numeric_drift,
    q_values,
)
from serving.policy_analysis.reviews.review_window import CATEGORICAL_FACTS, WindowSummary

MIN_REQUESTS = 100
"""The fewest requests a window may have."""
MATERIAL_CHANGE = 0.25
"""The relative change of a rate from which it counts as material."""
RATES = {
    "step-up rate": ("step_up", "requests"),
    "denial rate": ("deny", "requests"),
    "challenges completed": ("answered", "step_up"),
    "override rate (stopped, known to be legitimate)": ("overridden", "stopped"),
    "miss rate (allowed, known to be malicious)": ("missed", "allow"),
}
"""Each rate: its numerator and denominator, as `review_window` counts them."""
_IN_NEARLY_EVERY_FLOOR = ("action.category", "identity.type")
"""Facts whose drift says nothing about a floor; how often it asks does."""
_DERIVED_FROM = {"bad_network": "network.anonymizer"}
_MACHINE_FACTS = ("action.category", "action.impact", "resource.environment", "credential.kind")


@dataclass(frozen=True)
class RateChange:
    """A rate before and after; `q` is the p-value of no change, corrected for multiple tests."""

    name: str
    before: Estimate
    after: Estimate
    p: float
    q: float = 1.0

    @property
    def changed(self) -> bool:
        """Whether the change is material and significant."""
        difference = abs(self.after.value - self.before.value)
        largest = max(self.before.value, self.after.value, 1e-12)
        return self.q <= SIGNIFICANT_Q and difference >= MATERIAL_CHANGE * largest


@dataclass(frozen=True)
class Reexamination:
    """A floor or threshold to examine again, and why."""

    what: str
    why: str


@dataclass(frozen=True)
class Review:
    """What changed between two windows, and what to examine again."""

    drifts: tuple[Drift, ...]
    rates: tuple[RateChange, ...]
    reexamine: tuple[Reexamination, ...]
    requests: tuple[int, int]
    population: str | None = None
    """Why the deployment's population should be measured anew, or a model trained."""

    @property
    def due(self) -> bool:
        """Whether anything changed materially and significantly, or the population calls for it."""
        changed = any(drift.changed for drift in self.drifts) or any(change.changed for change in self.rates)
        return changed or self.population is not None

    def with_population(self, why: str | None) -> Review:
        """The review, with why the population should be looked at."""
        if why is None:
            return self
        return replace(self, population=why, reexamine=(*self.reexamine, Reexamination("population", why)))


def compare_windows(before: WindowSummary, after: WindowSummary, policy: Policy, seed: int = 1) -> Review:
    """Compare two windows under a policy. Raises AnalysisError when one has too few requests."""
    for name, window in (("before", before), ("after", after)):
        if window.requests < MIN_REQUESTS:
            raise AnalysisError(
                f"the window {name} holds {window.requests} readable decisions; {MIN_REQUESTS} are needed"
            )
    drifts = tuple(
        correct_for_multiple_tests(
            [*_fact_drifts(before, after), *_feature_drifts(before, after), *_trust_drifts(before, after)]
        )
    )
    rates = _rate_changes(before, after, policy, seed)
    reexamine = (*_floors_to_reexamine(policy, drifts, rates), *_thresholds_to_reexamine(drifts, rates))
    return Review(drifts, rates, tuple(dict.fromkeys(reexamine)), (before.requests, after.requests))


def _fact_drifts(before: WindowSummary, after: WindowSummary) -> Iterator[Drift]:
    """Facts of every identity, and what machines do."""
    for fact in CATEGORICAL_FACTS:
        yield categorical_drift(fact, before.facts(fact), after.facts(fact))
    for fact in _MACHINE_FACTS:
        yield categorical_drift(f"machines' {fact}", before.machine_facts(fact), after.machine_facts(fact))


def _feature_drifts(before: WindowSummary, after: WindowSummary) -> Iterator[Drift]:
    earlier, later = before.features(), after.features()
    for column, name in enumerate(feature_names()):
        yield numeric_drift(name, earlier[:, column], later[:, column])


def _trust_drifts(before: WindowSummary, after: WindowSummary) -> Iterator[Drift]:
    for identity_type in IDENTITY_TYPES:
        yield numeric_drift(f"trust of {identity_type}", before.trust(identity_type), after.trust(identity_type))


def _rate_changes(before: WindowSummary, after: WindowSummary, policy: Policy, seed: int) -> tuple[RateChange, ...]:
    counted = {name for window in (before, after) for counts in window.counts.values() for name in counts}
    cells = sorted(name.removeprefix("requests of ") for name in counted if name.startswith("requests of "))
    rates: dict[str, tuple[str, str]] = {
        **RATES,
        **{f"floor {floor.id}": (f"floor {floor.id}", "requests") for floor in policy.floors},
        **{f"the model asks {cell}": (f"asked of {cell}", f"requests of {cell}") for cell in cells},
    }
    columns = sorted({name for pair in rates.values() for name in pair})
    totals = before.totals(columns, seed), after.totals(columns, seed + 1)
    changes = [
        _rate_change(name, *totals, columns.index(numerator), columns.index(denominator))
        for name, (numerator, denominator) in rates.items()
    ]
    q = q_values([change.p for change in changes])
    return tuple(replace(change, q=float(value)) for change, value in zip(changes, q, strict=True))


def _rate_change(name: str, before: Array, after: Array, numerator: int, denominator: int) -> RateChange:
    """A rate in both windows; its p-value follows from the spread of the difference under resampling."""
    estimates = rate(before, numerator, denominator), rate(after, numerator, denominator)
    with np.errstate(divide="ignore", invalid="ignore"):
        difference: Any = after[:, numerator] / after[:, denominator] - before[:, numerator] / before[:, denominator]
    resampled = difference[1:][np.isfinite(difference[1:])]
    spread = float(np.std(resampled)) if np.isfinite(difference[0]) else np.nan
    p = math.erfc(abs(difference[0]) / spread / math.sqrt(2)) if spread > 0 else 1.0
    return RateChange(name, *estimates, p)


def _floors_to_reexamine(
    policy: Policy, drifts: tuple[Drift, ...], rates: tuple[RateChange, ...]
) -> Iterator[Reexamination]:
    drifted = {drift.name: drift for drift in drifts if drift.changed}
    changed = {change.name: change for change in rates if change.changed}
    for floor in policy.floors:
        what = f"floor {floor.id}"
        if what in changed:
            change = changed[what]
            yield Reexamination(what, f"it asks {change.after.value:.2%} of requests, was {change.before.value:.2%}")
        for fact in _specific_facts(floor):
            if fact in drifted:
                yield Reexamination(what, f"it rests on {fact}, which drifted (PSI {drifted[fact].psi:.2f})")


def _specific_facts(floor: Floor) -> list[str]:
    facts = (_DERIVED_FROM.get(condition.fact, condition.fact) for condition in floor.when)
    return [fact for fact in facts if fact not in _IN_NEARLY_EVERY_FLOOR]


def _thresholds_to_reexamine(drifts: tuple[Drift, ...], rates: tuple[RateChange, ...]) -> Iterator[Reexamination]:
    for drift in drifts:
        if drift.changed and drift.name.startswith("trust of "):
            identity_type = drift.name.removeprefix("trust of ")
            why = f"its trust drifted (PSI {drift.psi:.2f}): tune them again"
            yield Reexamination(f"thresholds of {identity_type}", why)
    for change in rates:
        if change.changed and change.name.startswith("the model asks "):
            cell = change.name.removeprefix("the model asks ")
            why = f"the model challenges {change.after.value:.2%} of its requests, was {change.before.value:.2%}"
            yield Reexamination(f"threshold of {cell}", why)
