"""Removes claims that a caller may not assert: authentication, the device's state, attestation, facts about a network.

A caller needs scope `assure` to assert them; scope `network` is enough for those about a network, which otherwise come
from the address. What makes a request riskier is believed of anybody. Other claims are unknown before any feature is
computed, and the answer names what was ignored.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from features.event.ip_network import RISKIER
from features.event.schema import Event, Network

CLAIMS = {
    "authentication": ("acr", "amr", "time", "aal"),
    "device": ("managed", "compliant"),
    "credential": ("attested_at", "proof_of_possession"),
}
"""The event fields that only a caller of scope `assure` may assert, by group."""
SELF_PROVING_KIND = "jit_credential"
"""A kind of credential that is itself a proof, so naming it is a claim as well."""


NETWORK_FACTS = ("asn", "country", "latitude", "longitude", "accuracy_km", "hosting", "anonymizer", "reputation")
"""Facts about an address, which are looked up."""


def believed(event: Event, scopes: Collection[str]) -> tuple[Event, tuple[str, ...]]:
    """The event without claims that a caller of these scopes may not make, and the names of the fields removed."""
    if "assure" in scopes:
        return event, ()
    removable = {group: list(_claims_of(event, group, names)) for group, names in CLAIMS.items()}
    if "network" not in scopes:
        removable["network"] = [name for name in NETWORK_FACTS if _lowers_risk(event.network, name)]
    groups = {
        group: getattr(event, group).model_copy(update=dict.fromkeys(names))
        for group, names in removable.items()
        if names
    }
    removed = tuple(f"{group}.{name}" for group, names in removable.items() for name in names)
    return event.model_copy(update=groups), removed


def _claims_of(event: Event, group: str, names: Sequence[str]) -> Iterator[str]:
    part = getattr(event, group)
    yield from (name for name in names if getattr(part, name) is not None)
    if group == "credential" and part.kind == SELF_PROVING_KIND:
        yield "kind"


def _lowers_risk(network: Network, name: str) -> bool:
    """Whether a fact is stated, and may make the request look safer than it is. What makes it riskier counts from any
    caller."""
    value = getattr(network, name)
    return value is not None and not (name in RISKIER and value)
