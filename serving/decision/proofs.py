"""Decides which proofs satisfy which requirements.

Proofs come from two sources: claims of a caller that may assert them, and step-ups reported by the identity provider.
A proof counts by its strength, age and scope, and only on the device and network it was made on: a cookie stolen two
minutes after a second factor still carries the fresh time of the person who signed in.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from functools import cache

from features.event.row_fields import strength_of
from features.event.schema import Event
from serving.decision import authorization_details, jit_scopes
from serving.decision.inputs import DecisionContext, Proof, SessionState
from serving.policy.schema import Policy, RemedyRule, Requirement

PHISHING_RESISTANT = 3.0
"""The strength of phishing-resistant factors, as `strength_of` gives it."""


def claimed_proofs(event: Event) -> tuple[Proof, ...]:
    """The proofs an event itself carries; only a caller with scope `assure` can send them."""
    proofs = []
    claim, credential = event.authentication, event.credential
    if claim.time is not None:
        proofs.append(Proof(claim.time, "authentication", claim.acr, claim.amr or (), claim.aal))
    if credential.attested_at is not None:
        proofs.append(Proof(credential.attested_at, "attestation"))
    if credential.kind == "jit_credential" and credential.issued_at is not None:
        expires_at, granted = credential.expires_at, credential.scope or ()
        proofs.append(Proof(credential.issued_at, "jit_credential", expires_at=expires_at, granted=granted))
    return tuple(proofs)


def assurance_level(proof: Proof, policy: Policy) -> int:
    """The assurance level (AAL) of a proof: the lowest that its factors, its mapped acr and its aal support.

    An input that is missing does not lower the level; without any input the level is 0.
    """
    acr = policy.acr_levels.get(proof.acr or "")
    by_factors = int(strength_of(" ".join(proof.amr))) if proof.amr else None
    levels = (by_factors, acr.aal if acr else None, proof.aal)
    return min((level for level in levels if level is not None), default=0)


def is_phishing_resistant(proof: Proof, policy: Policy) -> bool:
    """Whether a proof cannot be relayed: by its factors where they are named, else by the policy's acr map."""
    if proof.amr:
        return strength_of(" ".join(proof.amr)) == PHISHING_RESISTANT
    acr = policy.acr_levels.get(proof.acr or "")
    return acr is not None and acr.phishing_resistant


def requires_phishing_resistance(requirement: Requirement, context: DecisionContext) -> bool:
    """Whether only phishing-resistant factors count: for this floor, this sensitivity, or at so low a trust."""
    return (
        requirement.phishing_resistant
        or context.event.resource.sensitivity in context.policy.phishing_resistant_sensitivities
        or context.stated_trust < context.policy.phishing_resistant_below
    )


def model_requirement(policy: Policy) -> Requirement:
    """What satisfies a step-up that the model, an expiry or thin context asks for."""
    return _second_factor_within(policy.lifetime.elevation_seconds)


@cache
def _second_factor_within(seconds: int) -> Requirement:
    return Requirement(aal=2, max_age_seconds=seconds)


def accepted_remedies(requirement: Requirement, context: DecisionContext) -> tuple[RemedyRule, ...]:
    """The remedies of this identity type whose proofs can satisfy a requirement, in the policy's order.

    An irreversible action may need a remedy of its own, whatever else the requirement accepts. On a doubted session
    some remedies do not count.
    """
    kind = context.event.identity.type
    needed = context.policy.irreversible_needs.get(kind, ()) if context.event.action.reversible is False else ()
    return tuple(
        rule
        for rule in context.policy.remedies[kind]
        if (rule.type in needed if needed else context.human or rule.proves in requirement.accepts)
        and (rule.when_doubted or not context.doubted)
    )


def accepted_age_seconds(rule: RemedyRule, requirement: Requirement) -> int:
    """How old a proof may be: the remedy's own limit, else the requirement's."""
    return rule.max_age_seconds or requirement.max_age_seconds


def satisfies(requirement: Requirement, proof: Proof, context: DecisionContext) -> bool:
    """Whether a proof satisfies a requirement for this request."""
    return _satisfies_but_for_grant(requirement, proof, context) and uncovered(proof, context) is None


