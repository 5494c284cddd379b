"""`POST /score`, promise by promise, on a running service."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from support.live_server import Server, ago, an_event, now
from support.step_ups import OTHER_NETWORK, history_version, moved_session, report_completed

from serving.store.schema import LIVE, SessionKey


def features(small: Server, decision: dict[str, Any]) -> dict[str, Any]:
    """The features a decision was made from."""
    recorded: dict[str, Any] = small.get(f"/decisions/{decision['decision_id']}")["body"]["features"]
    return recorded


def past_events(identity_id: str) -> list[dict[str, Any]]:
    """Three requests that succeeded in the minutes before."""
    action = {"name": "files:Get", "outcome": "success"}
    return [an_event(identity_id, time=ago(seconds), action=action) for seconds in (300, 200, 100)]


# What is learnt


def test_an_allowed_request_is_learnt(small: Server) -> None:
    """The second request from a network finds the network known."""
    first, second = (small.score(an_event("learner")) for _ in range(2))

    assert [features(small, each)["network_is_new"] for each in (first, second)] == [None, 0.0]


def test_a_challenged_request_is_not_learnt(small: Server) -> None:
    """However often an attacker tries from another network, it stays new."""
    moved_session(small, "stubborn")
    attempts = [small.score(an_event("stubborn", network=OTHER_NETWORK)) for _ in range(3)]

    assert [each["ruling"] for each in attempts] == ["step_up"] * 3
    assert [features(small, each)["network_is_new"] for each in attempts] == [1.0] * 3


def test_a_completed_step_up_is_learnt(small: Server) -> None:
    """The identity proved itself on the new network: it is known from now on."""
    _, challenge = moved_session(small, "traveller")
    report_completed(small, challenge, "traveller")
    later = small.score(an_event("traveller", network=OTHER_NETWORK))

    assert later["ruling"] == "allow"
    assert features(small, later)["network_is_new"] == 0.0


# The same event again


def test_the_same_event_twice_is_decided_once(small: Server) -> None:
    """The first decision is repeated, and nothing is folded twice."""
    event = an_event("twice", id="e1")
    first, second = small.score(event), small.score(event)

    assert second == first
    assert history_version(small, "twice") == 1


def test_the_same_id_with_other_content_is_refused(small: Server) -> None:
    """An id stands for one event."""
    small.score(an_event("other body", id="e1"))
    status, problem = small.post("/score", {"event": an_event("other body", id="e1", category="write")})

    assert status == 409
    assert "e1" in problem["detail"]


def test_an_event_id_counts_for_its_caller_only(small: Server) -> None:
    """Another caller gets a decision of its own."""
    event = an_event("two callers", id="e1")
    decisions = [small.score(event, key)["decision_id"] for key in (None, small.key("score", "assure"))]

    assert len(set(decisions)) == 2


def test_after_a_revocation_the_same_event_is_decided_again(small: Server) -> None:
    """The earlier allow does not outlive it; the denial is then the decision that is repeated."""
    event = an_event("revoked retry", id="e1")
    small.score(event)
    small.post("/revocations", {"identity": "revoked retry", "reason": "lost laptop"})
    second, third = small.score(event), small.score(event)

    assert second["ruling"] == "deny"
    assert third == second


# Inline histories


def test_an_inline_history_alone_decides(small: Server) -> None:
    """The same request gets the same trust, whatever the store knows, and the store learns nothing."""
    small.score(an_event("inline", session="other"))
    history = past_events("inline")
    event = an_event("inline", network=OTHER_NETWORK)
    first, second = (small.score(event, history=history) for _ in range(2))

    assert first["explanation"] == second["explanation"]
    assert first["ruling"] == "step_up"
    assert history_version(small, "inline") == 1
    assert history_version(small, "inline", "inline") == 0


def test_an_inline_history_is_sorted_by_time(small: Server) -> None:
    """The order of its events does not matter."""
    history = past_events("sorted")
    event = an_event("sorted")
    first, second = (small.score(event, history=order) for order in (history, history[::-1]))

    assert first["trust"]["now"] == second["trust"]["now"]


def test_an_inline_history_needs_scope_assure(small: Server) -> None:
    """Whoever sends a history could send a favourable one."""
    status, problem = small.post("/score", {"event": an_event("x"), "history": []}, small.key("score"))

    assert status == 403
    assert "assure" in problem["detail"]


def test_a_challenge_to_an_inline_history_can_be_met(small: Server) -> None:
    """Proofs are read from the store, whose history learns nothing of it."""
    history = past_events("inline loop")
    event = an_event("inline loop", network=OTHER_NETWORK)
    challenge = small.score(event, history=history)
    report_completed(small, challenge, "inline loop")

    assert challenge["ruling"] == "step_up"
    assert small.score(event, history=history)["ruling"] == "allow"
    assert history_version(small, "inline loop") == 0


def test_an_inline_history_does_not_lift_a_revocation(small: Server) -> None:
    """Revocations are read from the store."""
    small.post("/revocations", {"identity": "inline revoked", "reason": "test"})

    assert small.score(an_event("inline revoked"), history=[])["ruling"] == "deny"


# Replays


def past_success(identity_id: str) -> dict[str, Any]:
    """A request of the past that succeeded."""
    return an_event(identity_id, time="2026-03-02T09:00:00Z", action={"name": "files:Get", "outcome": "success"})


def test_a_replay_leaves_live_histories_alone(small: Server) -> None:
    """It has a namespace of its own, is never to be enforced, and folds by the logged outcome."""
    decision = small.score(past_success("replayed"), mode="replay", space="mine")

    assert decision["enforceable"] is False
    assert history_version(small, "replayed", "replay:mine") == 1
    assert history_version(small, "replayed") == 0


@pytest.mark.parametrize("history", [{}, {"history": []}], ids=["stored history", "inline history"])
@pytest.mark.parametrize("event_id", [None, "e1"])
def test_a_replay_knows_no_live_revocation(small: Server, history: dict[str, Any], event_id: str | None) -> None:
    """A revocation of today would rule on what happened before it; a live request is denied."""
    identity_id = f"revoked since {event_id} {len(history)}"
    past = past_success(identity_id) | ({"id": event_id} if event_id else {})
    replayed = {"mode": "replay", "space": identity_id} | history
    before = small.score(past, **replayed)
    small.post("/revocations", {"identity": identity_id, "reason": "stolen"})
    after = small.score(past, **replayed)

    assert (before["ruling"], after["ruling"]) == ("allow", "allow")
    assert (before["decision_id"] == after["decision_id"]) == (event_id is not None)
    assert small.score(an_event(identity_id), **history)["ruling"] == "deny"


def test_a_replay_without_a_namespace_starts_empty(small: Server) -> None:
    """Two without a namespace know nothing of each other; two of the same namespace do."""
    event = past_success("fresh")
    namespaces: list[dict[str, str]] = [{}, {}, {"space": "kept"}, {"space": "kept"}]
    decisions = [small.score(event, mode="replay", **namespace) for namespace in namespaces]

    assert [features(small, each)["known_events"] for each in decisions[:3]] == [0.0, 0.0, 0.0]
    assert features(small, decisions[3])["known_events"] == pytest.approx(0.693, abs=0.4)


def test_a_replay_needs_scope_investigate(small: Server) -> None:
    """It may ask about any time."""
    status, problem = small.post("/score", {"event": past_success("x"), "mode": "replay"}, small.key("score", "assure"))

    assert status == 403
    assert "investigate" in problem["detail"]


# Floors and expiry


def test_an_action_floor_treats_unknown_as_high(small: Server) -> None:
    """An export of unknown sensitivity is an export of something sensitive."""
    decision = small.score(an_event("exporter", category="export", resource={"sensitivity": None}))

    assert decision["because"] == ["floor export-sensitive"]


def test_a_signal_floor_leaves_unknown_undecided(small: Server) -> None:
    """A caller that cannot know of exposure is not challenged at every read; the floor says that it could not tell."""
    decision = small.score(an_event("quiet"))
    statuses = {floor["id"]: floor["status"] for floor in decision["floors"] if "status" in floor}

    assert decision["ruling"] == "allow"
    assert statuses["exposed-credential"] == "undecided"


def test_a_signal_floor_that_applies_challenges(small: Server) -> None:
    """Whatever the trust."""
    decision = small.score(an_event("leaky", credential={"exposed": True}))

    assert decision["ruling"] == "step_up"
    assert decision["because"] == ["floor exposed-credential"]


def expire(small: Server, identity_id: str) -> None:
    """Let a session's trust have expired a second ago."""
    decision = small.score(an_event(identity_id))["decision_id"]
    with small.store.transaction() as tx:
        tx.sessions.set_valid_until(SessionKey(LIVE, identity_id, "s1"), now() - timedelta(seconds=1), decision)


