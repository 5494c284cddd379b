"""Where a claim was made: at the reported sign-in, else on the first request that carried it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.recorded_decisions import open_store

from features.event.schema import Event
from serving.decision.places.place import Place, place_of
from serving.store.chain.verify import verify_log
from serving.store.store import Transaction

SIGNED_IN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOME, CAFE = {"asn": 64_500, "country": "DE"}, {"asn": 64_501, "country": "BR"}


@pytest.fixture
def tx(tmp_path: Path) -> Iterator[Transaction]:
    store = open_store(tmp_path)
    with store.transaction() as transaction:
        yield transaction
    assert verify_log(store).breaks == ()


def an_event(network: dict[str, Any], seconds: float = 60, **groups: Any) -> Event:
    values = {
        "time": SIGNED_IN + timedelta(seconds=seconds),
        "identity": {"id": "ada", "type": "human"},
        "session": {"id": "s1"},
        "action": {"name": "x"},
        "network": network,
        "authentication": {"time": SIGNED_IN, "amr": ["pwd", "hwk"]},
    }
    return Event.model_validate(values | groups)


def a_sign_in(network: dict[str, Any], seconds: float = 0.4, outcome: str | None = "success", **groups: Any) -> Event:
    action = {"name": "sign in", "category": "authenticate", "outcome": outcome}
    return an_event(network, seconds, **({"action": action, "authentication": {}} | groups))


def placed(tx: Transaction, event: Event) -> Place:
    return tx.claim_places.place_claims(["live"], event)["interactive_mfa"]


def test_a_claim_stays_where_it_was_first_carried(tx: Transaction) -> None:
    """In any session, with any of its factors, and with its time cut to whole seconds or not."""
    first = an_event(HOME)
    later = [
        an_event(CAFE),
        an_event(CAFE, session={"id": "another"}),
        an_event(CAFE, authentication={"time": SIGNED_IN, "acr": "aal3"}),
        an_event(CAFE, authentication={"time": SIGNED_IN + timedelta(milliseconds=300)}),
    ]

    assert {placed(tx, event) for event in (first, *later)} == {place_of(first)}


def test_another_sign_in_is_placed_by_itself(tx: Transaction) -> None:
    """Of another time, and of another identity."""
    placed(tx, an_event(HOME))
    newer = an_event(CAFE, authentication={"time": SIGNED_IN + timedelta(minutes=5)})
    of_bob = an_event(CAFE, identity={"id": "bob", "type": "human"})

    assert placed(tx, newer) == placed(tx, of_bob) == place_of(newer)


def test_a_reported_sign_in_places_the_claim(tx: Transaction) -> None:
    """Also one that is reported after a request has carried the claim elsewhere."""
    placed(tx, an_event(CAFE))
    tx.claim_places.add_sign_in("live", a_sign_in(HOME))

    assert placed(tx, an_event(CAFE)) == place_of(an_event(HOME))
    assert tx.claim_places.sign_in_place("live", "ada", SIGNED_IN) == place_of(an_event(HOME))


@pytest.mark.parametrize(
    "event",
    [
        a_sign_in(CAFE, outcome="failure"),
        a_sign_in(CAFE, outcome=None),
        a_sign_in(CAFE, seconds=600, authentication={"time": SIGNED_IN}),
        a_sign_in(CAFE, seconds=600),
        an_event(CAFE, 0, action={"name": "x", "category": "read", "outcome": "success"}),
    ],
    ids=["failed", "unknown outcome", "single sign-on with an earlier sign-in", "another sign-in", "no sign-in"],
)
def test_what_places_no_claim(tx: Transaction, event: Event) -> None:
    """The claim stays where it was."""
    placed(tx, an_event(HOME))
    tx.claim_places.add_sign_in("live", event)

    assert placed(tx, an_event(CAFE)) == place_of(an_event(HOME))


def test_the_nearest_of_several_sign_ins_counts(tx: Transaction) -> None:
    """The times of report and claim may differ by a second or so."""
    tx.claim_places.add_sign_in("live", a_sign_in(CAFE, seconds=4))
    tx.claim_places.add_sign_in("live", a_sign_in(HOME, seconds=0.4))

    assert placed(tx, an_event(CAFE)) == place_of(an_event(HOME))


HELD: dict[str, Any] = {"credential": {"id": "c1", "proof_of_possession": True}}


def test_the_first_request_lends_a_sign_in_its_credential_if_it_came_from_there(tx: Transaction) -> None:
    """The identity provider does not see it."""
    tx.claim_places.add_sign_in("live", a_sign_in(HOME))

    assert placed(tx, an_event(HOME, **HELD)).possession == "c1"


def test_the_first_request_lends_no_credential_from_elsewhere(tx: Transaction) -> None:
    """An attacker's key may be the first that carries a stolen claim."""
    tx.claim_places.add_sign_in("live", a_sign_in(HOME))

    assert placed(tx, an_event(CAFE, **HELD)).possession is None


def a_task(network: dict[str, Any], credential: str | None) -> Event:
    issued = {"id": credential, "kind": "jit_credential", "issued_at": SIGNED_IN}
    return an_event(network, credential=issued, authentication={})


@pytest.mark.parametrize(("ids", "same"), [(("c1", "c1"), True), (("c1", "c2"), False), (("c1", None), True)])
def test_credentials_of_the_same_second_are_told_apart_by_their_ids(
    tx: Transaction, ids: tuple[str | None, str | None], same: bool
) -> None:
    """One whose id is hidden is the earliest of them."""
    first, second = a_task(HOME, ids[0]), a_task(CAFE, ids[1])
    tx.claim_places.place_claims(["live"], first)
    place = tx.claim_places.place_claims(["live"], second)["jit_credential"]

    assert place == place_of(first if same else second)


def test_a_namespace_has_claims_of_its_own(tx: Transaction) -> None:
    """A replay of the past places nothing in the present."""
    tx.claim_places.place_claims(["replay:x"], an_event(CAFE))

    assert placed(tx, an_event(HOME)) == place_of(an_event(HOME))
    assert tx.claim_places.place_claims(["live", "inline"], an_event(CAFE))["interactive_mfa"] == place_of(
        an_event(HOME)
    )
