"""The demo fails when one of its assertions does, and names it."""

from __future__ import annotations

from typing import Any

import pytest

from features import Event
from serving.demo.assertions import failed_assertions
from serving.demo.result import ScoredEvent


def scored(kind: str, ruling: str, **decision: Any) -> ScoredEvent:
    """A decision about one read of an identity of this type, explained by a drift."""
    event = Event.model_validate(
        {
            "time": "2026-03-02T09:00:00Z",
            "identity": {"id": kind, "type": kind},
            "action": {"name": "s3:GetObject", "category": "read"},
        }
    )
    drift = {"feature": "system_changed_in_session", "contribution": 2.0, "value": 1.0, "sentence": "Another system."}
    answer = {
        "ruling": ruling,
        "because": [] if ruling == "allow" else ["the model"],
        "trust": {"now": 0.5},
        "floors": [],
        "remedies": [],
        "explanation": {"contributions": [drift]},
    }
    return ScoredEvent(event, answer | decision)


PERSON, STOLEN, CONTROL = scored("human", "allow"), scored("workload", "deny"), scored("workload", "allow")
THIN = {
    "contributions": [{"feature": "context_known_fraction", "contribution": 2.0, "value": 0.2, "sentence": "Thin."}]
}


def failed(person: ScoredEvent = PERSON, stolen: ScoredEvent = STOLEN, control: ScoredEvent = CONTROL) -> list[str]:
    """The assertions that fail for the decisions on a person, a stolen credential and a control."""
    return failed_assertions([person, stolen], [stolen], {"control": [control]})


def test_nothing_fails_when_every_assertion_holds() -> None:
    """The person is allowed, the attacker is stopped, the benign machine is allowed."""
    assert failed() == []


@pytest.mark.parametrize(
    ("case", "sentence"),
    [
        ({"person": scored("human", "step_up")}, "reading after MFA is allowed"),
        ({"stolen": scored("workload", "allow")}, "stolen credential"),
        ({"stolen": scored("workload", "deny", remedies=[{"type": "interactive_mfa"}])}, "interactive"),
        ({"stolen": scored("workload", "deny", explanation=THIN)}, "thin context"),
        ({"control": scored("workload", "step_up")}, "95%"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_failed_assertion_is_named(case: dict[str, ScoredEvent], sentence: str) -> None:
    """Only the assertion that does not hold is reported."""
    assert [sentence in assertion for assertion in failed(**case)] == [True]
