"""What was settled about rulings, one promise after the other, asked of a running service."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from support.live_server import Server, ago, an_event, now

from serving.store.schema import LIVE, SessionKey

ELSEWHERE = {"ip": "198.51.100.9", "asn": 64499, "country": "BR"}
"""A network that the small model distrusts when a session moves there."""


def features(small: Server, answer: dict[str, Any]) -> dict[str, Any]:
    """What the engine measured for a decision."""
    measured: dict[str, Any] = small.get(f"/decisions/{answer['decision_id']}")["body"]["features"]
    return measured


def proof(seconds: float = 0.0) -> dict[str, Any]:
    """A phishing-resistant sign-in made now, or so much later."""
    made_at = (now() + timedelta(seconds=seconds)).isoformat()
    return {"made_at": made_at, "kind": "authentication", "amr": ["pwd", "hwk"]}


def completed(small: Server, asked: dict[str, Any], who: str, **changes: Any) -> tuple[int, Any]:
    """Report that a challenge was met."""
    report = {"decision_id": asked["decision_id"], "identity": who, "session": "s1", "result": "completed"}
    return small.post("/step-ups", report | {"proof": proof()} | changes)


def challenged(small: Server, who: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A session that moved to another network in the middle; the event, and the step-up it was answered with."""
    small.score(an_event(who))
    moved = an_event(who, network=ELSEWHERE)
    return moved, small.score(moved)


def past_of(who: str) -> list[dict[str, Any]]:
    """Three requests that succeeded in the minutes before."""
    done = {"name": "files:Get", "outcome": "success"}
    return [an_event(who, time=ago(seconds), action=done) for seconds in (300, 200, 100)]


def version(small: Server, who: str, space: str = LIVE) -> int:
    """How often something was folded into an identity's history."""
    with small.store.reading() as tx:
        return tx.histories.read(SessionKey(space, who))[1]


def test_an_allowed_request_teaches(small: Server) -> None:
    """The second request from a network finds it known."""
    first, second = (small.score(an_event("learner")) for _ in range(2))

    assert [features(small, each)["network_is_new"] for each in (first, second)] == [None, 0.0]


def test_a_challenged_attempt_does_not_teach(small: Server) -> None:
    """However often a thief tries from his own network, it stays as new as at first."""
    challenged(small, "stubborn")
    tries = [small.score(an_event("stubborn", network=ELSEWHERE)) for _ in range(3)]

    assert [(each["ruling"], features(small, each)["network_is_new"]) for each in tries] == [("step_up", 1.0)] * 3


def test_a_completed_step_up_teaches_the_attempt(small: Server) -> None:
    """The owner proved himself from the new network: it is his from now on."""
    _, asked = challenged(small, "traveller")
    completed(small, asked, "traveller")
    after = small.score(an_event("traveller", network=ELSEWHERE))

    assert (after["ruling"], features(small, after)["network_is_new"]) == ("allow", 0.0)


@pytest.mark.parametrize("result", ["failed", "abandoned"])
def test_a_challenge_not_met_changes_nothing(small: Server, result: str) -> None:
    """It is recorded, and the same request is asked again."""
    who = f"gave up {result}"
    moved, asked = challenged(small, who)
    status, answer = completed(small, asked, who, result=result, proof=None)

    assert (status, answer["elevated_until"], small.score(moved)["ruling"]) == (200, None, "step_up")


def test_the_same_event_twice_is_decided_once(small: Server) -> None:
    """The first decision, unchanged, and nothing is folded twice."""
    event = an_event("twice", id="e1")
    first, second = small.score(event), small.score(event)

    assert (first, version(small, "twice")) == (second, 1)


def test_the_same_id_with_another_body_is_refused(small: Server) -> None:
    """An id stands for one event."""
    small.score(an_event("other body", id="e1"))
    status, _ = small.post("/score", {"event": an_event("other body", id="e1", category="write")})

    assert status == 409


def test_another_caller_has_no_part_in_it(small: Server) -> None:
    """An id counts for the caller who used it."""
    event = an_event("two callers", id="e1")
    answers = [small.score(event, key)["decision_id"] for key in (None, small.key("score", "assure"))]

    assert len(set(answers)) == 2


def test_after_a_revocation_the_same_event_is_decided_anew(small: Server) -> None:
    """The earlier allow does not outlive it; the denial is then the decision that repeats."""
    event = an_event("revoked retry", id="e1")
    small.score(event)
    small.post("/revocations", {"identity": "revoked retry", "reason": "lost laptop"})
    second, third = small.score(event), small.score(event)

    assert (second["ruling"], third) == ("deny", second)


