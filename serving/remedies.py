"""What this kind of identity can do to satisfy a ruling. A machine is never asked for a person's factor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from features.event import Event
from serving.floors import FloorResult
from serving.policy import Policy

RemedyType = Literal[
    "interactive_mfa",
    "attest_workload_identity",
    "refresh_token",
    "jit_credential",
    "intent_authorization",
    "owner_approval",
]
RESISTANT = ("hwk", "pop", "sc")
ANY_SECOND = (*RESISTANT, "swk", "otp", "mfa")
JIT_SECONDS = 900
FRESH_SECONDS = 300


@dataclass(frozen=True)
class Remedy:
    """One way to satisfy the ruling, with what it needs."""

    type: RemedyType
    sentence: str
    details: dict[str, Any]

    def wire(self) -> dict[str, Any]:
        """As the answer shows it."""
        return {"type": self.type, **self.details, "sentence": self.sentence}


def remedies_for(
    event: Event, floors: Sequence[FloorResult], trust: float | None, storm: bool, policy: Policy
) -> tuple[Remedy, ...]:
    """The remedies for a step-up, best first."""
    if event.identity.type == "human":
        return (_mfa(event, floors, trust, policy),)
    if storm or event.identity.type == "agent":
        return _for_agents(event, storm)
    return (
        Remedy(
            "attest_workload_identity",
            "Attest the workload's identity anew (an SVID issued now).",
            {"max_age_seconds": FRESH_SECONDS},
        ),
        _jit(event),
        Remedy("refresh_token", "Exchange the credential for one issued now.", {"max_age_seconds": FRESH_SECONDS}),
    )


def _mfa(event: Event, floors: Sequence[FloorResult], trust: float | None, policy: Policy) -> Remedy:
    asked = [floor.requires for floor in floors if floor.rules]
    resistant = (
        any(r.phishing_resistant for r in asked)
        or event.resource.sensitivity == "restricted"
        or trust is None
        or trust < policy.phishing_resistant_below
    )
    level = max([r.aal for r in asked] + [2])
    worth = [acr for acr, value in sorted(policy.acr_levels.items(), key=lambda item: item[1]) if value >= level]
    age = min([r.max_age_seconds for r in asked] + [policy.lifetime.elevation_seconds])
    kind = "a phishing-resistant factor" if resistant else "a second factor"
    return Remedy(
        "interactive_mfa",
        f"Sign in again with {kind}, within the next {age // 60} minutes.",
        {"acr_values": worth, "amr_values": list(RESISTANT if resistant else ANY_SECOND), "max_age_seconds": age},
    )


def _jit(event: Event) -> Remedy:
    scope = [f"{event.action.category or 'write'}:{event.resource.type or '*'}"]
    return Remedy(
        "jit_credential",
        "Ask for a credential for this task alone, for a quarter of an hour.",
        {"scope": scope, "ttl_seconds": JIT_SECONDS},
    )


def _for_agents(event: Event, storm: bool) -> tuple[Remedy, ...]:
    details = {
        "authorization_details": [
            {
                "type": "agent_action",
                "actions": [event.action.name],
                "locations": [event.resource.id] if event.resource.id else [],
            }
        ]
    }
    why = "It is asked too often: state" if storm else "State"
    intent = Remedy(
        "intent_authorization", f"{why} the task as authorization details (RFC 9396) and have it authorised.", details
    )
    if event.action.reversible is False:
        owner = Remedy("owner_approval", "This cannot be undone: its owner must approve it (CIBA).", {})
        return (owner, intent)
    return (intent, _jit(event))


def challenge_of(remedies: Sequence[Remedy]) -> str | None:
    """The RFC 9470 challenge for a person's remedy, for a WWW-Authenticate header; None where no person is asked."""
    mfa = next((remedy for remedy in remedies if remedy.type == "interactive_mfa"), None)
    if mfa is None:
        return None
    acr = " ".join(mfa.details["acr_values"])
    return (
        'Bearer error="insufficient_user_authentication", '
        'error_description="A different authentication level is required", '
        f'acr_values="{acr}", max_age="{mfa.details["max_age_seconds"]}"'
    )
