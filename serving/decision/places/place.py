"""Where a request or a proof was made: network, device and client; and which of them a caller habitually says.

A network is the same if its operator and country are; where nobody knows the operator, if its address range (/24 or
/48) is. A client is the same if its family and operating system are, in any version.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from features.event.ip_network import prefix_of
from features.event.schema import Event
from features.event.user_agent import agent_of
from features.hashing import digest_of, key_of

NetworkName = tuple[int | None, str | None, int | None]


@dataclass(frozen=True)
class Place:
    """Where something was done, and with what. None means unknown."""

    asn: int | None = None
    """Number of the network's operator."""
    country: str | None = None
    prefix: int | None = None
    """Key of the address range: the /24 of an IPv4 address, the /48 of an IPv6 address."""
    hosting: bool = False
    """Whether the network is known to be a hosting provider's, or an anonymiser."""
    device: str | None = None
    client: str | None = None
    """Family and operating system of the client."""
    possession: str | None = None
    """Id of the credential whose possession the request proved."""

    @property
    def network(self) -> NetworkName | None:
        """What the network is recognised by; None if nothing is known of it."""
        if self.asn is not None:
            return self.asn, self.country, None
        if self.country is None and self.prefix is None:
            return None
        return None, self.country, self.prefix

    @property
    def network_on_device(self) -> str | None:
        """The key of a network together with a device; None unless both are known."""
        if self.network is None or self.device is None:
            return None
        return digest_of(repr((self.device, *self.network)).encode())


UNKNOWN_PLACE = Place()


def place_of(event: Event) -> Place:
    """The place of a request, as far as the request says it.

    >>> place_of(Event.model_validate({
    ...     "time": "2026-03-02T09:00:00Z", "identity": {"id": "ada", "type": "human"}, "action": {"name": "x"},
    ...     "network": {"asn": 64496, "country": "DE"}, "device": {"id": "d1", "user_agent": "curl/8.4.0"},
    ... }))
    Place(asn=64496, country='DE', prefix=None, hosting=False, device='d1', client='curl', possession=None)
    """
    network, device, credential = event.network, event.device, event.credential
    return Place(
        asn=network.asn,
        country=network.country,
        prefix=None if network.ip is None else prefix_of(network.ip) or key_of(network.ip),
        hosting=bool(network.hosting or network.anonymizer),
        device=device.id,
        client=None if device.user_agent is None else client_of(device.user_agent),
        possession=credential.id if credential.proof_of_possession else None,
    )


def client_of(user_agent: str) -> str:
    """Family and operating system of a client; one of which neither can be told is a client all the same.

    >>> client_of("Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0"), client_of("?")
    ('Firefox on Linux', 'an unknown client')
    """
    agent = agent_of(user_agent)
    return " on ".join(filter(None, (agent.family, agent.system))) or "an unknown client"


def request_name(event: Event) -> str:
    """What the same request is recognised by when it is sent again: its session, action and resource, and what of its
    place it does not say."""
    resource, place = event.resource, place_of(event)
    unsaid = [part for part in ("network", "prefix", "device", "client") if getattr(place, part) is None]
    return digest_of(repr((event.session.id, event.action.name, resource.type, resource.id, unsaid)).encode())


@dataclass(frozen=True)
class Habits:
    """Whether a caller habitually says these of an identity; None where too little is known to tell."""

    network: bool | None = None
    device: bool | None = None
    client: bool | None = None
    credential: bool | None = None


@dataclass(frozen=True)
class KnownPlaces:
    """What the store knows of the place of a request."""

    habits: Habits = Habits()
    proven_network: bool = False
    """Whether the identity proved itself on this network with this device within `PROVEN_DAYS`."""
    claims: Mapping[str, Place] | None = None
    """Where each claim of the request was made, by the kind of its proof; None where nobody recorded it."""

    @classmethod
    def from_record(cls, record: Mapping[str, Any] | None) -> KnownPlaces:
        """What a decision's record holds of it; nothing, where the record is older than it."""
        if not record:
            return cls()
        claims = {kind: Place(**place) for kind, place in (record["claims"] or {}).items()}
        return cls(Habits(**record["habits"]), record["proven_network"], claims)

    def record(self) -> dict[str, Any]:
        """As a decision's record holds it."""
        claims = {kind: vars(place) for kind, place in (self.claims or {}).items()}
        return {"habits": vars(self.habits), "proven_network": self.proven_network, "claims": claims}


NO_PLACES = KnownPlaces()
PROVEN_DAYS = 30
"""How long a network counts as proven with a device."""
