"""A challenge can be met, and a proof that does not count is told why; over HTTP, as identity providers report it."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.engines import CALLER, engine_without_model, score_request
from support.live_server import Server, ago, an_event, now
from support.recorded_decisions import open_store
from support.step_ups import OTHER_NETWORK, report_completed, sign_in_proof

from serving.contracts.requests import StepUpRequest
from serving.engine import step_ups
from serving.errors import InvalidField, RequestConflict

# Cases from public reports: replays of one person's session, each step a POST

KIM: dict[str, Any] = {
    "identity": {"id": "kim", "type": "human"},
    "session": {"id": "s1", "started_at": "2026-03-03T09:00:00Z"},
    "action": {"name": "iam:AttachRolePolicy", "category": "manage_access", "outcome": "success"},
    "resource": {"id": "r1", "type": "role", "sensitivity": "internal", "environment": "production"},
    "network": {
        "ip": "203.0.113.10",
        "asn": 64500,
        "country": "US",
        "latitude": 29.76,
        "longitude": -95.37,
        "hosting": False,
        "anonymizer": False,
    },
    "device": {
        "id": "phone-1",
        "user_agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Version/17.5 Mobile/15E148 Safari/604.1",
        "managed": True,
        "compliant": True,
    },
    "credential": {"id": "c1", "kind": "session_cookie", "issued_at": "2026-03-03T09:00:00Z"},
}
ELSEWHERE = {"network": KIM["network"] | {"ip": "198.51.100.20", "asn": 64777}}
READ = {
    "action": {"name": "crm:GetContact", "category": "read", "outcome": "success"},
    "resource": KIM["resource"] | {"type": "contact"},
}


def scored(server: Server, space: str, at: str, **groups: Any) -> dict[str, Any]:
    """The decision on Kim's request at a time of that morning."""
    return server.score({"time": f"2026-03-03T{at}Z", **KIM, **groups}, mode="replay", space=space)


def reported(server: Server, challenge: dict[str, Any], at: str, **proof: Any) -> tuple[int, Any]:
    """The answer to the report that Kim met a challenge, with a proof of a time of that morning."""
    return report_completed(server, challenge, "kim", proof={"made_at": f"2026-03-03T{at}Z"} | proof)


@pytest.mark.parametrize("factor", ["otp", "sms", "face", "fpt", "hwk", "swk", "pin", "tel"])
def test_one_factor_does_not_meet_a_challenge(small: Server, factor: str) -> None:
    """Case 28: it is AAL1, and the refusal says what is missing; with another kind of factor it is accepted."""
    space, other = f"case-28-{factor}", "pwd" if factor != "pin" else "otp"
    challenge = scored(small, space, "09:00:00")
    status, problem = reported(small, challenge, "09:00:05", amr=[factor])
    again = scored(small, space, "09:00:10")

    assert challenge["ruling"] == again["ruling"] == "step_up"
    assert (status, problem["errors"][0]["field"]) == (400, "proof")
    assert "it proves AAL1, and AAL2 is needed: two kinds of factor, or mfa" in problem["errors"][0]["detail"]
    assert reported(small, again, "09:00:15", amr=[factor, other])[0] == 200
    assert scored(small, space, "09:00:20")["ruling"] == "allow"


def test_an_unknown_amr_value_does_not_overrule_a_mapped_acr(small: Server) -> None:
    """Case 30: it says nothing either way, so the acr decides; and it is counted by its name."""
    restricted = {"resource": KIM["resource"] | {"sensitivity": "restricted"}}
    challenge = scored(small, "case-30", "09:00:00", **restricted)
    status, _ = reported(small, challenge, "09:00:05", amr=["fido", "mfa"], acr="urn:session-trust:aal3")

    assert challenge["ruling"] == "step_up"
    assert status == 200
    assert scored(small, "case-30", "09:00:10", **restricted)["ruling"] == "allow"
    assert 'session_trust_unmapped_claims_total{claim="amr",value="fido"}' in small.request("GET", "/metrics").text


@pytest.mark.parametrize(
    ("case", "network"),
    [
        ("case-31", {"ip": "198.51.100.20", "latitude": 29.42, "longitude": -98.49}),
        ("case-32", {"ip": "2001:db8:10::5", "latitude": 38.0, "longitude": -97.0}),
    ],
)
def test_two_guesses_of_one_operator_in_one_country_are_no_travel(
    small: Server, case: str, network: dict[str, Any]
) -> None:
    """Cases 31 and 32: 306 km between a carrier's gateways, and the middle of a country for an IPv6 twin."""
    signed_in = {"amr": ["pwd", "otp"], "time": "2026-03-03T08:59:00Z"}
    decisions = [
        scored(small, case, "09:01:00", **READ, authentication=signed_in),
        scored(small, case, "09:07:00", **READ, network=KIM["network"] | network, authentication=signed_in),
    ]

    assert [decision["ruling"] for decision in decisions] == ["allow", "allow"]
    assert "impossible-travel" not in {floor["id"] for floor in decisions[1]["floors"]}


