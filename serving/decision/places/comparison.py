"""Why a proof that was made at one place does not count at another.

Defends against a subject that holds a stolen session or token and hides where it is: what a caller habitually says is
compared, and saying nothing of it is a difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from features.event.schema import Event
from serving.decision.places.place import NO_PLACES, Habits, KnownPlaces, Place

COMPARED = ("network", "device", "client")
ATTESTED_SECONDS = 86_400
"""How long an attestation of the workload that holds a credential stands in for its instance or address."""
_SHOWN = 60
MADE = {"network": "made on", "device": "made on", "client": "made with"}
SENT = {"network": "comes from", "device": "comes from", "client": "is sent with"}


@dataclass(frozen=True)
class Difference:
    """A part of a place (network, device or client) that differs, and a clause that says how."""

    part: str
    words: str


def place_differences(
    then: Place,
    now: Place,
    known: KnownPlaces = NO_PLACES,
    *,
    same_request: bool = False,
    attested: bool = False,
) -> tuple[Difference, ...]:
    """How the place of a request differs from the one a proof was made at; empty if the proof counts there.

    What is habitual must be known on both sides and the same. Where nobody knows what is habitual, whatever the proof
    knows must be the same. What is not habitual is compared where both sides say it. What the `same_request` that was
    asked to be proven does not say is no difference, or it could never be.

    A proof counts everywhere with the credential it was made with, if both times possession of that was proven, and at
    a network that the identity has proven lately with the same device. On a network of a hosting provider or an
    anonymiser the device or the address range must be the same as well, unless the credential is `attested`.
    """
    if then.possession is not None and then.possession == now.possession:
        return ()
    return tuple(_differences(then, now, known, same_request=same_request, attested=attested))


def _differences(
    then: Place, now: Place, known: KnownPlaces, *, same_request: bool, attested: bool
) -> Iterator[Difference]:
    same_device = then.device is not None and then.device == now.device
    for part in COMPARED:
        if part == "network" and known.proven_network and same_device:
            continue
        habitual: bool | None = getattr(known.habits, part)
        why = _difference(part, getattr(then, part), getattr(now, part), habitual, same_request=same_request)
        if why is not None:
            yield Difference(part, why.format(then=describe_part(part, then), now=describe_part(part, now)))
    same_range = then.prefix is not None and then.prefix == now.prefix
    if not (then.hosting or now.hosting) or same_device or same_range or attested:
        return
    if not (same_request and now.device is None and now.prefix is None):
        yield Difference("network", _HOSTING)


_HOSTING = (
    "the network is a hosting provider's or an anonymiser's, where the device or address range it was made on must be "
    "the same, and known"
)


def _difference(part: str, then: Any, now: Any, habitual: bool | None, *, same_request: bool) -> str | None:
    """A clause with places to fill in; None if there is no difference."""
    made = f"it was {MADE[part]} {{then}}"
    if then is not None and now is not None:
        return None if then == now else f"{made}, and this request {SENT[part]} {{now}}"
    if now is not None:
        return f"the {part} it was {MADE[part]} is not known" if habitual else None
    if same_request:
        return None
    if habitual:
        return f"the request does not say its {part}, which it habitually does"
    return f"{made}, and the request does not say its {part}" if habitual is None and then is not None else None


def describe_part(part: str, place: Place) -> str:
    """A part of a place in words; empty where it is not known."""
    if getattr(place, part) is None:
        return ""
    if part == "device":
        return f"device {place.device}"
    if part == "client":
        return (place.client or "")[:_SHOWN]
    operator = "a network of unknown operator" if place.asn is None else f"network AS{place.asn}"
    return f"{operator} in {place.country}" if place.country else operator


def is_attested(event: Event, at: datetime) -> bool:
    """Whether the workload that holds the credential was attested within `ATTESTED_SECONDS`, and it has not expired."""
    attested_at, expires_at = event.credential.attested_at, event.credential.expires_at
    if attested_at is None or (expires_at is not None and expires_at <= at):
        return False
    return abs(at - attested_at) <= timedelta(seconds=ATTESTED_SECONDS)


def parts_said(event: Event) -> tuple[bool, ...]:
    """Which of COMPARED a request says, without working out its place: those that are not None there."""
    network, device = event.network, event.device
    named = network.asn is not None or network.country is not None or network.ip is not None
    return named, device.id is not None, device.user_agent is not None


def withheld_parts(event: Event, habits: Habits) -> tuple[str, ...]:
    """What of its place a request does not say although it habitually does."""
    said = zip(COMPARED, parts_said(event), strict=True)
    return tuple(part for part, there in said if not there and getattr(habits, part))


def parts_known_to(then: Place, now: Place) -> frozenset[str]:
    """The parts of the place of a request that a proof made at another place knows as well, and knows as the same."""
    return frozenset(
        part for part in COMPARED if getattr(now, part) is not None and getattr(then, part) == getattr(now, part)
    )


def merged_place(place: Place, other: Place) -> Place:
    """A place with the network, device and client of another where its own are not known."""
    network = other if place.network is None else place
    return Place(
        asn=network.asn,
        country=network.country,
        prefix=network.prefix,
        hosting=place.hosting or other.hosting,
        device=place.device if place.device is not None else other.device,
        client=place.client if place.client is not None else other.client,
        possession=place.possession,
    )
