"""Legitimate people who change their place are not asked again: telephones, several gateways, thin clients."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from support.live_server import Server, ago
from support.places import floor_status, privileged, request_from, step_up, use_gateway
from support.step_ups import report_completed, sign_in_proof

from serving.store.schema import LIVE, SessionKey

MOBILE: dict[str, Any] = {"network": {"ip": "100.64.9.9", "asn": 64_600, "country": "DE"}}
PARTS = ("network", "device", "client")


def test_a_telephone_between_wifi_and_5g_is_asked_once_on_each(small: Server) -> None:
    """From then on a proof of one counts on the other, with the same device and in any session."""
    key = small.key("score", "network")
    use_gateway(small, "commuter", key)
    on_wifi, on_5g = privileged(request_from("commuter")), privileged(request_from("commuter", **MOBILE))
    step_up(small, on_wifi, key)
    before = small.score(on_5g, key)
    step_up(small, on_5g, key)
    alternating = [floor_status(small.score(each, key)) for each in (on_wifi, on_5g) * 3]
    next_day, moved = (privileged(request_from("commuter", "s2", **where)) for where in ({}, MOBILE))
    step_up(small, next_day, key)

    assert floor_status(before) == "applied"
    assert alternating == ["satisfied"] * 6
    assert floor_status(small.score(moved, key)) == "satisfied"
    assert floor_status(small.score(moved | {"device": {"id": "d2"}}, key)) == "applied"


def test_a_failed_report_ends_what_it_proved(small: Server) -> None:
    """The network is no longer proven with the device."""
    key = small.key("score", "network")
    use_gateway(small, "repenting", key)
    on_5g = privileged(request_from("repenting", "s5", **MOBILE))
    challenge = small.score(on_5g, key)
    step_up(small, on_5g, key)
    place = next(iter(proofs_of(small, "repenting", "s5"))).place
    proven = is_proven(small, "repenting", place)
    report = {"identity": "repenting", "session": "s5", "result": "failed"}
    status, _ = small.post("/step-ups", report | {"decision_id": challenge["decision_id"]})

    assert status == 200
    assert (proven, is_proven(small, "repenting", place)) == (True, False)


def proofs_of(server: Server, identity: str, session: str) -> Any:
    with server.store.reading() as tx:
        return tx.sessions.proofs(SessionKey(LIVE, identity, session), datetime.now(UTC))


def is_proven(server: Server, identity: str, place: Any, days: float = 0.0) -> bool:
    with server.store.reading() as tx:
        at = datetime.now(UTC) + timedelta(days=days)
        return tx.proven_places.has_proven(SessionKey(LIVE, identity), place, at)


def test_a_network_stays_proven_for_thirty_days(small: Server) -> None:
    """And for nobody else."""
    key = small.key("score", "network")
    event = privileged(request_from("traveller", **MOBILE))
    step_up(small, event, key)
    place = next(iter(proofs_of(small, "traveller", "s1"))).place

    assert is_proven(small, "traveller", place, days=29.9)
    assert not is_proven(small, "traveller", place, days=30.1)
    assert not is_proven(small, "somebody else", place)


def test_a_client_that_sends_ids_only_keeps_working(small: Server) -> None:
    """There is nothing to compare, from its first request to its hundredth."""
    key = small.key("score", "network")
    event = request_from("thin", hidden=PARTS)
    first = step_up(small, privileged(event), key)
    for _ in range(30):
        small.score(event, key)
    later = step_up(small, privileged(request_from("thin", "s2", hidden=PARTS)), key)

    assert floor_status(first) == floor_status(later) == "satisfied"


def test_one_person_behind_a_rich_and_a_thin_gateway_is_asked_once(small: Server) -> None:
    """What the thin gateway never sends of anybody is not compared there; a proof of the rich one counts at both."""
    rich, thin = small.key("score", "network"), small.key("score", "network")
    use_gateway(small, "both", rich)
    for number in range(25):
        small.score(request_from(f"thin {number}", hidden=PARTS), thin)
    at_rich, at_thin = privileged(request_from("both")), privileged(request_from("both", hidden=PARTS))
    step_up(small, at_rich, rich)

    assert floor_status(small.score(at_thin, thin)) == "satisfied"
    assert floor_status(small.score(at_rich, rich)) == "satisfied"


def test_what_the_identity_provider_says_of_the_place_fills_in_what_the_gateway_does_not(small: Server) -> None:
    """So a proof that was asked for behind the thin gateway counts behind the rich one as well."""
    rich, thin = small.key("score", "network"), small.key("score", "network")
    use_gateway(small, "told", rich)
    bare = privileged(request_from("told", hidden=PARTS))
    challenge = small.score(bare, thin)
    place = {
        "network": {"asn": 64_496, "country": "DE"},
        "device": {"id": "d1", "user_agent": request_from("told")["device"]["user_agent"]},
    }
    status, answer = report_completed(small, challenge, "told", proof=sign_in_proof() | place)

    decision = small.score(privileged(request_from("told")), rich)

    assert (status, floor_status(decision)) == (200, "satisfied"), (answer, decision["refused_proofs"])


def test_a_credential_that_is_held_takes_its_proof_along(small: Server) -> None:
    """Signed in at home, with a key bound to the device: no question abroad, also for a claim."""
    key = small.key("score", "assure")
    use_gateway(small, "bound", key)
    held: dict[str, Any] = {"credential": {"id": "dpop", "proof_of_possession": True}}
    claim: dict[str, Any] = {"authentication": {"amr": ["pwd", "hwk"], "time": ago(20), "aal": 3}}
    at_home = small.score(privileged(request_from("bound", **held, **claim)), key)
    abroad = small.score(privileged(request_from("bound", foreign=("network",), **held, **claim)), key)

    assert floor_status(at_home) == floor_status(abroad) == "satisfied"