def scope_sentences(requirement: Requirement, proofs: Iterable[Proof], context: DecisionContext) -> str:
    """Why proofs that are otherwise good do not cover the request, as sentences to append; often empty."""
    reasons = [uncovered(proof, context) for proof in proofs if _satisfies_but_for_grant(requirement, proof, context)]
    return "".join(f" The {reason}." for reason in dict.fromkeys(reasons) if reason)


def uncovered(proof: Proof, context: DecisionContext) -> str | None:
    """What of the request lies outside a credential's scope or an authorised task, in words; None if nothing does."""
    if proof.kind == "jit_credential" and not jit_scopes.covers(proof.granted, context.event):
        granted = ", ".join(proof.granted) or "not known"
        return f"credential's scope is {granted}; it must cover {jit_scopes.narrowest_scope(context.event)}"
    if proof.kind == "intent":
        missing = authorization_details.uncovered_part(proof.task, context.event, context.policy.intent_types)
        return f"authorised task does not cover {missing}" if missing else None
    return None


def _satisfies_but_for_grant(requirement: Requirement, proof: Proof, context: DecisionContext) -> bool:
    """Whether a proof is of an accepted kind, fresh, in scope, strong enough, and from the same place."""
    rule = next((rule for rule in accepted_remedies(requirement, context) if rule.proves == proof.kind), None)
    return (
        rule is not None
        and is_current(proof, context, accepted_age_seconds(rule, requirement))
        and _is_short_lived(proof, rule)
        and _is_in_scope(proof, context.event)
        and same_device_and_network(proof, context)
        and (not context.human or _is_strong_enough(requirement, proof, context))
    )


def satisfies_model(proofs: Iterable[Proof], session: SessionState, context: DecisionContext) -> bool:
    """Whether a proof made after the challenge settles the model's step-up, or an expiry, for this request.

    New evidence against the session cancels it: a trust that fell by the policy's margin since the proof was completed.
    """
    requirement = model_requirement(context.policy)
    return any(
        _answers_a_challenge(proof, session)
        and is_current(proof, context, requirement.max_age_seconds)
        and satisfies(requirement, proof, context)
        and not _has_new_evidence(proof, context)
        for proof in proofs
    )


def is_current(proof: Proof, context: DecisionContext, max_age_seconds: int) -> bool:
    """Whether a proof is not from the future, not older than allowed, and not expired."""
    expired = proof.expires_at is not None and proof.expires_at <= context.at
    tolerance = timedelta(seconds=context.policy.clock_tolerance_seconds)
    return -tolerance <= context.at - proof.made_at <= timedelta(seconds=max_age_seconds) and not expired


def same_device_and_network(proof: Proof, context: DecisionContext) -> bool:
    """Whether device and network, where known, are those the proof was made on."""
    if proof.source == "claim":
        changes = ("asn_changed_in_session", "device_changed_in_session", "agent_changed_in_session")
        return not any(context.features.get(name) == 1.0 for name in changes)
    asn, device = context.event.network.asn, context.event.device.id
    return (proof.network_asn is None or asn is None or proof.network_asn == asn) and (
        proof.device_id is None or device is None or proof.device_id == device
    )


def _answers_a_challenge(proof: Proof, session: SessionState) -> bool:
    if proof.decision_id is not None:
        challenged_at = session.challenged_at.get(proof.decision_id)
        return challenged_at is not None and proof.made_at > challenged_at
    return bool(session.challenged_at) and proof.made_at > max(session.challenged_at.values())


def _has_new_evidence(proof: Proof, context: DecisionContext) -> bool:
    before = proof.trust_at_completion
    return before is not None and context.trust < before - context.policy.new_evidence_margin


def _is_short_lived(proof: Proof, rule: RemedyRule) -> bool:
    """Whether a credential expires soon enough to count as made for one task, whatever it is called."""
    if rule.ttl_seconds is None:
        return True
    return proof.expires_at is not None and proof.expires_at - proof.made_at <= timedelta(seconds=rule.ttl_seconds)


def _is_in_scope(proof: Proof, event: Event) -> bool:
    return proof.scope is None or proof.scope.covers(event.action.category, event.resource.type)


def _is_strong_enough(requirement: Requirement, proof: Proof, context: DecisionContext) -> bool:
    resistant = is_phishing_resistant(proof, context.policy) or not requires_phishing_resistance(requirement, context)
    return assurance_level(proof, context.policy) >= requirement.aal and resistant
