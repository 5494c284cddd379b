"""Decides which proofs satisfy which requirements, and says why another does not.

Proofs come from two sources: claims of a caller that may assert them, and step-ups reported by the identity provider.
A proof counts by its strength, age and scope, and at the place it was made at (`places`): a cookie stolen two minutes
after a second factor still carries the fresh time of the person who signed in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

from features.event.schema import Event
from serving.decision import authorization_details, jit_scopes
from serving.decision.inputs import DecisionContext, Proof, SessionState
from serving.decision.places.place import Place
from serving.decision.places.proof_place import made_elsewhere
from serving.policy.assurance import Assurance, Unmapped
from serving.policy.schema import Policy, ProofKind, RemedyRule, Requirement
from serving.times import duration

MOST_REFUSALS = 3
"""Of how many proofs an answer says why they do not count: the newest ones."""
_NOUNS: dict[ProofKind, str] = {
    "interactive_mfa": "sign-in",
    "attest_workload_identity": "attestation",
    "refresh_token": "refreshed credential",
    "jit_credential": "credential for one task",
    "intent_authorization": "authorised task",
    "owner_approval": "owner's approval",
}


def claimed_proofs(event: Event, places: Mapping[str, Place] | None = None) -> tuple[Proof, ...]:
    """The proofs an event itself carries; only a caller with scope `assure` can send them.

    `places` says where the proof of each kind was made, as far as it was recorded.
    """
    proofs = []
    claim, credential = event.authentication, event.credential
    if claim.time is not None:
        proofs.append(Proof(claim.time, "interactive_mfa", claim.acr, claim.amr or (), claim.aal))
    if credential.attested_at is not None:
        proofs.append(Proof(credential.attested_at, "attest_workload_identity"))
    if credential.kind == "jit_credential" and credential.issued_at is not None:
        expires_at, granted = credential.expires_at, credential.scope or ()
        proofs.append(Proof(credential.issued_at, "jit_credential", expires_at=expires_at, granted=granted))
    return tuple(replace(proof, place=(places or {}).get(proof.kind)) for proof in proofs)


def assurance(proof: Proof, policy: Policy) -> Assurance:
    """What a person's proof is worth under a policy."""
    return policy.assurance.assess(proof.acr, proof.amr, proof.aal)


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
        if (rule.type in needed if needed else context.human or rule.type in requirement.accepts)
        and (rule.when_doubted or not context.doubted)
    )


def accepted_age_seconds(rule: RemedyRule, requirement: Requirement) -> int:
    """How old a proof may be: the remedy's own limit, else the requirement's."""
    return rule.max_age_seconds or requirement.max_age_seconds


def satisfies(requirement: Requirement, proof: Proof, context: DecisionContext) -> bool:
    """Whether a proof satisfies a requirement for this request."""
    return refusal(requirement, proof, context) is None and uncovered(proof, context) is None


def refusal(requirement: Requirement, proof: Proof, context: DecisionContext) -> str | None:
    """Why a proof does not satisfy a requirement, in words; None if it does, but for what `uncovered` says."""
    rule = next((rule for rule in accepted_remedies(requirement, context) if rule.type == proof.kind), None)
    if rule is None:
        return "proof of this kind is not accepted here"
    return (
        _out_of_time(proof, context, accepted_age_seconds(rule, requirement))
        or _too_long_lived(proof, rule)
        or made_elsewhere(proof, context)
        or _out_of_scope(proof, context.event)
        or (_too_weak(requirement, proof, context) if context.human else None)
    )


def uncovered(proof: Proof, context: DecisionContext) -> str | None:
    """What of the request lies outside a credential's scope or an authorised task, in words; None if nothing does."""
    if proof.kind == "jit_credential" and not jit_scopes.covers(proof.granted, context.event):
        granted = ", ".join(proof.granted) or "not known"
        return f"credential's scope is {granted}; it must cover {jit_scopes.narrowest_scope(context.event)}"
    if proof.kind == "intent_authorization":
        missing = authorization_details.uncovered_part(proof.task, context.event, context.policy.intent_types)
        return f"authorised task does not cover {missing}" if missing else None
    return None


def refusal_sentences(
    requirements: Sequence[Requirement],
    proofs: Iterable[Proof],
    context: DecisionContext,
    otherwise: Callable[[Proof], str | None] = lambda proof: None,
) -> tuple[str, ...]:
    """Why each of the newest proofs does not satisfy all requirements, a sentence each, for the first it does not
    satisfy; `otherwise` says why of a proof that satisfies them all."""
    sentences = [_without_time(context)] if context.human else []
    for proof in sorted(proofs, key=lambda proof: proof.made_at, reverse=True)[:MOST_REFUSALS]:
        reasons = (refusal(requirement, proof, context) for requirement in requirements)
        why, missing = next(filter(None, reasons), None), uncovered(proof, context)
        why = why or (None if missing else otherwise(proof))
        sentences.append(_sentence(proof, why) if why else f"The {missing}." if missing else None)
    return tuple(dict.fromkeys(sentence for sentence in sentences if sentence))


def satisfies_model(proofs: Iterable[Proof], session: SessionState, context: DecisionContext) -> bool:
    """Whether a proof made after the challenge settles the model's step-up, or an expiry, for this request."""
    return any(model_refusal(proof, session, context) is None and uncovered(proof, context) is None for proof in proofs)


