"""The attacker's aim: an anonymising network looks like another, by another way to write its address or by a claim.

Defends against the subject, who chooses the network, and against gateways that pass on addresses of translators and
tunnels, or state `false` for what they do not know.
"""

from __future__ import annotations

import gzip
from ipaddress import IPv4Address
from typing import Any

import pytest
from support.live_server import Server, an_event

from features.enrichment.ip_lookup import REFERENCE

LISTED = gzip.decompress((REFERENCE / "x4bnet/vpn_ipv4.txt.gz").read_bytes()).decode().split()[0].partition("/")[0]
NUMBER = int(IPv4Address(LISTED))
WORD, OTHER = NUMBER >> 16, NUMBER & 0xFFFF
TRICKS = {
    "mapped": f"::ffff:{LISTED}",
    "compatible": f"::{LISTED}",
    "NAT64": f"64:ff9b::{LISTED}",
    "NAT64 of its own": f"64:ff9b:1::{LISTED}",
    "6to4": f"2002:{WORD:x}:{OTHER:x}::1",
    "Teredo": f"2001:0:4136:e378:8000:63bf:{WORD ^ 0xFFFF:x}:{OTHER ^ 0xFFFF:x}",
}


def write_from(server: Server, name: str, key: str | None = None, **network: Any) -> dict[str, Any]:
    """A write to what is confidential."""
    event = an_event(f"hidden {name}", network=network, action={"name": "files:Put", "category": "write"})
    return server.score(event | {"resource": {"type": "file", "sensitivity": "confidential"}}, key)


def bad_network(decision: dict[str, Any]) -> str | None:
    """The status of the floor on bad networks."""
    return next((each["status"] for each in decision["floors"] if each["id"] == "bad-network-sensitive-write"), None)


@pytest.mark.parametrize("trick", TRICKS)
def test_no_way_to_write_an_address_hides_an_anonymiser(small: Server, trick: str) -> None:
    """Each is the IPv4 address within it."""
    plain, tried = write_from(small, f"plain {trick}", ip=LISTED), write_from(small, f"{trick}", ip=TRICKS[trick])

    assert (plain["ruling"], bad_network(plain)) == ("step_up", "applied")
    assert (tried["ruling"], bad_network(tried)) == ("step_up", "applied")


@pytest.mark.parametrize("scopes", [("score",), ("score", "network"), ("score", "assure")])
def test_no_claim_overrules_a_list_that_names_an_address(small: Server, scopes: tuple[str, ...]) -> None:
    """`false` from a key that may state facts about networks counts where nothing is known, and not against a list."""
    key = small.key(*scopes)
    tried = write_from(small, " ".join(scopes), key, ip=LISTED, anonymizer=False, hosting=False, reputation=0.0)

    assert (tried["ruling"], bad_network(tried)) == ("step_up", "applied")