def test_an_inline_history_is_pure(small: Server) -> None:
    """The same request gives the same trust, judged by what it brings alone, and the store learns nothing."""
    small.score(an_event("inline", session="other"))
    past = past_of("inline")
    event = an_event("inline", network=ELSEWHERE)
    answers = [small.score(event, history=past) for _ in range(2)]

    assert (
        answers[0]["explanation"],
        answers[0]["ruling"],
        version(small, "inline"),
        version(small, "inline", "inline"),
    ) == (
        answers[1]["explanation"],
        "step_up",
        1,
        0,
    )


def test_an_inline_history_is_sorted_by_time(small: Server) -> None:
    """In whichever order its events come."""
    past = past_of("sorted")
    event = an_event("sorted")
    answers = [small.score(event, history=order) for order in (past, past[::-1])]

    assert answers[0]["trust"]["now"] == answers[1]["trust"]["now"]


def test_an_inline_history_needs_a_key_that_may_assert(small: Server) -> None:
    """Whoever brings his own history could bring a good one."""
    status, problem = small.post("/score", {"event": an_event("x"), "history": []}, small.key("score"))

    assert (status, "assure" in problem["detail"]) == (403, True)


def test_a_challenge_on_an_inline_history_can_be_met(small: Server) -> None:
    """Proofs are read from the store also where the history is not; the store's history learns nothing of it."""
    past = past_of("inline loop")
    event = an_event("inline loop", network=ELSEWHERE)
    asked = small.score(event, history=past)
    completed(small, asked, "inline loop")

    assert (asked["ruling"], small.score(event, history=past)["ruling"], version(small, "inline loop")) == (
        "step_up",
        "allow",
        0,
    )


def test_an_inline_history_does_not_lift_a_revocation(small: Server) -> None:
    """Revocations are read from the store."""
    small.post("/revocations", {"identity": "inline revoked", "reason": "test"})

    assert small.score(an_event("inline revoked"), history=[])["ruling"] == "deny"


def test_a_replay_leaves_the_living_alone(small: Server) -> None:
    """It has a space of its own, is marked, and folds by the outcome that was logged."""
    event = an_event("replayed", time="2026-03-02T09:00:00Z", action={"name": "files:Get", "outcome": "success"})
    answer = small.score(event, mode="replay", space="mine")

    assert (answer["enforceable"], version(small, "replayed", "replay:mine"), version(small, "replayed")) == (
        False,
        1,
        0,
    )


def test_a_replay_starts_from_nothing_unless_named(small: Server) -> None:
    """Two without a name know nothing of each other; two of one name do."""
    event = an_event("fresh", time="2026-03-02T09:00:00Z", action={"name": "files:Get", "outcome": "success"})
    answers = [small.score(event, mode="replay", **space) for space in ({}, {}, {"space": "kept"}, {"space": "kept"})]

    assert [features(small, each)["known_events"] for each in answers] == [0.0, 0.0, 0.0, pytest.approx(0.693, abs=0.4)]


def test_a_replay_needs_an_investigators_key(small: Server) -> None:
    """It may ask about any time."""
    event = an_event("x", time="2026-03-02T09:00:00Z")

    assert small.post("/score", {"event": event, "mode": "replay"}, small.key("score", "assure"))[0] == 403


def test_an_action_floor_takes_the_unknown_for_high(small: Server) -> None:
    """An export of who knows what is an export of something sensitive."""
    answer = small.score(an_event("exporter", category="export", resource={"sensitivity": None}))

    assert answer["because"] == ["floor export-sensitive"]


def test_a_signal_floor_leaves_the_unknown_undecided(small: Server) -> None:
    """A caller that cannot tell of exposure is not asked at every read; the floor says that it could not tell."""
    answer = small.score(an_event("quiet"))
    floors = {floor["id"]: floor["status"] for floor in answer["floors"] if "status" in floor}

    assert (answer["ruling"], floors["exposed-credential"]) == ("allow", "undecided")


def test_a_signal_floor_that_is_met_asks(small: Server) -> None:
    """Trust does not lower it."""
    answer = small.score(an_event("leaky", credential={"exposed": True}))

    assert (answer["ruling"], answer["because"]) == ("step_up", ["floor exposed-credential"])