def test_a_claim_stays_where_it_was_made(small: Server) -> None:
    """Case 34: on the new network it does not count, with a reason; a sign-in that is made there does, without more."""
    signed_in = {"amr": ["pwd", "otp"], "time": "2026-03-03T08:59:00Z"}
    anew = {"amr": ["pwd", "hwk"], "aal": 3, "time": "2026-03-03T09:10:25Z"}
    once_more = anew | {"time": "2026-03-03T09:11:25Z"}
    first = [
        scored(small, "case-34", "09:01:00", **READ, authentication=signed_in),
        scored(small, "case-34", "09:01:30", **READ, **ELSEWHERE, authentication=signed_in),
        scored(small, "case-34", "09:01:40", **ELSEWHERE, authentication=signed_in),
    ]
    later = scored(small, "case-34", "09:10:30", **ELSEWHERE, authentication=anew)
    last = scored(small, "case-34", "09:11:30", **ELSEWHERE, authentication=once_more)

    assert first[-1]["ruling"] == "step_up"
    assert "it was made on network AS64500 in US, and this request comes from network AS64777 in US" in " ".join(
        first[-1]["refused_proofs"]
    )
    assert first[-1]["remedies"][0]["max_age_seconds"] == 0
    assert (later["ruling"], last["ruling"]) == ("allow", "allow")


@pytest.mark.parametrize(
    ("made_at", "status"),
    [("09:00:00", 200), ("08:59:55", 200), ("08:59:54", 400), ("08:59:55.600000", 400), ("08:59:55.800000", 200)],
)
def test_whole_seconds_and_another_clock_count_both_ways(small: Server, made_at: str, status: int) -> None:
    """Case 35: `auth_time` has whole seconds, and the identity provider's clock may be five seconds behind."""
    doubted = doubted_challenge(small, f"case-35-{made_at}")

    assert doubted["remedies"][0]["max_age_seconds"] == 0
    assert reported(small, doubted, made_at, amr=["pwd", "hwk"])[0] == status


def doubted_challenge(server: Server, space: str) -> dict[str, Any]:
    """A challenge that the model asks for at 09:00:00.7: the session has moved to another network."""
    scored(server, space, "08:58:00", **READ)
    decision = scored(server, space, "09:00:00.700000", **READ, network=KIM["network"] | OTHER_NETWORK)
    assert "the model" in decision["because"]
    return decision


def test_a_sign_in_within_max_age_satisfies_a_floor(small: Server) -> None:
    """Case 36: a floor accepts a proof by its age, also one that was made before the request."""
    challenge = scored(small, "case-36", "09:00:00")
    max_age = challenge["remedies"][0]["max_age_seconds"]
    status, _ = reported(small, challenge, "08:59:00", amr=["pwd", "otp"])

    assert "the model" not in challenge["because"]
    assert max_age == 300
    assert status == 200
    assert scored(small, "case-36", "09:00:10")["ruling"] == "allow"


def test_what_the_model_asks_needs_a_newer_proof(small: Server) -> None:
    """The challenge says max_age=0, and a sign-in of a minute ago is refused with that reason."""
    challenge = doubted_challenge(small, "model")
    status, problem = reported(small, challenge, "08:59:00", amr=["pwd", "hwk"])

    assert 'max_age="0"' in challenge["challenge"]
    assert status == 400
    assert "it is older than the request of 09:00:00 UTC" in problem["errors"][0]["detail"]


def test_the_sign_in_that_a_request_carried_does_not_answer_it(small: Server) -> None:
    """Even where its time lies within the tolerance: it is not a new one."""
    scored(small, "carried", "08:58:00", **READ)
    claim = {"amr": ["pwd", "hwk"], "time": "2026-03-03T08:59:58Z"}
    moved = {"network": KIM["network"] | OTHER_NETWORK, "authentication": claim}
    challenge = scored(small, "carried", "09:00:00.700000", **READ, **moved)
    status, problem = reported(small, challenge, "08:59:58", amr=["pwd", "hwk"])

    assert status == 400
    assert "a new one is needed" in problem["errors"][0]["detail"]


