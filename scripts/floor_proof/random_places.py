"""Random places of requests and proofs: network, device and client, each shown or hidden, and the credential."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Protocol

NOW_TO_ATTESTATION = (60, 86_400, 86_401)
"""Seconds since a workload was attested, on both sides of how long that counts."""
ADDRESSES = ("203.0.113.7", "203.0.113.99", "203.0.114.7", "2001:db8:1:2::3", "2001:db8:1:3::4", "10.0.0.1")
"""Addresses of some ranges, of which two are twice there."""
CLIENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0",
    "Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:131.0) Gecko/20100101 Firefox/131.0",
    "curl/8.4.0",
    "?",
)
"""Clients, of which the first two differ in their version only."""


class Drawing(Protocol):
    """What draws values."""

    def mostly(self, harmless: Any, *others: Any) -> Any:
        """The harmless value, or sometimes another."""

    def any(self, *values: Any) -> Any:
        """One of the values."""


def random_place(draw: Drawing, now: Any) -> dict[str, dict[str, Any]]:
    """The groups of an event that say where it is from: mostly of a home network, with every part hidden at times."""
    asn = draw.mostly(64_500, None, 64_501)
    return {
        "network": {
            "ip": draw.mostly(*ADDRESSES, None),
            "asn": asn,
            "country": draw.mostly("DE" if asn else None, None, "BR"),
            "hosting": draw.mostly(False, None, True),
            "anonymizer": draw.mostly(False, None, True),
            "reputation": draw.mostly(0.0, None, 0.79, 0.8, 1.0),
        },
        "device": {"id": draw.mostly("d1", None, "d2"), "user_agent": draw.mostly(*CLIENTS, None)},
        "credential": {
            "id": draw.mostly("c1", None, "c2"),
            "attested_at": draw.mostly(None, now - timedelta(seconds=draw.any(*NOW_TO_ATTESTATION))),
            "proof_of_possession": draw.mostly(None, False, True),
        },
    }
