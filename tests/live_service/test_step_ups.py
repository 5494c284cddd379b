"""`POST /step-ups`: which proofs are accepted, what they count for, and ways around them that are closed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from support.live_server import Server, ago, an_event, now
from support.step_ups import OTHER_NETWORK, history_version, moved_session, report_completed, sign_in_proof

from serving.store.schema import LIVE, SessionKey

# What a proof counts for


def test_a_proof_lets_the_challenged_request_through(small: Server) -> None:
    """No loop: what was challenged is allowed after the proof."""
    event, challenge = moved_session(small, "loop")
    status, _ = report_completed(small, challenge, "loop")

    assert challenge["ruling"] == "step_up"
    assert status == 200
    assert small.score(event)["ruling"] == "allow"


def test_a_proof_satisfies_a_floor(small: Server) -> None:
    """Nor is there a loop where the action itself needs the proof."""
    event = an_event("admin", category="manage_access")
    challenge = small.score(event)
    report_completed(small, challenge, "admin")

    assert challenge["ruling"] == "step_up"
    assert small.score(event)["ruling"] == "allow"


def test_a_proof_does_not_count_for_another_category(small: Server) -> None:
    """It counts for what it was asked for."""
    challenge = small.score(an_event("scoped", category="manage_access"))
    report_completed(small, challenge, "scoped")

    assert small.score(an_event("scoped", category="change_security_setting"))["ruling"] == "step_up"


def test_a_stolen_cookie_does_not_carry_the_proof(small: Server) -> None:
    """From another network the proof does not satisfy the floor."""
    challenge = small.score(an_event("cookie", category="manage_access"))
    report_completed(small, challenge, "cookie")
    attacker = small.score(an_event("cookie", category="manage_access", network=OTHER_NETWORK))

    assert attacker["ruling"] == "step_up"
    assert "floor manage-access" in attacker["because"]


@pytest.mark.parametrize("result", ["failed", "abandoned"])
def test_a_challenge_that_was_not_met_changes_nothing(small: Server, result: str) -> None:
    """It is recorded, and the same request is challenged again."""
    identity_id = f"gave up {result}"
    event, challenge = moved_session(small, identity_id)
    status, response = report_completed(small, challenge, identity_id, result=result, proof=None)

    assert status == 200
    assert response["elevated_until"] is None
    assert small.score(event)["ruling"] == "step_up"


# What is refused

DOES_NOT_FIT: dict[str, tuple[dict[str, Any], int]] = {
    "made before the challenge": ({"proof": sign_in_proof(-3600)}, 400),
    "made in the future": ({"proof": sign_in_proof(3600)}, 400),
    "no proof": ({"proof": None}, 400),
    "another identity": ({"identity": "somebody else"}, 409),
    "another session": ({"session": "s2"}, 409),
    "no session": ({"session": None}, 409),
    "an unknown decision": ({"decision_id": "nothing"}, 404),
}


@pytest.mark.parametrize("name", DOES_NOT_FIT)
def test_a_report_that_does_not_fit_is_refused(small: Server, name: str) -> None:
    """And the request is challenged as before."""
    changes, expected = DOES_NOT_FIT[name]
    event, challenge = moved_session(small, f"refused {name}")
    status, _ = report_completed(small, challenge, f"refused {name}", **changes)

    assert status == expected
    assert small.score(event)["ruling"] == "step_up"


def test_a_proof_counts_once(small: Server) -> None:
    """The second report of the same challenge is refused."""
    _, challenge = moved_session(small, "once")

    assert [report_completed(small, challenge, "once")[0] for _ in range(2)] == [200, 409]


def test_a_proof_counts_once_whatever_time_it_claims(small: Server) -> None:
    """Neither an earlier nor a later one is accepted for the same challenge, and nothing is folded twice."""
    _, challenge = moved_session(small, "thrice")
    proofs = [sign_in_proof(seconds) for seconds in (3.0, 1.0, 4.0)]
    statuses = [report_completed(small, challenge, "thrice", proof=proof)[0] for proof in proofs]

    assert statuses == [200, 409, 409]
    assert history_version(small, "thrice") == 3


def test_an_allow_takes_no_proof(small: Server) -> None:
    """A report on it is refused."""
    assert report_completed(small, small.score(an_event("unasked")), "unasked")[0] == 409


def test_weaker_factors_than_the_floor_demands_are_refused(small: Server) -> None:
    """At low trust a code may come from the attacker's hands: the report is refused, and the floor still applies."""
    event = an_event("codes", credential={"exposed": True})
    challenge = small.score(event)
    proof = {"made_at": now().isoformat(), "kind": "authentication", "amr": ["otp"]}
    status, _ = report_completed(small, challenge, "codes", proof=proof)

    assert status == 400
    assert small.score(event)["because"] == ["floor exposed-credential"]