def test_an_earlier_sign_in_does_not_count_after_the_session_moved(small: Server) -> None:
    """It may be that of the person whose cookie was stolen: the challenge says max_age=0, whatever the model says."""
    scored(small, "moved", "08:58:00", **READ)
    challenge = scored(small, "moved", "09:00:00", **ELSEWHERE)
    earlier = reported(small, challenge, "08:59:00", amr=["pwd", "hwk"])[0]
    later = reported(small, challenge, "09:00:10", amr=["pwd", "hwk"])[0]

    assert challenge["remedies"][0]["max_age_seconds"] == 0
    assert (earlier, later) == (400, 200)


# The body of a report

ASKING: dict[str, dict[str, Any]] = {
    "a floor for a person": an_event("body person", category="manage_access"),
    "restricted data": an_event("body restricted", category="export", resource={"sensitivity": "restricted"}),
    "a workload": an_event("body workload", category="rotate_secret", identity={"type": "workload"}),
    "an agent": an_event(
        "body agent", category="export", identity={"type": "agent"}, resource={"sensitivity": "confidential"}
    ),
}


@pytest.mark.parametrize("given", ASKING)
def test_every_remedy_carries_a_report_that_is_accepted(small: Server, given: str) -> None:
    """Posted as it is, each in a session of its own, it turns the same request into an allow."""
    event = ASKING[given] | {"time": ago(0)}
    remedies = small.score(event)["remedies"]
    for number, remedy in enumerate(remedies):
        same = event | {"time": ago(0), "session": {"id": f"{given} {number}"}}
        body = small.score(same)["remedies"][number]["body"]
        status, _ = small.post("/step-ups", body)

        assert status == 200, body
        assert body["proof"]["kind"] == remedy["type"]
        assert small.score(same | {"time": ago(0)})["ruling"] == "allow"


@pytest.mark.parametrize("name", ["authentication", "interactive_mfa"])
def test_the_former_names_of_proofs_are_still_read(small: Server, name: str) -> None:
    """What `proof.kind` was called in 0.2."""
    challenge = small.score(an_event(f"named {name}", category="manage_access"))

    assert report_completed(small, challenge, f"named {name}", proof=sign_in_proof() | {"kind": name})[0] == 200


def test_a_request_without_a_session_cannot_be_stepped_up(small: Server) -> None:
    """Nothing could be elevated: the remedies say so, and the report is refused."""
    challenge = small.score(an_event("nowhere", session=None, category="manage_access"))
    status, problem = report_completed(small, challenge, "nowhere", session=None)

    assert challenge["remedies"][0]["body"] is None
    assert "session.id" in challenge["remedies"][0]["sentence"]
    assert (status, problem["errors"][0]["field"]) == (400, "session")


# What a proof counts for


def test_a_proof_counts_in_one_session_only(small: Server) -> None:
    """By its id, whatever else the second report says of it."""
    challenges = [small.score(an_event("one", session=s, category="manage_access")) for s in ("s1", "s2")]
    proofs = [sign_in_proof() | {"id": "token-1"}, sign_in_proof(0.5) | {"id": "token-1", "amr": ["mfa", "hwk"]}]
    statuses = [
        report_completed(small, challenge, "one", session=session, proof=proof)[0]
        for challenge, session, proof in zip(challenges, ("s1", "s2"), proofs, strict=True)
    ]

    assert statuses == [200, 409]
    assert small.score(an_event("one", session="s2", category="manage_access"))["ruling"] == "step_up"


@pytest.mark.parametrize("first", ["with its id", "without"])
def test_leaving_out_the_id_of_a_proof_does_not_make_it_another(small: Server, first: str) -> None:
    """Made at the same moment with the same factors, it is the proof of the other session."""
    identity, proof = f"one {first}", sign_in_proof()
    challenges = [small.score(an_event(identity, session=s, category="manage_access")) for s in ("s1", "s2")]
    named = [first == "with its id", first != "with its id"]
    statuses = [
        report_completed(
            small, challenge, identity, session=session, proof=proof | ({"id": f"jti {first}"} if has_id else {})
        )[0]
        for challenge, session, has_id in zip(challenges, ("s1", "s2"), named, strict=True)
    ]

    assert statuses == [200, 409]


def test_the_same_report_twice_is_answered_alike(small: Server) -> None:
    """A retry is no second proof."""
    challenge, proof = small.score(an_event("retry", category="manage_access")), sign_in_proof()
    answers = [report_completed(small, challenge, "retry", proof=proof) for _ in range(2)]

    assert answers[0] == answers[1]
    assert answers[0][0] == 200


