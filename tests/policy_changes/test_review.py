"""A review is due when something the policy rests on changed, and names what rests on it; otherwise it is not due."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from support.decisions import NOW, POLICY, an_event

from features.catalogue.all import feature_names
from features.model.trust_curve import TrustCurve
from serving.errors import AnalysisError
from serving.policy_analysis.past.past_requests import Label, PastRequest, RecordedDecision, SkippedRequest
from serving.policy_analysis.reviews.drift_tests import categorical_drift, numeric_drift
from serving.policy_analysis.reviews.review import Review, compare_windows
from serving.policy_analysis.reviews.review_window import PER_IDENTITY, summarise_window

ALLOWED = RecordedDecision("allow", (), False, None, ())
STOPPED = RecordedDecision("step_up", ("export-sensitive",), False, None, ())
USUAL = {"non_compliant": 0.05, "stopped": 0.05, "log_odds": 0.0, "speed": 0.0, "overridden": 0.1}
"""The simulated window before anything changes: shares of requests, and means of the trust's log-odds and a feature."""


def a_window(seed: int, **changes: float) -> list[PastRequest | SkippedRequest]:
    """1,500 simulated requests of two hundred people and machines."""
    rng = np.random.default_rng(seed)
    return [_past_request(rng, number, USUAL | changes) for number in range(1_500)]


def _past_request(rng: np.random.Generator, number: int, world: dict[str, float]) -> PastRequest:
    identity = int(rng.integers(200))
    event = an_event(
        ("human", "agent")[identity % 2],
        identity={"id": f"identity-{identity}"},
        device={"compliant": bool(rng.random() >= world["non_compliant"])},
        resource={"sensitivity": "internal"},
    )
    features = dict.fromkeys(feature_names(), float("nan")) | {"travel_km_per_hour": world["speed"] + rng.normal()}
    stopped = rng.random() < world["stopped"]
    return PastRequest(
        id=f"d{number}",
        at=NOW + timedelta(seconds=number),
        event=event,
        features=features,
        trust=TrustCurve(world["log_odds"] - 5.0 + float(rng.normal()), (0.0,) * 4),
        model=None,
        label=Label(compromised=False) if stopped and rng.random() < world["overridden"] else Label(),
        decision=STOPPED if stopped else ALLOWED,
    )


def review_of(**changes: float) -> Review:
    """The review of a usual window and one with these changes."""
    return compare_windows(summarise_window(a_window(1)), summarise_window(a_window(2, **changes)), POLICY)


def test_windows_of_one_kind_need_no_review() -> None:
    """None of ten other draws of the same kind makes a review due: chance is not a change."""
    usual = summarise_window(a_window(1))

    assert [compare_windows(usual, summarise_window(a_window(n)), POLICY).due for n in range(2, 12)] == [False] * 10


CHANGES: dict[str, tuple[dict[str, float], set[str]]] = {
    "devices": ({"non_compliant": 0.5}, {"floor non-compliant-device"}),
    "a feature": ({"speed": 3.0}, {"floor impossible-travel"}),
    "how often a floor asks": ({"stopped": 0.2}, {"floor export-sensitive"}),
    "trust": ({"log_odds": 2.0}, {"thresholds of human", "thresholds of agent"}),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_review_names_what_rests_on_a_change(name: str) -> None:
    """Exactly the floors and thresholds that read what changed."""
    changes, expected = CHANGES[name]
    review = review_of(**changes)

    assert review.due
    assert {each.what for each in review.reexamine} == expected


def test_overrides_are_a_rate_of_their_own() -> None:
    """Verdicts that more of the stopped requests were legitimate make a review due, though nothing else changed."""
    changed = [rate.name for rate in review_of(overridden=0.9).rates if rate.changed]

    assert changed == ["override rate (stopped, known to be legitimate)"]


def test_one_identity_fills_only_part_of_the_sample() -> None:
    """One busy machine does not stand for the whole window."""
    requests = [request for request in a_window(3) if isinstance(request, PastRequest)]
    busy = [replace(request, event=an_event(identity={"id": "busy"})) for request in requests]

    assert len(summarise_window(busy).sample) == PER_IDENTITY


def test_too_few_decisions_are_refused() -> None:
    """Erased decisions do not count."""
    few = [*a_window(1)[:99], *[SkippedRequest("its payload was erased")] * 500]
    with pytest.raises(AnalysisError, match="the window before holds 99 readable decisions"):
        compare_windows(summarise_window(few), summarise_window(a_window(2)), POLICY)


def test_becoming_unknown_is_a_drift() -> None:
    """Also when the values that are still known did not change."""
    values = np.random.default_rng(1).normal(size=2_000)
    half_unknown = np.where(np.arange(2_000) % 2 == 0, np.nan, values)
    drift = numeric_drift("x", values, half_unknown)

    assert drift.psi > 1
    assert drift.p < 1e-6


def test_nothing_to_compare_is_no_drift() -> None:
    """Unknown before and after, one value only, or an empty sample."""
    unknown = np.full(200, np.nan)

    assert numeric_drift("x", unknown, unknown).p == 1.0
    assert categorical_drift("y", ["a"] * 9, ["a"] * 9).p == 1.0
    assert categorical_drift("z", [], ["a"]).p == 1.0
