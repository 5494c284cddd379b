"""The attacker's aim: an agent that was led astray does what its declared task does not cover.

Defends against the subject: whoever steers the agent steers what it declares as well. The first authorization details
of a session stay in force for it, and only a proof authorises more.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.live_server import Server, ago, an_event, now

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


def act(
    server: Server, agent: str, intent: str | None, session: str | None = "own", inline: Any = False, **action: Any
) -> dict[str, Any]:
    """A request of an agent in its session, in another one, or in none; it may carry its own history."""
    event = an_event(agent, session=agent if session == "own" else session, identity={"type": "agent"})
    event["session"] |= {"intent": intent}
    event["credential"] |= {"kind": "access_key"}
    event["device"] |= {"user_agent": "agent/1.0"}
    if session is None:
        del event["session"]["id"]
    more: dict[str, Any] = {"history": [event | {"time": ago(60)}]} if inline else {}
    return server.score(event | {"action": event["action"] | action}, **more)


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


DELETE = {"name": "files:Delete", "category": "delete", "impact": "high"}


@pytest.mark.parametrize("trick", TRICKS)
@pytest.mark.parametrize("before", ["own", None], ids=["a session", "no session"])
def test_leaving_out_the_session_frees_from_no_task(small: Server, trick: str, before: str | None) -> None:
    """A request that names no session may be of any: the task of the identity's last decision holds for it."""
    name = f"unnamed {trick} {before}"
    inside = act(small, name, json.dumps(TASK), before)
    tried = act(small, name, TRICKS[trick], None, **DELETE)
    again = act(small, name, json.dumps(WIDER), None, **DELETE)

    assert outside(inside) is None
    assert [(outside(each), each["ruling"] == "allow") for each in (tried, again)] == [("applied", False)] * 2


@pytest.mark.parametrize("session", ["own", None], ids=["in its session", "without a session"])
@pytest.mark.parametrize("inline", [(False, True), (True, True)], ids=["after a live one", "after another"])
def test_a_request_with_its_own_history_keeps_the_task_as_well(
    small: Server, session: str | None, inline: tuple[bool, bool]
) -> None:
    """That of the live session, or of an earlier request that carried its history."""
    name = f"inline {session} {inline}"
    inside = act(small, name, json.dumps(TASK), session, inline=inline[0])
    tried = act(small, name, json.dumps(WIDER), session, inline=inline[1], **DELETE)

    assert (outside(inside), outside(tried)) == (None, "applied")


def test_another_session_may_have_another_task(small: Server) -> None:
    """As for another person that the agent serves."""
    act(small, "busy", json.dumps(TASK))
    other = act(small, "busy", json.dumps(WIDER), "another", **DELETE)

    assert outside(other) is None
