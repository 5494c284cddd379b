"""Removes claims that a caller may not assert: authentication, the device's state, attestation.

A caller needs scope `assure` to assert them. For other callers they are unknown before any feature is computed, and
the answer names what was ignored.
"""

from __future__ import annotations

from features.event.schema import Event

CLAIMS = {
    "authentication": ("acr", "amr", "time", "aal"),
    "device": ("managed", "compliant"),
    "credential": ("attested_at",),
}
"""The event fields that only a caller of scope `assure` may assert, by group."""
SELF_PROVING_KIND = "jit_credential"
"""A kind of credential that is itself a proof, so naming it is a claim as well."""


def remove_claims(event: Event) -> tuple[Event, tuple[str, ...]]:
    """The event without its claims, and the names of the fields that were removed."""
    removed = []
    groups = {}
    for group, names in CLAIMS.items():
        part = getattr(event, group)
        claims = [name for name in names if getattr(part, name) is not None]
        if group == "credential" and part.kind == SELF_PROVING_KIND:
            claims.append("kind")
        removed += [f"{group}.{name}" for name in claims]
        if claims:
            groups[group] = part.model_copy(update=dict.fromkeys(claims))
    return event.model_copy(update=groups), tuple(removed)
