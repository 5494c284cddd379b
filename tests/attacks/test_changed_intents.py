"""The attacker's aim: an agent that was led astray does what its declared task does not cover.

Defends against the subject: whoever steers the agent steers what it declares as well. The first authorization details
of a session stay in force for it, and only a proof authorises more.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.live_server import Server, an_event, now

TASK = [{"type": "agent_action", "actions": ["read"], "locations": ["r1"], "datatypes": ["document"]}]
WIDER = [{"type": "agent_action", "actions": ["read", "delete"], "locations": ["r1"], "datatypes": ["document"]}]
TRICKS: dict[str, str | None] = {
    "left out": None,
    "empty": "",
    "free text": "tidy up the wiki",
    "cut off": json.dumps(WIDER)[:-3],
    "an object": json.dumps(WIDER[0]),
    "behind a mark": "\ufeff" + json.dumps(WIDER),
    "empty list": "[]",
    "widened": json.dumps(WIDER),
    "with another detail": json.dumps([*TASK, WIDER[0]]),
    "as it was": json.dumps(TASK),
}


def act(server: Server, agent: str, intent: str | None, **action: Any) -> dict[str, Any]:
    """A request of an agent in its session."""
    event = an_event(agent, session=agent, identity={"type": "agent"})
    event["session"] |= {"intent": intent}
    event["credential"] |= {"kind": "access_key"}
    event["device"] |= {"user_agent": "agent/1.0"}
    return server.score(event | {"action": event["action"] | action})


def outside(decision: dict[str, Any]) -> str | None:
    """The status of the floor on what lies outside the task."""
    return next((each["status"] for each in decision["floors"] if each["id"] == "outside-intent"), None)


@pytest.mark.parametrize("trick", TRICKS)
def test_no_later_intent_authorises_more(small: Server, trick: str) -> None:
    """Left out, broken or widened: the request is judged by the task that was declared first."""
    name = f"astray {trick}"
    inside = act(small, name, json.dumps(TASK))
    tried = act(small, name, TRICKS[trick], name="files:Delete", category="delete", impact="high")

    assert outside(inside) is None
    assert (outside(tried), tried["ruling"] == "allow") == ("applied", False)


@pytest.mark.parametrize("intent", ["[{", "{}", "[1]", '{"type": "agent_action"}'])
def test_what_begins_as_json_and_is_none_authorises_nothing(small: Server, intent: str) -> None:
    """From the first request on."""
    assert outside(act(small, f"broken {intent}", intent)) == "applied"


def test_a_session_may_narrow_its_task(small: Server) -> None:
    """And not widen it again to what it was."""
    act(small, "narrowing", json.dumps(WIDER))
    narrowed = act(small, "narrowing", json.dumps(TASK))
    again = act(small, "narrowing", json.dumps(WIDER), name="files:Delete", category="delete")

    assert (outside(narrowed), outside(again)) == (None, "applied")


def test_a_proof_authorises_more(small: Server) -> None:
    """The task as it was authorised, for as long as its elevation lasts; leaving the intent out changes nothing."""
    act(small, "authorised", json.dumps(TASK))
    asked = act(small, "authorised", None, name="files:Delete", category="delete")
    remedy = next(each for each in asked["remedies"] if each["type"] == "intent_authorization")
    body = remedy["body"] | {"result": "completed"}
    body["proof"] = body["proof"] | {"made_at": now().isoformat()}
    status, problem = small.post("/step-ups", body)
    after = act(small, "authorised", None, name="files:Delete", category="delete")

    assert status == 200, problem
    assert outside(after) == "satisfied"