def test_an_expired_session_is_challenged(small: Server) -> None:
    """After `valid_until` even a trusted request needs proof, and asking does not extend it."""
    expire(small, "expired")
    decisions = [small.score(an_event("expired")) for _ in range(2)]

    assert [each["because"] for each in decisions] == [["the session's trust has expired"]] * 2


def test_a_proof_renews_an_expired_session(small: Server) -> None:
    """The session continues from it."""
    expire(small, "renewed")
    report_completed(small, small.score(an_event("renewed")), "renewed")

    assert small.score(an_event("renewed"))["ruling"] == "allow"


def test_a_machine_is_not_asked_for_a_persons_factor(small: Server) -> None:
    """A workload is asked to attest itself, and there is no browser challenge."""
    decision = small.score(an_event("job", category="manage_access", identity={"type": "workload"}))

    assert decision["remedies"][0]["type"] == "attest_workload_identity"
    assert decision["challenge"] is None


# Claims of proof


def test_claims_without_scope_assure_are_ignored_and_named(small: Server) -> None:
    """They are removed before anything is computed."""
    decision = small.score(an_event("claimant", credential={"attested_at": ago(1)}), small.key("score"))
    event = small.get(f"/decisions/{decision['decision_id']}")["body"]["event"]
    claims = ["authentication.amr", "authentication.time", "authentication.aal"]
    claims += ["device.managed", "device.compliant", "credential.attested_at"]

    assert [name for name in decision["ignored_claims"] if not name.startswith("network.")] == claims
    assert event.get("authentication") == {}
    assert "managed" not in event["device"]


def test_a_claim_with_scope_assure_satisfies_a_floor(small: Server) -> None:
    """A second factor a minute ago is a fresh proof; without the scope the same claim is none."""
    event = an_event("mfa", category="manage_access", authentication={"time": ago(60)})
    rulings = [small.score(event, key)["ruling"] for key in (None, small.key("score"))]

    assert rulings == ["allow", "step_up"]


def test_the_kind_of_a_credential_is_a_claim_too(small: Server) -> None:
    """A caller with scope score alone cannot say that a credential was issued just now for just this."""
    event = an_event("jit", category="rotate_secret", identity={"type": "workload"})
    event["credential"] = {"id": "k", "kind": "jit_credential", "issued_at": ago(5), "expires_at": ago(-300)}
    decision = small.score(event, key=small.key("score"))

    assert decision["ruling"] == "step_up"
    assert "credential.kind" in decision["ignored_claims"]
