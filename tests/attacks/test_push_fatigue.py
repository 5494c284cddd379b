"""Attacker: somebody who has a person's password or cookie, and asks until the person approves a prompt to end them.

Every request that needs a second factor makes a prompt. Unanswered ones count together, whatever session they name,
and put off the next prompt where the person has proven nothing. Nothing that the person proves is put off or lost.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.live_server import Server, an_event
from support.step_ups import OTHER_NETWORK, report_completed

from serving.policy.schema import Policy

STORM = Policy.load().storm
SENSITIVE = {"name": "iam:CreateAccessKey", "category": "rotate_secret"}
ATTACKERS_DEVICE = {"id": "d-attacker", "user_agent": "python-requests/2.31"}


def attempt(identity: str, session: str | None = "stolen", **groups: Any) -> dict[str, Any]:
    """A request that needs proof, from the attacker's network and device."""
    place: dict[str, Any] = {"network": OTHER_NETWORK, "device": ATTACKERS_DEVICE}
    return an_event(identity, session=session, action=SENSITIVE, **place | groups)


def at_home(identity: str, session: str = "s1") -> dict[str, Any]:
    """The person's own request for the same, from the usual network and device."""
    return an_event(identity, session=session, action=SENSITIVE)


TRICKS: dict[str, Callable[[str, int], dict[str, Any]]] = {
    "one session": lambda identity, number: attempt(identity),
    "new session ids": lambda identity, number: attempt(identity, session=f"stolen {number}"),
    "no session": lambda identity, number: attempt(identity, session=None),
    "new devices": lambda identity, number: attempt(identity, f"s{number}", device={"id": f"d{number}"}),
    "hidden place": lambda identity, number: attempt(identity, f"s{number}", device={"id": None}, network={"ip": None}),
    "other types of resource": lambda identity, number: attempt(identity, resource={"type": f"type {number}"}),
    "the person's own device id": lambda identity, number: attempt(
        identity, f"s{number}", network=OTHER_NETWORK, device={"id": "laptop"}
    ),
}


@pytest.fixture(scope="module")
def gateway(small: Server) -> str:
    """A key that may not assert proofs: the person's sign-in is not known from requests."""
    return small.key("score", "network")


@pytest.mark.parametrize("trick", TRICKS)
def test_unanswered_prompts_put_off_the_next(small: Server, gateway: str, trick: str) -> None:
    """The ruling stays a step-up; the answer says how long no prompt may be shown, and operators are told."""
    identity = f"tired by {trick}"
    answers = [small.score(TRICKS[trick](identity, number), gateway) for number in range(STORM.unanswered + 5)]
    free, put_off = answers[: STORM.unanswered], answers[STORM.unanswered :]
    findings = [[each["kind"] for each in answer["findings"]].count("push_fatigue") for answer in answers]

    assert {answer["ruling"] for answer in answers} == {"step_up"}
    assert [answer["retry_after_seconds"] for answer in free] == [None] * len(free)
    assert all(0 < answer["retry_after_seconds"] <= STORM.window_seconds + 60 for answer in put_off)
    assert findings == [0] * len(free) + [1] * len(put_off)


def test_what_the_person_has_proven_is_not_put_off(small: Server, gateway: str) -> None:
    """Neither the session that a proof was given in, nor another one on the same device and network."""
    identity = "tired at home"
    challenge = small.score(at_home(identity), gateway)
    assert report_completed(small, challenge, identity)[0] == 200
    flood = [small.score(attempt(identity, f"stolen {number}"), gateway) for number in range(STORM.unanswered + 2)]
    deletion = an_event(identity, action={"name": "iam:DeleteUser", "category": "manage_access"})
    same, other = (small.score(deletion | {"session": {"id": session}}, gateway) for session in ("s1", "s2"))

    assert flood[-1]["retry_after_seconds"] is not None
    assert [(each["ruling"], each["retry_after_seconds"]) for each in (same, other)] == [("step_up", None)] * 2


def test_a_stolen_session_on_another_network_has_proven_nothing(small: Server, gateway: str) -> None:
    """The cookie names the session in which the person gave a proof; the place is another."""
    identity = "tired by a cookie"
    assert report_completed(small, small.score(at_home(identity), gateway), identity)[0] == 200
    flood = [small.score(attempt(identity, "s1"), gateway) for _ in range(STORM.unanswered + 1)]

    assert flood[-1]["ruling"] == "step_up"
    assert flood[-1]["retry_after_seconds"] is not None


@pytest.mark.parametrize("before", [0, STORM.unanswered + 1, 120])
def test_a_completed_proof_counts_whatever_came_before(small: Server, gateway: str, before: int) -> None:
    """Also that of a challenge which was put off, and the request is then allowed."""
    identity = f"person after {before} prompts"
    for number in range(before):
        small.score(attempt(identity, f"stolen {number % 7}"), gateway)
    challenge = small.score(at_home(identity), gateway)
    status, _ = report_completed(small, challenge, identity)
    allowed = small.score(at_home(identity), gateway)

    assert challenge["ruling"] == "step_up"
    assert (challenge["retry_after_seconds"] is not None) == (before > STORM.unanswered)
    assert (status, allowed["ruling"], allowed["retry_after_seconds"]) == (200, "allow", None)


def test_a_proof_counts_after_many_challenges_of_its_own_session(small: Server, gateway: str) -> None:
    """The page of a person may ask more than a hundred times before the prompt is answered."""
    identity = "impatient page"
    challenges = [small.score(at_home(identity), gateway) for _ in range(130)]
    status, _ = report_completed(small, challenges[0], identity)

    assert status == 200
    assert small.score(at_home(identity), gateway)["ruling"] == "allow"


def test_answered_prompts_do_not_count(small: Server, gateway: str) -> None:
    """A person who answers each prompt, at ever new places, is never put off."""
    identity = "traveller"
    answers = []
    for number in range(STORM.unanswered + 3):
        event = attempt(identity, f"trip {number}", device={"id": f"d{number}"})
        answers.append(small.score(event, gateway))
        assert report_completed(small, answers[-1], identity, session=f"trip {number}")[0] == 200

    assert {answer["retry_after_seconds"] for answer in answers} == {None}


def test_a_sign_in_with_two_factors_is_a_proof_of_its_session(small: Server) -> None:
    """Where a trusted caller says how the person signed in, that person's session is not put off either."""
    identity = "signed in"
    for number in range(STORM.unanswered + 1):
        small.score(attempt(identity, f"stolen {number}", authentication={"aal": 1, "amr": ["pwd"]}))
    own = an_event(identity, action=SENSITIVE, resource={"sensitivity": "restricted"}, authentication={"aal": 2})
    weak = small.score(attempt(identity, "new", authentication={"aal": 1, "amr": ["pwd"]}))
    strong = small.score(own)

    assert weak["retry_after_seconds"] is not None
    assert (strong["ruling"], strong["retry_after_seconds"]) == ("step_up", None)


def test_another_identity_is_not_put_off(small: Server, gateway: str) -> None:
    """Counts are of one identity."""
    for number in range(STORM.unanswered + 1):
        small.score(attempt("tired", f"stolen {number}"), gateway)

    assert small.score(attempt("rested"), gateway)["retry_after_seconds"] is None


def test_a_machine_is_not_tired_out(small: Server, gateway: str) -> None:
    """Its own storm rule holds: it attests itself, and a person is asked only after that, and seldom."""
    answers = [
        small.score(attempt("worker") | {"identity": {"id": "worker", "type": "workload"}}, gateway)
        for _ in range(STORM.unanswered + 3)
    ]

    assert {answer["retry_after_seconds"] for answer in answers} == {None}
