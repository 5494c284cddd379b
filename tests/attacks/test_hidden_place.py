"""The attacker's aim: a proof of the legitimate person counts for a stolen session or token elsewhere.

The attacker controls what the client sends, and through an incomplete gateway makes fields disappear. Defends by
comparing what the gateway habitually sends: saying nothing is a difference.
"""

from __future__ import annotations

from itertools import chain, combinations
from typing import Any

import pytest
from support.live_server import Server, ago
from support.places import (
    FOREIGN,
    STRICTNESS,
    floor_status,
    privileged,
    request_from,
    step_up,
    use_gateway,
)
from support.step_ups import report_completed, sign_in_proof

PARTS = tuple(FOREIGN)
SUBSETS = tuple(chain.from_iterable(combinations(PARTS, size) for size in (1, 2, 3)))


@pytest.fixture(scope="module")
def gateway(small: Server) -> str:
    """A key that passes on everything of all its identities."""
    key = small.key("score", "network")
    use_gateway(small, "colleague", key)
    return key


def proven(server: Server, identity: str, key: str) -> None:
    """A person at home whose step-up counts there."""
    server.score(request_from(identity), key)
    decision = step_up(server, privileged(request_from(identity)), key)
    assert (decision["ruling"], floor_status(decision)) == ("allow", "satisfied"), decision


def strictness(decision: dict[str, Any]) -> int:
    return min(STRICTNESS[decision["ruling"]], 1)


@pytest.mark.parametrize("shown", ["their own", "spoofed"])
@pytest.mark.parametrize("hidden", SUBSETS, ids="+".join)
def test_hiding_parts_of_the_place_does_not_make_a_proof_count(
    small: Server, gateway: str, hidden: tuple[str, ...], shown: str
) -> None:
    """Each of network, device and client, and all of them; what is not hidden is the attacker's own, or copied."""
    identity = f"{shown} without {'+'.join(hidden)}"
    proven(small, identity, gateway)
    foreign = tuple(part for part in PARTS if part not in hidden) if shown == "their own" else ()
    trick = small.score(privileged(request_from(identity, foreign=foreign, hidden=hidden)), gateway)
    plain = small.score(privileged(request_from(identity, foreign=(*foreign, *hidden))), gateway)

    assert floor_status(plain) == "applied"
    assert floor_status(trick) == "applied"
    assert strictness(trick) >= strictness(plain)
    if shown == "spoofed":
        assert f"the request does not say its {hidden[0]}, which it habitually does" in trick["refused_proofs"][0]


def test_no_number_of_hidden_requests_makes_the_proof_count(small: Server, gateway: str) -> None:
    """A flood makes nothing usual, neither through this gateway nor through one that is new to the person."""
    proven(small, "flooded", gateway)
    new_gateway = small.key("score", "network")
    event = request_from("flooded", hidden=PARTS)
    for key in (gateway, new_gateway):
        for _ in range(40):
            small.score(event, key)

    assert floor_status(small.score(privileged(event), gateway)) == "applied"
    assert floor_status(small.score(privileged(event), new_gateway)) == "applied"


def test_a_new_session_id_does_not_carry_the_proof(small: Server, gateway: str) -> None:
    """Shown or hidden."""
    proven(small, "new session", gateway)
    shown = small.score(privileged(request_from("new session", "s2", foreign=PARTS)), gateway)
    hiding = small.score(privileged(request_from("new session", "s3", hidden=PARTS)), gateway)

    assert floor_status(shown) == floor_status(hiding) == "applied"
    assert strictness(hiding) >= strictness(shown)


@pytest.mark.parametrize("fact", ["hosting", "anonymizer"])
def test_another_address_of_a_hosting_network_does_not_carry_the_proof(small: Server, gateway: str, fact: str) -> None:
    """The same operator is not enough there: the device is needed, and its id cannot be hidden."""
    identity, hosted = f"renter {fact}", dict[str, Any](network={fact: True})
    small.score(request_from(identity, **hosted), gateway)
    assert floor_status(step_up(small, privileged(request_from(identity, **hosted)), gateway)) == "satisfied"
    neighbour: dict[str, Any] = {"network": {fact: True, "ip": "203.0.114.99"}}
    hiding = small.score(privileged(request_from(identity, hidden=("device",), **neighbour)), gateway)
    other = small.score(privileged(request_from(identity, foreign=("device",), **neighbour)), gateway)

    assert floor_status(hiding) == floor_status(other) == "applied"


def test_a_proof_that_was_made_where_nothing_was_known_covers_no_other_place(small: Server, gateway: str) -> None:
    """It is no proof of a place; the challenge itself can be met all the same."""
    bare = privileged(request_from("outage", hidden=PARTS))
    repeated = step_up(small, bare, gateway)
    tor = small.score(privileged(request_from("outage", foreign=PARTS, network={"anonymizer": True})), gateway)
    other = bare | {"resource": {"id": "another", "type": "document"}}

    assert floor_status(repeated) == "satisfied"
    assert floor_status(tor) == "applied"
    assert floor_status(small.score(other, gateway)) == "applied"


