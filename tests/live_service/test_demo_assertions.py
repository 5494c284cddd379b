"""The demo fails when a promise does, and names it."""

from __future__ import annotations

from typing import Any

import pytest

from features import Event
from serving.demo.assertions import broken_promises
from serving.demo.result import Judged


def judged(kind: str, ruling: str, **decision: Any) -> Judged:
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
    return Judged(event, answer | decision)


PERSON, ROBBED, CONTROL = judged("human", "allow"), judged("workload", "deny"), judged("workload", "allow")
THIN = {
    "contributions": [{"feature": "context_known_fraction", "contribution": 2.0, "value": 0.2, "sentence": "Thin."}]
}


def broken(person: Judged = PERSON, robbed: Judged = ROBBED, control: Judged = CONTROL) -> list[str]:
    """The promises broken by one person's, one robbed role's and one control's decision."""
    return broken_promises([person, robbed], [robbed], {"control": [control]})


def test_all_promises_hold_when_each_is_kept() -> None:
    """A person allowed, a thief stopped, an ordinary machine allowed: nothing to say."""
    assert broken() == []


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ({"person": judged("human", "step_up")}, "reading is allowed"),
        ({"robbed": judged("workload", "allow")}, "unchallenged"),
        ({"robbed": judged("workload", "deny", remedies=[{"type": "interactive_mfa"}])}, "interactive"),
        ({"robbed": judged("workload", "deny", explanation=THIN)}, "thin context"),
        ({"control": judged("workload", "step_up")}, "95%"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_broken_promise_is_named(case: dict[str, Judged], said: str) -> None:
    """Exactly the promise that does not hold is reported."""
    assert [said in promise for promise in broken(**case)] == [True]
