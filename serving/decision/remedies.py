"""Chooses the remedies an identity is offered. A machine is never asked for a person's factor.

A remedy is offered only when it would settle everything that asks: once it is done, the same request is allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
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

STRONGEST = 3
"""The highest assurance level."""
NO_SESSION = " Send session.id as well: a step-up elevates a session, and this request names none."


@dataclass(frozen=True)
class Remedy:
    """One way to satisfy a step-up, with the values it needs."""

    type: RemedyType
    sentence: str
    details: dict[str, Any]
    proof: dict[str, Any] = field(default_factory=dict)
    """What a report of the completed remedy would hold as its proof."""
    session: str | None = None
    """The session whose elevation it opens; without one it opens none."""

    def wire(self, decision_id: str, identity: str) -> dict[str, Any]:
        """The remedy as it stands in an answer, with the body of the report to POST /step-ups."""
        report = {"decision_id": decision_id, "identity": identity, "session": self.session, "result": "completed"}
        body = report | {"proof": {"kind": self.type, **self.proof}} if self.session is not None else None
        return {"type": self.type, **self.details, "body": body, "sentence": self.sentence}


@dataclass(frozen=True)
class StepUpRequirements:
    """What a remedy must satisfy at once: the floors that demand proof, and the level of a session past its limit."""

    floors: Sequence[Requirement]
    aal: int
    storm: bool
    """Whether the identity is an automation that is prompted too often."""
    newer: bool = False
    """Whether only a proof made after the request settles it."""
    exhausted: frozenset[str] = frozenset()
    """Remedies that were offered as often as they may be."""


@dataclass(frozen=True)
class _Terms:
    """What one remedy is made from: the requirements it must meet, its rule in the policy, and the request."""

    requirements: Sequence[Requirement]
    aal: int
    storm: bool
    newer: bool
    rule: RemedyRule
    context: DecisionContext

    @property
    def max_age_seconds(self) -> int:
        """The greatest age of the proof; 0 where it must be newer than the request."""
        return 0 if self.newer else min(accepted_age_seconds(self.rule, each) for each in self.requirements)

    @property
    def fresh_seconds(self) -> int:
        """The greatest age of a machine's proof that is to be made now."""
        return min(self.rule.fresh_seconds, self.max_age_seconds)

    def remedy(self, sentence: str, details: dict[str, Any], **proof: Any) -> Remedy:
        """The remedy of these terms; its example of a proof is made right after the request."""
        event, at = self.context.event, self.context.at + timedelta(microseconds=1)
        if event.session.id is None:
            sentence += NO_SESSION
        return Remedy(self.rule.type, sentence, details, {"made_at": at.isoformat(), **proof}, event.session.id)


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
    remedies = (
        _BUILDERS[rule.type](_Terms(requirements, needed.aal, needed.storm, needed.newer, rule, context))
        for rule in offered
    )
    return tuple(remedy for remedy in remedies if remedy is not None)


def _interactive_mfa(terms: _Terms) -> Remedy | None:
    """A sign-in; None when the policy knows no claim of its identity provider that would be accepted."""
    level = max(terms.aal, *(requirement.aal for requirement in terms.requirements))
    must_resist = any(requires_phishing_resistance(each, terms.context) for each in terms.requirements)
    claims = terms.context.policy.assurance.accepted_claims(level, phishing_resistant=must_resist)
    if not claims:
        return None
    factor = "a phishing-resistant factor" if must_resist or level == STRONGEST else "a second factor"
    within = "now" if terms.newer else f"within the next {max(1, terms.max_age_seconds // 60)} minutes"
    details = {
        "acr_values": [claim.acr for claim in claims if claim.acr is not None],
        "amr_values": [claim.amr[0] for claim in claims if len(claim.amr) == 1],
        "amr_combinations": [list(claim.amr) for claim in claims if len(claim.amr) > 1],
        "max_age_seconds": terms.max_age_seconds,
    }
    example = {"acr": claims[0].acr} if claims[0].acr is not None else {"amr": list(claims[0].amr)}
    return terms.remedy(f"Sign in again with {factor}, {within}.", details, **example)


def _attest_workload_identity(terms: _Terms) -> Remedy:
    sentence = "Attest the workload's identity anew (an SVID issued now)."
    return terms.remedy(sentence, {"max_age_seconds": terms.fresh_seconds})


def _refresh_token(terms: _Terms) -> Remedy:
    sentence = "Exchange the credential for one issued now."
    return terms.remedy(sentence, {"max_age_seconds": terms.fresh_seconds})


def _jit_credential(terms: _Terms) -> Remedy:
    scope, seconds = [jit_scopes.narrowest_scope(terms.context.event)], terms.rule.ttl_seconds or 0
    sentence = f"Ask for a credential for this task alone, for {max(1, seconds // 60)} minutes."
    expires_at = (terms.context.at + timedelta(seconds=seconds)).isoformat()
    return terms.remedy(sentence, {"scope": scope, "ttl_seconds": seconds}, scope=scope, expires_at=expires_at)


def _intent_authorization(terms: _Terms) -> Remedy:
    verb = "It is asked too often: state" if terms.storm else "State"
    sentence = f"{verb} the task as authorization details (RFC 9396) and have it authorised."
    task = [authorization_details.narrowest_task(terms.context.event, terms.context.policy.intent_types)]
    return terms.remedy(sentence, {"authorization_details": task}, authorization_details=task)


def _owner_approval(terms: _Terms) -> Remedy:
    irreversible = terms.context.event.action.reversible is False
    subject = "This cannot be undone: its" if irreversible else "Its"
    return terms.remedy(f"{subject} owner must approve it (CIBA).", {})


_BUILDERS: Mapping[RemedyType, Callable[[_Terms], Remedy | None]] = {
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
