"""The attacker's aim: an identity spelt otherwise is a new one, without the type, the history and the task it has.

Defends against the subject, who may choose how its id is written: in any letter case or width it is the same identity.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from support.live_server import Server, an_event
from support.step_ups import OTHER_NETWORK, history_version, report_completed

SPELLINGS: dict[str, Callable[[str], str]] = {
    "case": str.upper,
    "width": lambda name: name.replace("a", "\uff41"),
    "space": lambda name: f" {name} ",
}
STRICTNESS = {"allow": 0, "step_up": 1, "deny": 2}


@pytest.mark.parametrize("trick", SPELLINGS)
def test_another_spelling_has_the_same_history(small: Server, trick: str) -> None:
    """So a move to another network is seen as one, and is folded where it belongs."""
    name, plain = f"ada of {trick}", f"plain ada of {trick}"
    for each in (name, plain):
        small.score(an_event(each))
    attack = small.score(an_event(plain, network=OTHER_NETWORK))
    tried = small.score(an_event(SPELLINGS[trick](name), network=OTHER_NETWORK))

    assert STRICTNESS[tried["ruling"]] >= STRICTNESS[attack["ruling"]] >= 1
    assert (history_version(small, name), history_version(small, SPELLINGS[trick](name))) == (2, 0)


@pytest.mark.parametrize("trick", SPELLINGS)
def test_another_spelling_has_the_fixed_type(small: Server, trick: str) -> None:
    """A workload that a key fixed meets the floors of one, whatever it calls itself."""
    name, workflow = f"ci of {trick} a", {"name": "deploy", "category": "invoke_workflow", "impact": "high"}
    known = an_event(name, identity={"type": "workload"}, credential={"kind": "access_key"})
    small.score(known, small.key("score", "assure"))
    posing = small.score(an_event(SPELLINGS[trick](name), action=workflow), small.key("score"))

    assert "high-impact-workflow" in {each["id"] for each in posing["floors"] if each["status"] == "applied"}


def test_another_spelling_has_the_same_task(small: Server) -> None:
    """The one its session declared."""
    detail = {"type": "agent_action", "actions": ["read"], "locations": ["r1"], "datatypes": ["document"]}
    wider = detail | {"actions": ["read", "delete"]}

    def act(id: str, task: dict[str, Any], **action: Any) -> dict[str, Any]:
        event = an_event(id, identity={"type": "agent"}, credential={"kind": "access_key"})
        event["session"] |= {"intent": json.dumps([task])}
        return small.score(event | {"action": event["action"] | action})

    act("agent a", detail)
    tried = act("AGENT A", wider, name="files:Delete", category="delete", impact="high")

    assert "outside-intent" in {each["id"] for each in tried["floors"] if each["status"] == "applied"}


def test_shipped_events_and_step_ups_find_it_in_any_spelling(small: Server) -> None:
    """A log may write an id otherwise than the gateway, and so may the identity provider."""
    small.score(an_event("Grace"))
    shipped = an_event("GRACE")
    shipped["action"] |= {"outcome": "success"}
    status, answer = small.post("/events", [shipped])
    challenge = small.score(an_event("grace", action={"name": "iam:CreateAccessKey", "category": "rotate_secret"}))
    completed, problem = report_completed(small, challenge, "gracE")

    assert (status, answer["folded"], history_version(small, "Grace")) == (200, 1, 3 + (completed == 200))
    assert completed == 200, problem
    assert len(small.get("/decisions?identity=GRACE")["decisions"]) == 2
    assert challenge["remedies"][0]["body"]["identity"] == "Grace"


def test_letters_that_look_alike_are_another_identity(small: Server) -> None:
    """Two people may be registered so; only a revocation is met by both."""
    small.score(an_event("adam"))
    small.score(an_event("\u0430dam"))

    assert [history_version(small, name) for name in ("adam", "\u0430dam")] == [1, 1]