def test_a_proof_completes_every_open_challenge_of_its_session(small: Server) -> None:
    """Each for its own scope; one that was asked on another network stays open."""
    asked = {"category": "manage_access"}, {"category": "approve_payment"}, {"category": "rotate_secret"}
    events = [an_event("several", **each) for each in asked[:2]]
    events.append(an_event("several", **asked[2], network=OTHER_NETWORK))
    challenges = [small.score(event) for event in events]
    report_completed(small, challenges[0], "several")
    again = [small.score(event | {"time": ago(0)})["ruling"] for event in events]

    assert [challenge["ruling"] for challenge in challenges] == ["step_up"] * 3
    assert again == ["allow", "allow", "step_up"]


def test_an_elevation_without_a_resource_type_covers_only_such_requests(small: Server) -> None:
    """A type that the challenged request left out is not every type."""
    untyped = an_event("untyped", category="manage_access", resource={"type": None})
    typed = an_event("untyped", category="manage_access")
    report_completed(small, small.score(untyped), "untyped")

    assert small.score(untyped | {"time": ago(0)})["ruling"] == "allow"
    assert small.score(typed | {"time": ago(0)})["ruling"] == "step_up"


def test_an_elevation_ends_with_the_floor_that_asked(small: Server) -> None:
    """What is answered as `elevated_until` holds: the floor does not ask again before."""
    challenge, proof = small.score(an_event("until", category="approve_payment")), sign_in_proof()
    _, answer = report_completed(small, challenge, "until", proof=proof)
    made_at, until = (datetime.fromisoformat(time) for time in (proof["made_at"], answer["elevated_until"]))

    assert until - made_at == timedelta(seconds=300)


# Ends


def test_a_failure_after_completion_ends_the_elevation(small: Server) -> None:
    """Of every challenge that the same proof completed; the challenge itself cannot be completed again."""
    events = [an_event("withdrawn", category=each) for each in ("manage_access", "approve_payment")]
    challenges = [small.score(event) for event in events]
    proof = sign_in_proof()
    report_completed(small, challenges[0], "withdrawn", proof=proof)
    before = [small.score(event | {"time": ago(0)})["ruling"] for event in events]
    status, _ = report_completed(small, challenges[0], "withdrawn", result="failed", proof=None)
    after = [small.score(event | {"time": ago(0)})["ruling"] for event in events]

    assert before == ["allow", "allow"]
    assert status == 200
    assert after == ["step_up", "step_up"]
    assert report_completed(small, challenges[0], "withdrawn", proof=proof)[0] == 409


def test_a_challenge_expires(small: Server) -> None:
    """After the time that its answer states; a replay goes by the time of its proof."""
    challenge = scored(small, "expired", "09:00:00")
    late, problem = reported(small, challenge, "09:15:01", amr=["pwd", "hwk"])
    in_time, _ = reported(small, challenge, "09:14:59", amr=["pwd", "hwk"])

    assert challenge["challenge_expires_at"] == "2026-03-03T09:15:00+00:00"
    assert (late, in_time) == (409, 200)
    assert "expired at 2026-03-03T09:15:00+00:00: send the request again" in problem["detail"]


GUESSED = "Step-ups of this identity failed 5 times lately: somebody may be guessing its factors."


def test_repeated_failures_meet_a_floor_and_are_a_finding(small: Server) -> None:
    """Whatever session they happen in; a strong proof satisfies the floor, and the model is not told."""
    for number in range(5):
        challenge = small.score(an_event("guessed", session=f"s{number}", category="manage_access"))
        report_completed(small, challenge, "guessed", session=f"s{number}", result="failed", proof=None)
    event = an_event("guessed", session="own", authentication={"amr": ["pwd"], "time": ago(400), "aal": 1})
    answer = small.score(event)
    report_completed(small, answer, "guessed", session="own")

    assert answer["because"] == ["floor repeated-step-up-failures"]
    assert {"kind": "standing_fault", "subject": "floor repeated-step-up-failures", "sentence": GUESSED} in answer[
        "findings"
    ]
    assert small.score(event | {"time": ago(0)})["ruling"] == "allow"


@pytest.mark.parametrize(("minutes", "refused"), [(14, False), (16, True)])
def test_a_live_challenge_expires_by_the_servers_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, minutes: int, refused: bool
) -> None:
    """Whatever time the proof claims: this one was made in good time."""
    with engine_without_model(open_store(tmp_path), tmp_path) as engine:
        challenge = engine.score(score_request("slow", resource={"sensitivity": "public"}), CALLER)
        later = now() + timedelta(minutes=minutes)
        report = {"decision_id": challenge["decision_id"], "identity": "slow", "session": "s1", "result": "completed"}
        request = StepUpRequest.model_validate(report | {"proof": sign_in_proof()})
        monkeypatch.setattr(step_ups, "now", lambda: later)
        expected = "expired at" if refused else "is so long ago that what the proof opens ended"
        with pytest.raises((RequestConflict, InvalidField), match=expected):
            engine.step_up(request)