def test_a_proof_without_factors_renews_nothing(small: Server) -> None:
    """An expired session stays expired, nothing is folded, and the refusal names the proof."""
    decision = small.score(an_event("empty"))["decision_id"]
    with small.store.transaction() as tx:
        tx.sessions.set_valid_until(SessionKey(LIVE, "empty", "s1"), now() - timedelta(seconds=1), decision)
    challenge, before = small.score(an_event("empty")), history_version(small, "empty")
    status, problem = report_completed(small, challenge, "empty", proof=sign_in_proof() | {"amr": []})

    assert status == 400
    assert problem["errors"][0]["field"] == "proof"
    assert history_version(small, "empty") == before


def test_a_replayed_success_is_folded_once(small: Server) -> None:
    """A replay folds the logged outcome; a step-up reported for it does not fold it again."""
    event: dict[str, Any] = an_event("past", category="manage_access", time=ago(4_000))
    event["action"]["outcome"] = "success"
    challenge = small.score(event, mode="replay", space="twice")
    proof = sign_in_proof() | {"made_at": (now() - timedelta(seconds=3_900)).isoformat()}
    status, _ = report_completed(small, challenge, "past", proof=proof)

    assert status == 200
    assert history_version(small, "past", "replay:twice") == 1


# Proofs of machines


def task_proof(**changes: Any) -> dict[str, Any]:
    """An intent as an authorization server reports it, for the action and resource of `an_event`."""
    detail = {"type": "agent_action", "actions": ["files:Get"], "locations": ["r1"]} | changes
    return {"made_at": now().isoformat(), "kind": "intent", "authorization_details": [detail]}


def test_an_intent_that_does_not_cover_the_request_is_refused(small: Server) -> None:
    """The refusal says what is not covered."""
    event = an_event("task", category="export", identity={"type": "agent"}, resource={"sensitivity": "confidential"})
    challenge = small.score(event)
    status, problem = report_completed(small, challenge, "task", proof=task_proof(locations=["r2"]))
    expected = {"field": "proof", "detail": "the authorised task does not cover the resource r1"}

    assert challenge["ruling"] == "step_up"
    assert status == 400
    assert problem["errors"][0] == expected


def test_an_intent_counts_for_what_it_authorises(small: Server) -> None:
    """The same request is allowed, and one on another resource is not."""
    event = an_event("task 2", category="export", identity={"type": "agent"}, resource={"sensitivity": "confidential"})
    status, _ = report_completed(small, small.score(event), "task 2", proof=task_proof())
    elsewhere = event | {"resource": event["resource"] | {"id": "r2"}}

    assert status == 200
    assert small.score(event)["ruling"] == "allow"
    assert small.score(elsewhere)["ruling"] == "step_up"


def jit_proof(scope: str, seconds: float = 600.0) -> dict[str, Any]:
    """A credential for one task, as its issuer reports it."""
    expires_at = (now() + timedelta(seconds=seconds)).isoformat()
    return {"made_at": now().isoformat(), "kind": "jit_credential", "scope": [scope], "expires_at": expires_at}


def test_a_credential_for_one_task_counts_for_its_scope(small: Server) -> None:
    """One as the remedy asks for is accepted; another scope, a longer life or no end are not."""
    event = an_event("scoped job", category="rotate_secret", identity={"type": "workload"})
    challenge = small.score(event)
    scope = next(remedy["scope"][0] for remedy in challenge["remedies"] if remedy["type"] == "jit_credential")
    endless = jit_proof(scope) | {"expires_at": None}
    proofs = [jit_proof("rotate_secret:table"), jit_proof(scope, 1_000.0), endless, jit_proof(scope)]
    statuses = [report_completed(small, challenge, "scoped job", proof=proof)[0] for proof in proofs]

    assert scope == "rotate_secret:document"
    assert statuses == [400, 400, 400, 200]
    assert small.score(event)["ruling"] == "allow"