def model_refusal(proof: Proof, session: SessionState, context: DecisionContext) -> str | None:
    """Why a proof does not settle what the model or an expiry asks for, in words; None if it does, but for what
    `uncovered` says.

    New evidence against the session cancels it: a trust that fell by the policy's margin since the proof was completed.
    """
    requirement = model_requirement(context.policy)
    return (
        _unasked(proof, session, context.policy)
        or _out_of_time(proof, context, requirement.max_age_seconds)
        or refusal(requirement, proof, context)
        or (
            "trust has fallen too far since it was made; a new one is needed"
            if _has_new_evidence(proof, context)
            else None
        )
    )


def is_current(proof: Proof, context: DecisionContext, max_age_seconds: int) -> bool:
    """Whether a proof is not from the future, not older than allowed, and not expired."""
    return _out_of_time(proof, context, max_age_seconds) is None


def made_after(proof: Proof, asked_at: datetime, policy: Policy) -> bool:
    """Whether a proof may have been made after a request that asked for it.

    A time of whole seconds, as `auth_time` has, may mean any moment of its second. A time that is reported to
    POST /step-ups may also come from a clock that is behind; a claim in a request gets no such tolerance, since the
    request that asked may have carried the same claim.
    """
    behind = timedelta(seconds=policy.clock_tolerance_seconds if proof.source == "step_up" else 0)
    return latest_moment(proof.made_at) + behind > asked_at


def latest_moment(time: datetime) -> datetime:
    """The latest moment that a time may mean: one of whole seconds may mean any moment of its second."""
    return time if time.microsecond else time + timedelta(seconds=1)


def _out_of_time(proof: Proof, context: DecisionContext, max_age_seconds: int) -> str | None:
    age, tolerance = context.at - proof.made_at, timedelta(seconds=context.policy.clock_tolerance_seconds)
    if proof.expires_at is not None and proof.expires_at <= context.at:
        return f"it expired at {_clock(proof.expires_at)}"
    if age < -tolerance:
        return f"its time lies in the future, further than the {duration(tolerance.seconds)} that clocks may differ"
    if age > timedelta(seconds=max_age_seconds):
        return f"it is {duration(int(age.total_seconds()))} old, and {duration(max_age_seconds)} are allowed"
    return None


def _unasked(proof: Proof, session: SessionState, policy: Policy) -> str | None:
    """Why a proof does not answer a challenge: none was made, or the proof is no newer."""
    asked_at: datetime | None = max(session.challenged_at.values(), default=None)
    if proof.decision_id is not None:
        asked_at = proof.asked_at or session.challenged_at.get(proof.decision_id)
    if asked_at is None:
        return "no request has asked for it; a new one is needed, made after this request"
    if not made_after(proof, asked_at, policy):
        return f"it is older than the request of {_clock(asked_at)} that asked for a new one"
    return None


def _has_new_evidence(proof: Proof, context: DecisionContext) -> bool:
    before = proof.trust_at_completion
    return before is not None and context.trust < before - context.policy.new_evidence_margin


def _too_long_lived(proof: Proof, rule: RemedyRule) -> str | None:
    """A credential must expire soon enough to count as made for one task, whatever it is called."""
    if rule.ttl_seconds is None:
        return None
    if proof.expires_at is None:
        return "it says no time at which it expires"
    lives = proof.expires_at - proof.made_at
    if lives > timedelta(seconds=rule.ttl_seconds):
        return f"it lives for {duration(int(lives.total_seconds()))}, and {duration(rule.ttl_seconds)} are allowed"
    return None


def _out_of_scope(proof: Proof, event: Event) -> str | None:
    if proof.scope is None or proof.scope.covers(event.action.category, event.resource.type):
        return None
    return f"it was given for {proof.scope.words}"


def _too_weak(requirement: Requirement, proof: Proof, context: DecisionContext) -> str | None:
    worth = assurance(proof, context.policy)
    if worth.level < requirement.aal:
        needed = {1: "one factor", 2: "two kinds of factor, or mfa", 3: "two kinds, one of them a key in hardware"}
        why = f"it proves AAL{worth.level}, and AAL{requirement.aal} is needed: {needed[requirement.aal]}"
    elif requires_phishing_resistance(requirement, context) and not worth.phishing_resistant:
        why = "none of its factors resists phishing, which is needed here"
    else:
        return None
    return why + "".join(map(_unmapped, worth.unmapped))


def _unmapped(value: Unmapped) -> str:
    setting = {"acr": "acr_levels", "amr": "amr_values"}[value.claim]
    return f"; its {value.claim} value {value.value!r} is not known: map it in the policy under {setting}"


def _without_time(context: DecisionContext) -> str | None:
    claim = context.event.authentication
    if claim.time is not None or not (claim.acr or claim.amr or claim.aal):
        return None
    return "The sign-in that the request claims does not count: authentication.time is missing, so its age is unknown."


def _sentence(proof: Proof, why: str) -> str:
    return f"The {_NOUNS[proof.kind]} of {_clock(proof.made_at)} does not count: {why}."


def _clock(time: datetime) -> str:
    return f"{time.astimezone(UTC):%H:%M:%S} UTC"