# Claims


def claiming(event: dict[str, Any], at: str) -> dict[str, Any]:
    """The same with the claim of a strong sign-in."""
    return privileged(event) | {"authentication": {"amr": ["pwd", "hwk"], "time": at, "aal": 3}}


@pytest.mark.parametrize("session", ["s1", "s2"])
@pytest.mark.parametrize(
    ("foreign", "hidden"),
    [(PARTS, ()), ((), PARTS), ((), ("network",)), ((), ("device",)), (("network",), ("device",))],
)
def test_a_claim_does_not_travel(
    small: Server, session: str, foreign: tuple[str, ...], hidden: tuple[str, ...]
) -> None:
    """It stays where a request first carried it, also in a new session."""
    identity, at = f"claimant {session} {foreign} {hidden}", ago(30)
    key = small.key("score", "assure")
    use_gateway(small, "colleague", key)
    before = small.score(claiming(request_from(identity), at), key)
    after = small.score(claiming(request_from(identity, session, foreign=foreign, hidden=hidden), at), key)

    assert floor_status(before) == "satisfied"
    assert floor_status(after) == "applied"
    assert "The sign-in of" in after["refused_proofs"][0]
    assert after["remedies"][0]["max_age_seconds"] == 0


def test_a_claim_is_placed_by_the_sign_in_even_if_the_attacker_carries_it_first(small: Server) -> None:
    """An identity provider's own report of it says where it was made."""
    at = ago(30)
    key = small.key("score", "assure", "events")
    sign_in = request_from("phished", time=at, action={"name": "sign in", "category": "authenticate"})
    sign_in["action"]["outcome"] = "success"
    sign_in["authentication"] = {"amr": ["pwd", "hwk"]}
    status, _ = small.post("/events", [sign_in], key)
    attacker = small.score(claiming(request_from("phished", "stolen", foreign=PARTS), at), key)
    person = small.score(claiming(request_from("phished"), at), key)

    assert status == 200
    assert (floor_status(attacker), floor_status(person)) == ("applied", "satisfied")


def test_an_earlier_sign_in_that_is_reported_stays_where_it_was_made(small: Server) -> None:
    """Reported for a challenge elsewhere it proves nothing of that place."""
    at = ago(30)
    key = small.key("score", "assure")
    small.score(claiming(request_from("reported"), at), key)
    challenge = small.score(privileged(request_from("reported", "stolen", foreign=PARTS)), key)
    proof = sign_in_proof() | {"made_at": at}
    status, answer = report_completed(small, challenge, "reported", session="stolen", proof=proof)

    assert status == 400
    assert "network AS64496 in DE" in answer["detail"]


def test_proof_of_possession_cannot_be_claimed_by_anybody(small: Server, gateway: str) -> None:
    """Without scope `assure` it is ignored, and named."""
    held: dict[str, Any] = {"credential": {"id": "c1", "proof_of_possession": True}}
    small.score(request_from("holder", **held), gateway)
    step_up(small, privileged(request_from("holder", **held)), gateway)
    attacker = small.score(privileged(request_from("holder", foreign=PARTS, **held)), gateway)

    assert floor_status(attacker) == "applied"
    assert "credential.proof_of_possession" in attacker["ignored_claims"]


def test_a_proof_of_another_credential_does_not_count_anywhere(small: Server) -> None:
    """The attacker holds a credential too: the proof was not made with it."""
    key = small.key("score", "assure")
    owner, attackers = (dict[str, Any](credential={"id": id, "proof_of_possession": True}) for id in ("c1", "c2"))
    stepped_up = step_up(small, privileged(request_from("bound", **owner)), key)
    abroad = small.score(privileged(request_from("bound", foreign=PARTS, **owner)), key)
    stolen = small.score(privileged(request_from("bound", foreign=PARTS, **attackers)), key)

    assert floor_status(stepped_up) == floor_status(abroad) == "satisfied"
    assert floor_status(stolen) == "applied"


@pytest.mark.parametrize(
    ("named", "field"),
    [
        ({"network": FOREIGN["network"]["network"]}, "proof.network"),
        ({"device": {"id": "d-foreign"}}, "proof.device"),
        ({"device": {"user_agent": "python-requests/2.31"}}, "proof.device"),
    ],
)
def test_an_authenticator_at_another_place_does_not_answer_the_challenge(
    small: Server, gateway: str, named: dict[str, Any], field: str
) -> None:
    """A person who is made to sign in for somebody else's request: the report says where."""
    identity = f"relayed {named}"
    challenge = small.score(privileged(request_from(identity)), gateway)
    status, answer = report_completed(small, challenge, identity, proof=sign_in_proof() | named)
    same = {"network": {"asn": 64_496, "country": "DE"}, "device": {"id": "d1"}}
    status_at_home, _ = report_completed(small, challenge, identity, proof=sign_in_proof() | same)

    assert (status, status_at_home) == (400, 200)
    assert f"{field}: does not count" in answer["detail"]
