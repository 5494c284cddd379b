"""Where a proof counts: at its own place, at proven networks with the same device, with a credential that is held."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.decisions import NOW, ago, an_event, decide_on, strong_proof

from features.event.schema import Event
from serving.decision.inputs import RECORDED_PROOF, Proof, SessionState
from serving.decision.places.comparison import (
    COMPARED,
    describe_part,
    is_attested,
    merged_place,
    place_differences,
    withheld_parts,
)
from serving.decision.places.place import Habits, KnownPlaces, Place, place_of, request_name

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0"
FIREFOX_LATER = FIREFOX.replace("120.0", "131.0")
KNOWN: dict[str, dict[str, Any]] = {
    "session": {"id": "s1"},
    "network": {"ip": "203.0.113.7", "asn": 64_500, "country": "DE", "hosting": False},
    "device": {"id": "d1", "user_agent": FIREFOX},
}
ALL = Habits(network=True, device=True, client=True)
NONE = Habits(network=False, device=False, client=False)


def at(**groups: dict[str, Any]) -> Event:
    """A privileged request from the known place, with some fields changed; None removes one."""
    merged = {name: values | groups.get(name, {}) for name, values in KNOWN.items()}
    others = {name: values for name, values in groups.items() if name not in KNOWN}
    return an_event("human", "manage_access", **merged, **others)


def hidden(*parts: str) -> dict[str, dict[str, Any]]:
    """The groups of a request that does not say these parts of its place."""
    groups: dict[str, dict[str, Any]] = {}
    if "network" in parts:
        groups["network"] = dict.fromkeys(("ip", "asn", "country", "hosting"))
    if "device" in parts or "client" in parts:
        groups["device"] = {name: None for name, part in (("id", "device"), ("user_agent", "client")) if part in parts}
    return groups


def refusal(made_on: Event, event: Event, habits: Habits = ALL, **known: Any) -> str | None:
    """Why a step-up of one request does not count for another; None if it does."""
    proof = strong_proof(source="step_up", place=place_of(made_on), request=request_name(made_on))
    session = SessionState(places=KnownPlaces(habits, **known))
    decision = decide_on(event, proofs=[proof], session=session)
    assert (decision.ruling == "allow") == (decision.refused_proofs == ())
    why = "".join(decision.refused_proofs)
    return why.partition(" does not count: ")[2].removesuffix(".") or None


SAME: list[tuple[str, dict[str, dict[str, Any]]]] = [
    ("nothing changed", {}),
    ("another address of the operator", {"network": {"ip": "198.51.100.9"}}),
    ("a later version of the client", {"device": {"user_agent": FIREFOX_LATER}}),
]


@pytest.mark.parametrize("habits", [ALL, NONE, Habits()], ids=["habitual", "not habitual", "nobody knows"])
@pytest.mark.parametrize(("case", "groups"), SAME, ids=[case for case, _ in SAME])
def test_the_same_place_is_the_same_operator_device_and_client(case: str, groups: Any, habits: Habits) -> None:
    """Whatever the address and the version."""
    assert refusal(at(), at(**groups), habits) is None, case


OTHER: list[tuple[dict[str, dict[str, Any]], str]] = [
    (
        {"network": {"asn": 64_501}},
        "it was made on network AS64500 in DE, and this request comes from network AS64501 in DE",
    ),
    (
        {"network": {"country": "BR"}},
        "it was made on network AS64500 in DE, and this request comes from network AS64500 in BR",
    ),
    (
        {"network": {"asn": None, "country": None}},
        "it was made on network AS64500 in DE, and this request comes from a network of unknown operator",
    ),
    ({"device": {"id": "d2"}}, "it was made on device d1, and this request comes from device d2"),
    (
        {"device": {"user_agent": "curl/8.4.0"}},
        "it was made with Firefox on Linux, and this request is sent with curl",
    ),
    (
        {"device": {"user_agent": "?"}},
        "it was made with Firefox on Linux, and this request is sent with an unknown client",
    ),
]


@pytest.mark.parametrize("habits", [ALL, NONE, Habits()], ids=["habitual", "not habitual", "nobody knows"])
@pytest.mark.parametrize(("groups", "why"), OTHER)
def test_another_place_is_refused_with_both(groups: Any, why: str, habits: Habits) -> None:
    """What both sides say is compared, habitual or not."""
    assert refusal(at(), at(**groups), habits) == why


@pytest.mark.parametrize("part", COMPARED)
def test_a_part_that_is_not_said(part: str) -> None:
    """Is a difference where it is habitual, or where nobody knows and the proof says it; else it is not compared."""
    request = at(**hidden(part))
    unsaid = f"the request does not say its {part}"

    assert refusal(at(), request, ALL) == f"{unsaid}, which it habitually does"
    assert (refusal(at(), request, Habits()) or "").endswith(f", and {unsaid}")
    assert refusal(at(), request, NONE) is None


@pytest.mark.parametrize("part", COMPARED)
def test_a_proof_that_was_made_where_nothing_was_known(part: str) -> None:
    """Does not count where that is habitual; where nobody knows, there is nothing to compare."""
    made_on = at(**hidden(part))

    assert (refusal(made_on, at(), ALL) or "").endswith(" is not known")
    assert refusal(made_on, at(), Habits()) is None


@pytest.mark.parametrize("part", COMPARED)
def test_silence_on_both_sides(part: str) -> None:
    """Is no difference for the request that was asked to be proven, and one for every other."""
    made_on = at(**hidden(part))
    other = at(resource={"id": "another"}, **hidden(part))

    assert refusal(made_on, made_on, ALL) is None
    assert refusal(made_on, other, ALL) == f"the request does not say its {part}, which it habitually does"


HOSTED = {"network": {"hosting": True}}


@pytest.mark.parametrize("fact", ["hosting", "anonymizer"])
def test_on_hosting_and_anonymising_networks_the_device_or_the_range_counts_too(fact: str) -> None:
    """The same operator is not enough, where anybody may rent an address or come out of an exit."""
    hosted, device = {"network": {fact: True}}, {"device": {"id": None}}
    made_on = at(**hosted, **device)
    elsewhere = {"network": {fact: True, "ip": "198.51.100.9"}}
    why = "a hosting provider's or an anonymiser's"

    assert refusal(made_on, at(**hosted, **device), NONE) is None
    assert why in (refusal(made_on, at(**elsewhere, **device), NONE) or "")
    assert why in (refusal(made_on, at(**elsewhere), NONE) or "")
    assert refusal(at(**hosted), at(**elsewhere), NONE) is None


def test_a_network_is_no_less_a_hosting_providers_when_the_request_does_not_say_so() -> None:
    """The proof knows; leaving out the address, and with it what is looked up, gains nothing."""
    made_on = at(network={"hosting": True}, device={"id": None})
    silent = at(network={"hosting": None, "ip": None}, device={"id": None})

    assert "a hosting provider's or an anonymiser's" in (refusal(made_on, silent, NONE) or "")


def test_a_proof_of_a_place_that_nobody_knows_covers_no_anonymiser() -> None:
    """Also where nobody knows what is habitual."""
    made_on = at(**hidden("network", "device", "client"))

    assert "an anonymiser's" in (refusal(made_on, at(network={"anonymizer": True}), Habits()) or "")


@pytest.mark.parametrize(("seconds", "counts"), [(60, True), (86_400, True), (86_401, False)])
def test_an_attested_workload_may_have_another_address(seconds: int, counts: bool) -> None:
    """For a day."""
    device = {"device": {"id": None}}
    made_on = at(**HOSTED, **device)
    attested = {"credential": {"attested_at": ago(seconds)}}
    event = at(network={"hosting": True, "ip": "198.51.100.9"}, **device, **attested)

    assert (refusal(made_on, event, NONE) is None) is counts


def test_a_proven_network_counts_with_the_same_device_alone() -> None:
    """A telephone on wifi and on 5G; not another device there, nor a request that names none."""
    mobile = {"asn": 64_600}

    assert refusal(at(), at(network=mobile), ALL) is not None
    assert refusal(at(), at(network=mobile), ALL, proven_network=True) is None
    assert refusal(at(), at(network=mobile, device={"id": "d2"}), ALL, proven_network=True) is not None
    assert refusal(at(), at(network=mobile, device={"id": None}), NONE, proven_network=True) is not None
    assert refusal(at(), at(network=mobile, device={"user_agent": "curl/8.4.0"}), ALL, proven_network=True) is not None


@pytest.mark.parametrize(
    ("then", "now", "counts"),
    [
        ({"id": "c1", "proof_of_possession": True}, {"id": "c1", "proof_of_possession": True}, True),
        ({"id": "c1"}, {"id": "c1", "proof_of_possession": True}, False),
        ({"id": "c1", "proof_of_possession": True}, {"id": "c1"}, False),
        ({"id": "c1", "proof_of_possession": True}, {"id": "c1", "proof_of_possession": False}, False),
        ({"id": "c1", "proof_of_possession": True}, {"id": "c2", "proof_of_possession": True}, False),
        ({"proof_of_possession": True}, {"proof_of_possession": True}, False),
    ],
)
def test_a_proof_counts_anywhere_with_the_credential_it_was_made_with(then: Any, now: Any, counts: bool) -> None:
    """If possession of it was proven both times; a credential without an id is no credential."""
    elsewhere: dict[str, Any] = {
        "network": {"asn": 64_501, "anonymizer": True},
        "device": {"id": None, "user_agent": "curl/8.4.0"},
    }

    assert (refusal(at(credential=then), at(credential=now, **elsewhere), ALL) is None) is counts


@pytest.mark.parametrize("habits", [ALL, NONE, Habits()])
def test_a_client_that_sends_ids_only_keeps_working(habits: Habits) -> None:
    """There is nothing to compare."""
    bare = at(**hidden(*COMPARED))

    assert refusal(bare, bare, habits) is None


PLACES = st.builds(
    Place,
    asn=st.sampled_from((None, 1, 2)),
    country=st.sampled_from((None, "DE", "BR")),
    prefix=st.sampled_from((None, 7, 8)),
    hosting=st.booleans(),
    device=st.sampled_from((None, "d1", "d2")),
    client=st.sampled_from((None, "Firefox", "curl")),
    possession=st.none(),
)
KNOWLEDGE = st.sampled_from((True, None))


@given(PLACES, PLACES, st.builds(KnownPlaces, st.builds(Habits, KNOWLEDGE, KNOWLEDGE, KNOWLEDGE)), st.data())
def test_hiding_never_makes_a_proof_count(then: Place, now: Place, known: KnownPlaces, data: st.DataObject) -> None:
    """Of a place where a proof does not count, no part can be left out so that it does, unless leaving it out is usual.

    A proof that says nothing of a part, where nobody knows what is usual, has nothing to compare in either case.
    """
    part = data.draw(st.sampled_from(COMPARED))
    names = {"network": ("asn", "country", "prefix"), "device": ("device",), "client": ("client",)}[part]
    less = Place(**(vars(now) | dict.fromkeys(names)))
    shown = {each.part for each in place_differences(then, now, known)}
    left = {each.part for each in place_differences(then, less, known)}

    assert part not in shown or part in left or getattr(then, part) is None


def test_what_of_a_network_counts_where_nobody_knows_its_operator() -> None:
    """Its range, so that a private network is told from another."""
    first, neighbour, other = ({"asn": None, "country": None, "ip": ip} for ip in ("10.0.0.1", "10.0.0.9", "10.0.9.1"))

    assert refusal(at(network=first), at(network=neighbour)) is None
    assert refusal(at(network=first), at(network=other)) is not None


def test_proofs_of_earlier_releases_are_read_with_their_place() -> None:
    """They name the operator and the device; a proof that names neither has no place."""
    record = '{"made_at":"2026-03-02T08:59:00Z","kind":"authentication","network_asn":64500,"device_id":"d1"}'
    nameless = '{"made_at":"2026-03-02T08:59:00Z","kind":"authentication","network_asn":null,"device_id":null}'

    assert RECORDED_PROOF.validate_json(record) == Proof(
        NOW - timedelta(minutes=1), "interactive_mfa", place=Place(asn=64_500, device="d1")
    )
    assert RECORDED_PROOF.validate_json(nameless).place is None


def test_a_proof_is_read_as_it_was_written() -> None:
    """With all that is known of its place."""
    proof = strong_proof(place=place_of(at(credential={"id": "c1", "proof_of_possession": True})), request="r")

    assert RECORDED_PROOF.validate_json(RECORDED_PROOF.dump_json(proof)) == proof


def test_the_record_of_a_decision_holds_what_was_known() -> None:
    """And records of earlier releases hold nothing."""
    known = KnownPlaces(Habits(network=True, device=False), True, {"interactive_mfa": place_of(at())})

    assert KnownPlaces.from_record(known.record()) == known
    assert KnownPlaces.from_record(None) == KnownPlaces()


@pytest.mark.parametrize(
    ("groups", "newer"),
    [({}, False), ({"network": {"asn": 64_501}}, True), (hidden("device"), True)],
)
def test_a_request_that_has_moved_asks_for_a_newer_proof(groups: Any, newer: bool) -> None:
    """An earlier sign-in may have been made elsewhere: the challenge says max_age=0."""
    known = KnownPlaces(ALL, claims={"interactive_mfa": place_of(at())})
    decision = decide_on(at(**groups), session=SessionState(places=known))

    assert decision.ruling == "step_up"
    assert (decision.remedies[0].details["max_age_seconds"] == 0) is newer


def test_a_request_that_withholds_a_habit_has_moved_also_without_a_claim() -> None:
    """Nobody knows then where it comes from."""
    decisions = [
        decide_on(at(**groups), session=SessionState(places=KnownPlaces(ALL))) for groups in ({}, hidden("client"))
    ]

    assert [decision.remedies[0].details["max_age_seconds"] == 0 for decision in decisions] == [False, True]


def test_a_claim_that_was_made_elsewhere_does_not_count() -> None:
    """Where that is recorded, the session need not have changed."""
    home, away = (place_of(at(network={"asn": asn})) for asn in (64_500, 64_501))
    session = SessionState(places=KnownPlaces(ALL))
    decisions = [decide_on(at(), proofs=[strong_proof(place=place)], session=session) for place in (home, away)]

    assert [decision.ruling for decision in decisions] == ["allow", "step_up"]


@pytest.mark.parametrize(
    ("groups", "withheld"),
    [
        ({}, ()),
        (hidden("network"), ("network",)),
        (hidden("network", "client"), ("network", "client")),
        (hidden("device"), ()),
    ],
)
def test_what_is_withheld_is_habitual_and_missing(groups: Any, withheld: tuple[str, ...]) -> None:
    """What is not habitual may be missing, and so may what nobody knows to be."""
    assert withheld_parts(at(**groups), Habits(network=True, device=False, client=True)) == withheld
    assert withheld_parts(at(**groups), Habits()) == ()


@pytest.mark.parametrize(
    ("seconds", "expires_in", "attested"),
    [(86_400, None, True), (86_401, None, False), (-86_400, None, True), (60, 0, False), (60, 1, True)],
)
def test_an_attestation_lasts_a_day_and_no_longer_than_the_credential(
    seconds: int, expires_in: int | None, attested: bool
) -> None:
    """One that ends at this moment has ended."""
    expires_at = None if expires_in is None else (NOW + timedelta(seconds=expires_in)).isoformat()
    event = at(credential={"attested_at": ago(seconds), "expires_at": expires_at})

    assert is_attested(event, NOW) is attested
    assert is_attested(at(), NOW) is False


def test_a_difference_names_its_part() -> None:
    """Each that differs, also where anybody may rent the network; an unknown part is not described."""
    rented = place_of(at(network={"hosting": True}, device={"id": None}))
    there = place_of(at(network={"asn": 64_501}, device={"id": "d2"}))
    known = KnownPlaces(ALL)

    assert [each.part for each in place_differences(place_of(at()), there, known)] == ["network", "device"]
    assert [each.part for each in place_differences(rented, rented, KnownPlaces(NONE))] == []
    moved = place_of(at(network={"hosting": True, "ip": "198.51.100.9"}, device={"id": None}))
    assert [each.part for each in place_differences(rented, moved, KnownPlaces(NONE))] == ["network"]
    assert place_differences(rented, moved, KnownPlaces(NONE), attested=True) == ()
    assert [describe_part(part, Place()) for part in COMPARED] == ["", "", ""]


def test_a_merged_place_keeps_its_own_parts() -> None:
    """And takes the others from the second, a network as a whole."""
    own = Place(asn=1, device="d1", possession="c1")
    other = Place(asn=2, country="FR", prefix=7, hosting=True, device="d2", client="curl", possession="c2")

    assert merged_place(own, other) == Place(asn=1, hosting=True, device="d1", client="curl", possession="c1")
    assert merged_place(other, own) == other
    assert merged_place(Place(), other) == replace(other, possession=None)
    assert merged_place(other, Place()) == other
    assert merged_place(Place(), Place()) == Place()
