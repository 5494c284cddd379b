"""What a caller may not simply say: proofs of authentication, of the device's state, of attestation.

Without scope `assure` they are unknown before any feature is read, and the answer names what was ignored.
"""

from __future__ import annotations

from features.event.schema import Event

CLAIMS = {
    "authentication": ("acr", "amr", "time", "aal"),
    "device": ("managed", "compliant"),
    "credential": ("attested_at",),
}
"""Fields that count only from a caller that may assert them."""
PROVES_ITSELF = "jit_credential"
"""A kind of credential that is a proof: to say that one holds it is a claim, too."""


def without_claims(event: Event) -> tuple[Event, tuple[str, ...]]:
    """The event with its claims unknown, and the names of those it made."""
    ignored = []
    groups = {}
    for group, names in CLAIMS.items():
        part = getattr(event, group)
        made = [name for name in names if getattr(part, name) is not None]
        if group == "credential" and part.kind == PROVES_ITSELF:
            made.append("kind")
        ignored += [f"{group}.{name}" for name in made]
        if made:
            groups[group] = part.model_copy(update=dict.fromkeys(made))
    return event.model_copy(update=groups), tuple(ignored)