def test_no_loop(small: Server) -> None:
    """A proof made after it was asked for lets the same request through."""
    moved, asked = challenged(small, "loop")
    status, _ = completed(small, asked, "loop")

    assert (asked["ruling"], status, small.score(moved)["ruling"]) == ("step_up", 200, "allow")


def test_no_loop_for_a_floor(small: Server) -> None:
    """Nor where the action itself needs the proof."""
    event = an_event("admin", category="manage_access")
    asked = small.score(event)
    completed(small, asked, "admin")

    assert (asked["ruling"], small.score(event)["ruling"]) == ("step_up", "allow")


def test_a_proof_counts_for_what_it_was_asked(small: Server) -> None:
    """Not for another category of action."""
    asked = small.score(an_event("scoped", category="manage_access"))
    completed(small, asked, "scoped")

    assert small.score(an_event("scoped", category="change_security_setting"))["ruling"] == "step_up"


def test_a_stolen_cookie_does_not_carry_the_proof_along(small: Server) -> None:
    """From another network the owner's proof does not satisfy the floor."""
    asked = small.score(an_event("cookie", category="manage_access"))
    completed(small, asked, "cookie")
    thief = small.score(an_event("cookie", category="manage_access", network=ELSEWHERE))

    assert (thief["ruling"], "floor manage-access" in thief["because"]) == ("step_up", True)


