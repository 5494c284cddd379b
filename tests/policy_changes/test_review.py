"""A review is due when what the policy rests on changed, and then it names what rests on it; otherwise it is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from support.judging import NOW, POLICY, an_event

from features.catalogue.all import feature_names
from features.model.trust_curve import TrustCurve
from serving.policy_analysis.drift_tests import of_choices, of_numbers
from serving.policy_analysis.past_requests import Case, Label, Missing, Recorded
from serving.policy_analysis.review import Review, TooFew, review
from serving.policy_analysis.review_window import PER_IDENTITY, collected

USUAL = Recorded("allow", (), False, None, ())
STOPPED = Recorded("step_up", ("export-sensitive",), False, None, ())


def window(seed: int, count: int = 1_500, **changes: Any) -> list[Case | Missing]:
    """Requests of two hundred people and machines on compliant devices, one in twenty challenged by a floor."""
    rng = np.random.default_rng(seed)
    said = {"compliant": 0.05, "stopped": 0.05, "trust": 0.0, "feature": 0.0, "overridden": 0.1} | changes
    return [_case(rng, place, said) for place in range(count)]


def _case(rng: np.random.Generator, place: int, said: dict[str, float]) -> Case:
    number = int(rng.integers(200))
    event = an_event(
        ("human", "agent")[number % 2],
        identity={"id": f"identity-{number}"},
        device={"compliant": bool(rng.random() >= said["compliant"])},
        resource={"sensitivity": "internal"},
    )
    features = dict.fromkeys(feature_names(), float("nan")) | {"speed_km_per_hour": said["feature"] + rng.normal()}
    stopped = rng.random() < said["stopped"]
    return Case(
        id=f"d{place}",
        at=NOW + timedelta(seconds=place),
        event=event,
        features=features,
        trust=TrustCurve(said["trust"] - 5.0 + float(rng.normal()), (0.0,) * 4),
        model=None,
        label=Label(compromised=False) if stopped and rng.random() < said["overridden"] else Label(),
        recorded=STOPPED if stopped else USUAL,
    )


def compared(**changes: Any) -> Review:
    return review(collected(window(1)), collected(window(2, **changes)), POLICY)


def named(found: Review) -> set[str]:
    return {each.what for each in found.reexamine}


def test_two_windows_of_one_kind_need_no_review() -> None:
    """Nothing is named for any of ten other draws of the same kind: chance is not a change."""
    usual = collected(window(1))

    assert [review(usual, collected(window(seed)), POLICY).due for seed in range(2, 12)] == [False] * 10


CHANGES: dict[str, tuple[dict[str, float], set[str]]] = {
    "devices": ({"compliant": 0.5}, {"floor non-compliant-device"}),
    "a feature": ({"feature": 3.0}, {"floor impossible-travel"}),
    "how often a floor asks": ({"stopped": 0.2}, {"floor export-sensitive"}),
    "trust": ({"trust": 2.0}, {"thresholds of human", "thresholds of agent"}),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_rests_on_a_change_is_named(name: str) -> None:
    """The floors and thresholds that read what changed, and no others."""
    changes, expected = CHANGES[name]
    found = compared(**changes)

    assert (found.due, named(found)) == (True, expected)


def test_overrides_are_a_rate_of_their_own() -> None:
    """Feedback that more of the stopped were owners makes a review due, though nothing else changed."""
    found = compared(overridden=0.9)

    assert [each.name for each in found.rates if each.changed] == ["override rate (stopped, known to be the owner's)"]


def test_an_identity_counts_for_so_much_at_most() -> None:
    """One busy machine is not the whole window."""
    busy = [replace(case, event=an_event(identity={"id": "busy"})) for case in window(3) if isinstance(case, Case)]

    assert len(collected(busy).sample) == PER_IDENTITY


def test_too_few_decisions_are_refused() -> None:
    """Also when there would be enough, had they not been erased."""
    few = [*window(1)[:99], *[Missing("its payload was erased")] * 500]
    with pytest.raises(TooFew, match="the window before holds 99 decisions"):
        review(collected(few), collected(window(2)), POLICY)


def test_what_became_unknown_is_a_drift() -> None:
    """A feature that nobody sends any more drifted, though all that is still known is alike."""
    values = np.random.default_rng(1).normal(size=2_000)
    blind = np.where(np.arange(2_000) % 2 == 0, np.nan, values)

    assert of_numbers("x", values, blind).psi > 1
    assert of_numbers("x", values, blind).p < 1e-6


def test_nothing_to_compare_is_no_drift() -> None:
    """Unknown before and after, or one value only."""
    nothing = np.full(200, np.nan)
    found = of_numbers("x", nothing, nothing), of_choices("y", ["a"] * 9, ["a"] * 9), of_choices("z", [], ["a"])

    assert [each.p for each in found] == [1.0, 1.0, 1.0]
