"""Chooses the remedies an identity is offered. A machine is never asked for a person's factor.

A remedy is offered only when it would settle everything that asks: once it is done, the same request is allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serving.decision import authorization_details, jit_scopes
from serving.decision.inputs import DecisionContext
from serving.decision.proofs import (
    accepted_age_seconds,
    accepted_remedies,
    model_requirement,
    requires_phishing_resistance,
)
from serving.policy.schema import RemedyRule, RemedyType, Requirement

RESISTANT = ("hwk", "pop", "sc")
"""Phishing-resistant factors, as RFC 8176 names them."""
ANY_SECOND = (*RESISTANT, "swk", "otp", "mfa")
"""Second factors of any strength."""
STRONGEST = 3
"""The highest assurance level."""


@dataclass(frozen=True)
class Remedy:
    """One way to satisfy a step-up, with the values it needs."""

    type: RemedyType
    sentence: str
    details: dict[str, Any]

    def wire(self) -> dict[str, Any]:
        """The remedy as it stands in an answer."""
        return {"type": self.type, **self.details, "sentence": self.sentence}


@dataclass(frozen=True)
class StepUpRequirements:
    """What a remedy must satisfy at once: the floors that demand proof, and the level of a session past its limit."""

    floors: Sequence[Requirement]
    aal: int
    storm: bool
    """Whether the identity is an automation that is prompted too often."""
    exhausted: frozenset[str] = frozenset()
    """Remedies that were offered as often as they may be."""


@dataclass(frozen=True)
class _Terms:
    """What one remedy is made from: the requirements it must meet, its rule in the policy, and the request."""

    requirements: Sequence[Requirement]
    aal: int
    storm: bool
    rule: RemedyRule
    context: DecisionContext

    @property
    def fresh_seconds(self) -> int:
        """The greatest age of a proof that is to be made now."""
        return min(self.rule.fresh_seconds, *(accepted_age_seconds(self.rule, each) for each in self.requirements))


def remedies_for(needed: StepUpRequirements, context: DecisionContext) -> tuple[Remedy, ...]:
    """The remedies for a step-up, best first; empty when nothing this identity can do would settle it."""
    requirements = (model_requirement(context.policy), *needed.floors)
    common = [
        rule
        for rule in accepted_remedies(requirements[0], context)
        if all(rule in accepted_remedies(other, context) for other in requirements[1:])
    ]
    unsuitable = "calm" if needed.storm else "storm"
    suitable = [rule for rule in common if rule.offered != unsuitable] or common
    offered = [rule for rule in suitable if rule.type not in needed.exhausted]
    return tuple(
        _BUILDERS[rule.type](_Terms(requirements, needed.aal, needed.storm, rule, context)) for rule in offered
    )


def _interactive_mfa(terms: _Terms) -> Remedy:
    policy = terms.context.policy
    level = max(terms.aal, *(requirement.aal for requirement in terms.requirements))
    must_resist = any(requires_phishing_resistance(each, terms.context) for each in terms.requirements)
    resistant = level == STRONGEST or must_resist
    by_level = sorted(policy.acr_levels.items(), key=lambda item: item[1].aal)
    acrs = [acr for acr, value in by_level if value.aal >= level and (value.phishing_resistant or not must_resist)]
    max_age = min(accepted_age_seconds(terms.rule, each) for each in terms.requirements)
    factor = "a phishing-resistant factor" if resistant else "a second factor"
    return Remedy(
        "interactive_mfa",
        f"Sign in again with {factor}, within the next {max(1, max_age // 60)} minutes.",
        {"acr_values": acrs, "amr_values": list(RESISTANT if resistant else ANY_SECOND), "max_age_seconds": max_age},
    )


def _attest_workload_identity(terms: _Terms) -> Remedy:
    sentence = "Attest the workload's identity anew (an SVID issued now)."
    return Remedy("attest_workload_identity", sentence, {"max_age_seconds": terms.fresh_seconds})


def _refresh_token(terms: _Terms) -> Remedy:
    sentence = "Exchange the credential for one issued now."
    return Remedy("refresh_token", sentence, {"max_age_seconds": terms.fresh_seconds})


def _jit_credential(terms: _Terms) -> Remedy:
    scope, seconds = [jit_scopes.narrowest_scope(terms.context.event)], terms.rule.ttl_seconds or 0
    sentence = f"Ask for a credential for this task alone, for {max(1, seconds // 60)} minutes."
    return Remedy("jit_credential", sentence, {"scope": scope, "ttl_seconds": seconds})


def _intent_authorization(terms: _Terms) -> Remedy:
    verb = "It is asked too often: state" if terms.storm else "State"
    sentence = f"{verb} the task as authorization details (RFC 9396) and have it authorised."
    task = authorization_details.narrowest_task(terms.context.event, terms.context.policy.intent_types)
    return Remedy("intent_authorization", sentence, {"authorization_details": [task]})


def _owner_approval(terms: _Terms) -> Remedy:
    irreversible = terms.context.event.action.reversible is False
    subject = "This cannot be undone: its" if irreversible else "Its"
    return Remedy("owner_approval", f"{subject} owner must approve it (CIBA).", {})


_BUILDERS: Mapping[RemedyType, Callable[[_Terms], Remedy]] = {
    "interactive_mfa": _interactive_mfa,
    "attest_workload_identity": _attest_workload_identity,
    "refresh_token": _refresh_token,
    "jit_credential": _jit_credential,
    "intent_authorization": _intent_authorization,
    "owner_approval": _owner_approval,
}


def challenge_header(remedies: Sequence[Remedy]) -> str | None:
    """The RFC 9470 challenge for a WWW-Authenticate header; None when no person is asked to sign in."""
    mfa = next((remedy for remedy in remedies if remedy.type == "interactive_mfa"), None)
    if mfa is None:
        return None
    acr = " ".join(mfa.details["acr_values"])
    return (
        'Bearer error="insufficient_user_authentication", '
        'error_description="A different authentication level is required", '
        + (f'acr_values="{acr}", ' if acr else "")
        + f'max_age="{mfa.details["max_age_seconds"]}"'
    )