REFUSED: dict[str, tuple[dict[str, Any], int]] = {
    "made before the question": ({"proof": proof(-3600)}, 400),
    "made in the future": ({"proof": proof(3600)}, 400),
    "no proof": ({"proof": None}, 400),
    "another identity": ({"identity": "somebody else"}, 409),
    "another session": ({"session": "s2"}, 409),
    "no session": ({"session": None}, 409),
    "no such decision": ({"decision_id": "nothing"}, 404),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_report_that_does_not_fit_is_refused(small: Server, name: str) -> None:
    """And the request is asked as before."""
    changes, expected = REFUSED[name]
    moved, asked = challenged(small, f"refused {name}")
    status, _ = completed(small, asked, f"refused {name}", **changes)

    assert (status, small.score(moved)["ruling"]) == (expected, "step_up")


def test_a_proof_is_taken_once(small: Server) -> None:
    """The second report of the same challenge is refused."""
    _, asked = challenged(small, "once")

    assert [completed(small, asked, "once")[0] for _ in range(2)] == [200, 409]


def test_an_allow_asks_for_no_proof(small: Server) -> None:
    """A report on it is refused."""
    assert completed(small, small.score(an_event("unasked")), "unasked")[0] == 409


def test_weak_factors_do_not_count_where_trust_is_low(small: Server) -> None:
    """The thief may hold the phone's codes: a report of weaker proof than a floor asked for is refused as such."""
    leak = an_event("codes", credential={"exposed": True})
    asked = small.score(leak)
    made_at = now().isoformat()
    status, _ = completed(small, asked, "codes", proof={"made_at": made_at, "kind": "authentication", "amr": ["otp"]})

    assert (status, small.score(leak)["because"]) == (400, ["floor exposed-credential"])


def test_expiry_asks_a_clean_session_again(small: Server) -> None:
    """After `valid_until` even a trusted request needs proof, and asking does not extend it."""
    small.score(an_event("expired"))
    with small.store.transaction() as tx:
        tx.sessions.set_valid_until(SessionKey(LIVE, "expired", "s1"), now() - timedelta(seconds=1))
    answers = [small.score(an_event("expired")) for _ in range(2)]

    assert [each["because"] for each in answers] == [["the session's trust has expired"]] * 2


def test_a_proof_renews_an_expired_session(small: Server) -> None:
    """The session goes on from it."""
    small.score(an_event("renewed"))
    with small.store.transaction() as tx:
        tx.sessions.set_valid_until(SessionKey(LIVE, "renewed", "s1"), now() - timedelta(seconds=1))
    completed(small, small.score(an_event("renewed")), "renewed")

    assert small.score(an_event("renewed"))["ruling"] == "allow"


def test_claims_of_proof_count_from_those_who_may_make_them(small: Server) -> None:
    """Without scope assure they are unknown before anything is measured, and named."""
    answer = small.score(an_event("claimant", credential={"attested_at": ago(1)}), small.key("score"))
    event = small.get(f"/decisions/{answer['decision_id']}")["body"]["event"]
    names = ["authentication.amr", "authentication.time", "authentication.aal"]
    names += ["device.managed", "device.compliant", "credential.attested_at"]

    assert (answer["ignored_claims"], event.get("authentication"), "managed" in event["device"]) == (names, {}, False)


def test_a_claim_from_one_who_may_satisfies_a_floor(small: Server) -> None:
    """A second factor a minute ago is a fresh proof; the same claim without the scope is none."""
    event = an_event("mfa", category="manage_access", authentication={"time": ago(60)})
    answers = [small.score(event, key)["ruling"] for key in (None, small.key("score"))]

    assert answers == ["allow", "step_up"]


@pytest.mark.parametrize("session, others", [("s1", "allow"), (None, "deny")])
def test_a_revocation_denies(small: Server, session: str | None, others: str) -> None:
    """A session, or without one everything of an identity; the session is to be ended."""
    who = f"revoked {session}"
    status, _ = small.post("/revocations", {"identity": who, "session": session, "reason": "stolen"})
    answer = small.score(an_event(who))
    other = small.score(an_event(who, session="s2"))["ruling"]

    assert (status, answer["ruling"], answer["session"]["action"], other) == (200, "deny", "end", others)


def test_shipped_events_teach_once(small: Server) -> None:
    """An event whose id is known is counted and not folded again."""
    shipped = [an_event("shipped", id=f"e{n}", time=ago(90 - n)) for n in (1, 2, 1)]
    answer = small.post("/events", shipped)

    assert (answer, version(small, "shipped")) == ((200, {"folded": 2, "duplicates": 1, "broken": []}), 2)


def test_an_event_scored_before_is_a_duplicate(small: Server) -> None:
    """Where the same traffic is shipped as well it teaches nothing twice."""
    event = an_event("both ways", id="e1")
    small.score(event)

    assert (small.post("/events", [event])[1]["duplicates"], version(small, "both ways")) == (1, 1)


def test_shipped_events_from_the_future_are_refused(small: Server) -> None:
    """All of them, the one that lies ahead by its place."""
    events = [an_event("ahead"), an_event("ahead", time="2090-01-01T00:00:00Z")]
    status, problem = small.post("/events", events)

    assert (status, problem["errors"][0]["field"], version(small, "ahead")) == (400, "1.time", 0)


def test_a_shipped_event_that_is_none_is_refused_by_its_place(small: Server) -> None:
    """In our own form nothing is folded unless all of it is sound."""
    status, problem = small.post("/events", [an_event("half"), {"time": ago(0)}])

    assert (status, problem["errors"][0]["field"], version(small, "half")) == (400, "1.identity", 0)


TRAIL = {
    "eventVersion": "1.08",
    "eventID": "7c6b5a49-0000-4000-8000-000000000001",
    "eventTime": "2026-03-02T09:00:00Z",
    "eventSource": "s3.amazonaws.com",
    "eventName": "GetObject",
    "awsRegion": "eu-central-1",
    "sourceIPAddress": "203.0.113.7",
    "userAgent": "aws-cli/2.15.30",
    "userIdentity": {
        "type": "IAMUser",
        "principalId": "AIDAEXAMPLE",
        "arn": "arn:aws:iam::123456789012:user/trail",
        "accountId": "123456789012",
        "accessKeyId": "AKIAEXAMPLE",
    },
}


def test_a_native_log_is_taken_as_far_as_it_can_be_read(small: Server) -> None:
    """What is no event is named by its place, the rest is folded."""
    broken: list[Any] = [{}, {"eventTime": 7}, TRAIL | {"userIdentity": 3}]
    status, answer = small.post("/events?source=cloudtrail", [TRAIL, *broken])

    assert (status, answer["folded"], [each.split(":")[0] for each in answer["broken"]]) == (
        200,
        1,
        ["record 1", "record 2", "record 3"],
    )


def test_a_source_nobody_knows_is_refused(small: Server) -> None:
    """And those there are, are named."""
    status, problem = small.post("/events?source=carrier-pigeon", [])

    assert (status, "cloudtrail" in problem["detail"]) == (400, True)


def test_a_machine_is_not_asked_for_a_persons_factor(small: Server) -> None:
    """A workload is asked to attest itself, and no browser challenge is made."""
    answer = small.score(an_event("job", category="manage_access", identity={"type": "workload"}))

    assert (answer["remedies"][0]["type"], answer["challenge"]) == ("attest_workload_identity", None)
