"""Which proof satisfies what.

A claim of authentication by a caller that may assert it, and a step-up reported by the identity provider, are proofs
alike; what they are worth differs by strength, age, scope and whether device and network are still those they were
made on: a cookie stolen two minutes after a second factor carries its owner's fresh time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from features.event.numpy_row import strength_of
from features.event.schema import Event
from serving.decision import authorization_details, jit_scopes
from serving.decision.inputs import Proof, SessionState
from serving.policy.schema import Policy, RemedyRule, Requirement

PHISHING_RESISTANT = 3.0


@dataclass(frozen=True)
class Circumstances:
    """What a proof is held against. A trust that is not known is 0; `doubted` where a thief may hold the session."""

    event: Event
    features: Mapping[str, float]
    trust: float
    doubted: bool
    policy: Policy
    at: datetime

    @property
    def human(self) -> bool:
        """Whether a person is asked."""
        return self.event.identity.type == "human"


def claimed(event: Event) -> tuple[Proof, ...]:
    """The proofs an event itself carries (only a caller with scope `assure` can leave them in it)."""
    proofs = []
    said, credential = event.authentication, event.credential
    if said.time is not None:
        proofs.append(Proof(said.time, "authentication", said.acr, said.amr or (), said.aal))
    if credential.attested_at is not None:
        proofs.append(Proof(credential.attested_at, "attestation"))
    if credential.kind == "jit_credential" and credential.issued_at is not None:
        ends, granted = credential.expires_at, credential.scope or ()
        proofs.append(Proof(credential.issued_at, "jit_credential", expires_at=ends, granted=granted))
    return tuple(proofs)


def level(proof: Proof, policy: Policy) -> int:
    """The assurance level a proof is worth: the least of what its factors, its acr (by the policy's map) and its aal
    say. What is not said does not count against it; where nothing is said it is worth nothing."""
    worth = policy.acr_levels.get(proof.acr or "")
    shown = int(strength_of(" ".join(proof.amr))) if proof.amr else None
    said = (shown, worth.aal if worth else None, proof.aal)
    return min((each for each in said if each is not None), default=0)


def phishing_resistant(proof: Proof, policy: Policy) -> bool:
    """Whether a proof cannot be relayed: by its factors where they are named, else only if the acr map says so."""
    if proof.amr:
        return strength_of(" ".join(proof.amr)) == PHISHING_RESISTANT
    worth = policy.acr_levels.get(proof.acr or "")
    return worth is not None and worth.phishing_resistant


def must_resist(requirement: Requirement, case: Circumstances) -> bool:
    """Whether only phishing-resistant factors do: by the floor, by how sensitive it is, or at so low a trust."""
    return (
        requirement.phishing_resistant
        or case.event.resource.sensitivity in case.policy.phishing_resistant_sensitivities
        or case.trust < case.policy.phishing_resistant_below
    )


def of_the_model(policy: Policy) -> Requirement:
    """What the model's own step-up, an expiry or thin context asks for."""
    return _fresh(policy.lifetime.elevation_seconds)


@cache
def _fresh(seconds: int) -> Requirement:
    return Requirement(aal=2, max_age_seconds=seconds)


def that_count(requirement: Requirement, case: Circumstances) -> tuple[RemedyRule, ...]:
    """The remedies whose proofs can satisfy a requirement here, in the policy's order.

    What cannot be undone may need one of its own, whatever else would do; on a doubted session some do not count.
    """
    kind = case.event.identity.type
    needed = case.policy.irreversible_needs.get(kind, ()) if case.event.action.reversible is False else ()
    return tuple(
        rule
        for rule in case.policy.remedies[kind]
        if (rule.type in needed if needed else case.human or rule.proves in requirement.accepts)
        and (rule.when_doubted or not case.doubted)
    )


def longest_age(rule: RemedyRule, requirement: Requirement) -> int:
    """How many seconds old a proof may be: as its kind allows, else as the requirement does."""
    return rule.max_age_seconds or requirement.max_age_seconds


def suffices(requirement: Requirement, proof: Proof, case: Circumstances) -> bool:
    """Whether a proof is of a kind that counts, for this, and fresh, strong and close enough for a requirement."""
    return _would(requirement, proof, case) and beyond(proof, case) is None


def fall_short(requirement: Requirement, proofs: Iterable[Proof], case: Circumstances) -> str:
    """Why proofs that would otherwise do do not cover the request, as sentences to go on with; often nothing."""
    said = [beyond(proof, case) for proof in proofs if _would(requirement, proof, case)]
    return "".join(f" The {short}." for short in dict.fromkeys(said) if short)


def beyond(proof: Proof, case: Circumstances) -> str | None:
    """What of the request a proof was not given for, in words: beyond a credential's scope, or outside a task."""
    if proof.kind == "jit_credential" and not jit_scopes.covers(proof.granted, case.event):
        said = ", ".join(proof.granted) or "not known"
        return f"credential's scope is {said}; it must cover {jit_scopes.wanted(case.event)}"
    if proof.kind == "intent":
        lacks = authorization_details.outside(proof.task, case.event, case.policy.intent_types)
        return f"authorised task does not cover {lacks}" if lacks else None
    return None


def _would(requirement: Requirement, proof: Proof, case: Circumstances) -> bool:
    rule = next((rule for rule in that_count(requirement, case) if rule.proves == proof.kind), None)
    return (
        rule is not None
        and alive(proof, case, longest_age(rule, requirement))
        and _short_lived(proof, rule)
        and _in_scope(proof, case.event)
        and same_place(proof, case)
        and (not case.human or _strong(requirement, proof, case))
    )


def answers_the_model(proofs: Iterable[Proof], standing: SessionState, case: Circumstances) -> bool:
    """Whether a proof made after it was asked for settles the model's own step-up, or an expiry, for this request.

    New evidence undoes it: trust fallen by the policy's margin below what it was when the proof was completed.
    """
    requirement = of_the_model(case.policy)
    return any(
        _asked_before(proof, standing)
        and alive(proof, case, requirement.max_age_seconds)
        and suffices(requirement, proof, case)
        and not _new_evidence(proof, case)
        for proof in proofs
    )


def alive(proof: Proof, case: Circumstances, oldest_seconds: int) -> bool:
    """Not from the future, not older than allowed, not expired."""
    expired = proof.expires_at is not None and proof.expires_at <= case.at
    tolerated = timedelta(seconds=case.policy.clock_tolerance_seconds)
    return -tolerated <= case.at - proof.made_at <= timedelta(seconds=oldest_seconds) and not expired


def same_place(proof: Proof, case: Circumstances) -> bool:
    """Whether device and network, where known, are those the proof was made on."""
    if proof.source == "claim":
        moved = ("asn_changed_in_session", "device_changed_in_session", "agent_changed_in_session")
        return not any(case.features.get(name) == 1.0 for name in moved)
    asn, device = case.event.network.asn, case.event.device.id
    return (proof.network_asn is None or asn is None or proof.network_asn == asn) and (
        proof.device_id is None or device is None or proof.device_id == device
    )


def _asked_before(proof: Proof, standing: SessionState) -> bool:
    if proof.decision_id is not None:
        asked = standing.challenged_at.get(proof.decision_id)
        return asked is not None and proof.made_at > asked
    return bool(standing.challenged_at) and proof.made_at > max(standing.challenged_at.values())


def _new_evidence(proof: Proof, case: Circumstances) -> bool:
    before = proof.trust_at_completion
    return before is not None and case.trust < before - case.policy.new_evidence_margin


def _short_lived(proof: Proof, rule: RemedyRule) -> bool:
    """A credential is made for one task only if it soon ends; what else it calls itself does not count."""
    if rule.ttl_seconds is None:
        return True
    return proof.expires_at is not None and proof.expires_at - proof.made_at <= timedelta(seconds=rule.ttl_seconds)


def _in_scope(proof: Proof, event: Event) -> bool:
    return proof.scope is None or proof.scope.covers(event.action.category, event.resource.type)


def _strong(requirement: Requirement, proof: Proof, case: Circumstances) -> bool:
    """Whether a person's proof is strong enough."""
    resists = phishing_resistant(proof, case.policy) or not must_resist(requirement, case)
    return level(proof, case.policy) >= requirement.aal and resists
