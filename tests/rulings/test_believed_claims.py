"""What an event says of itself counts only from callers that may say so."""

from __future__ import annotations

from typing import Any

import pytest
from support.decisions import an_event

from serving.decision.untrusted_claims import NETWORK_FACTS, believed

FACTS: dict[str, Any] = {
    "asn": 64500,
    "country": "DE",
    "latitude": 52.5,
    "accuracy_km": 20.0,
    "longitude": 13.4,
    "hosting": False,
    "anonymizer": False,
    "reputation": 0.0,
}
PROOF = {"amr": ("hwk",), "acr": "urn:session-trust:aal3", "aal": 3}


def facts_left(scopes: set[str], **facts: Any) -> dict[str, Any]:
    event, _ = believed(an_event(network={"ip": "192.0.2.1"} | FACTS | facts), scopes)
    return {name: value for name in NETWORK_FACTS if (value := getattr(event.network, name)) is not None}


@pytest.mark.parametrize(
    ("scopes", "left"), [({"score"}, {}), ({"score", "network"}, FACTS), ({"score", "assure"}, FACTS)]
)
def test_facts_about_a_network_count_from_those_who_may_state_them(scopes: set[str], left: dict[str, Any]) -> None:
    """Of anybody else they are looked up from the address."""
    assert facts_left(scopes) == left


@pytest.mark.parametrize("fact", [{"hosting": True}, {"anonymizer": True}, {"reputation": 0.7}])
def test_what_makes_a_request_riskier_is_believed_of_anybody(fact: dict[str, Any]) -> None:
    """Nobody gains by it."""
    assert facts_left({"score"}, **fact) == fact


def test_the_answer_names_what_was_ignored() -> None:
    """Proofs, the device's state, and facts that would make the request look safer."""
    event = an_event(network=FACTS, authentication=PROOF, device={"compliant": True})
    _, ignored = believed(event, {"score"})

    assert set(ignored) == {
        "authentication.acr",
        "authentication.amr",
        "authentication.aal",
        "device.compliant",
        *(f"network.{name}" for name in NETWORK_FACTS),
    }


def test_a_key_that_states_networks_asserts_nothing_else() -> None:
    """Its claims of proof are ignored."""
    event, ignored = believed(an_event(network=FACTS, authentication=PROOF), {"score", "network"})

    assert event.network.country == "DE"
    assert set(ignored) == {"authentication.acr", "authentication.amr", "authentication.aal"}


@pytest.mark.parametrize("kind", ["jit_credential", "access_key"])
def test_a_credential_that_is_itself_a_proof_is_a_claim(kind: str) -> None:
    """Other kinds are no proof, so anybody may name them."""
    event, ignored = believed(an_event("workload", credential={"kind": kind}), {"score"})

    assert (event.credential.kind, ignored) == (
        (None, ("credential.kind",)) if kind == "jit_credential" else (kind, ())
    )
