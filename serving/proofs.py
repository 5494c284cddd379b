"""Which proof satisfies what.

A claim of authentication by a caller that may assert it, and a step-up reported by the identity provider, are proofs
alike; what they are worth differs by strength, age, scope and whether device and network are still those they were
made on: a cookie stolen two minutes after a second factor carries its owner's fresh time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from features.event import Event
from features.rows import strength_of
from serving.known import Proof, Standing
from serving.policy import Policy, Requirement

CLOCK_TOLERANCE = timedelta(seconds=5)
PHISHING_RESISTANT = 3.0
SEVERAL_FACTORS = 2.0
MACHINES_SECONDS = 3_600
"""A machine's proof may be as old as the lifetime of an X.509-SVID, whatever a person's may."""


def claimed(event: Event) -> tuple[Proof, ...]:
    """The proofs an event itself carries (only a caller with scope `assure` can leave them in it)."""
    proofs = []
    said, credential = event.authentication, event.credential
    if said.time is not None:
        proofs.append(
            Proof(said.time, "authentication", said.acr, said.amr or (), said.aal, network_asn=None, device_id=None)
        )
    if credential.attested_at is not None:
        proofs.append(Proof(credential.attested_at, "attestation"))
    if credential.kind == "jit_credential" and credential.issued_at is not None:
        proofs.append(Proof(credential.issued_at, "jit_credential", expires_at=credential.expires_at))
    return tuple(proofs)


def level(proof: Proof, policy: Policy) -> int:
    """The assurance level a proof is worth: what its factors show, bounded by what is claimed; `rba` never counts."""
    shown = {0.0: 0, 1.0: 1, 2.0: 2, 3.0: 3}[strength_of(" ".join(proof.amr))]
    said = [v for v in (proof.aal, policy.acr_levels.get(proof.acr or "")) if v is not None]
    return min(shown, *said) if said and shown else shown


def phishing_resistant(proof: Proof) -> bool:
    """Whether a factor of this proof cannot be relayed."""
    return strength_of(" ".join(proof.amr)) == PHISHING_RESISTANT


def suffices(
    requirement: Requirement, proof: Proof, event: Event, features: Mapping[str, float], policy: Policy, at: datetime
) -> bool:
    """Whether a proof is fresh, strong and close enough for a floor's requirement."""
    return (
        _alive(proof, at, _oldest(requirement, event))
        and _in_scope(proof, event)
        and _same_place(proof, event, features)
        and _strong(requirement, proof, event, policy)
    )


def answers_the_model(
    proofs: Iterable[Proof],
    standing: Standing,
    event: Event,
    features: Mapping[str, float],
    trust: float,
    policy: Policy,
    at: datetime,
) -> bool:
    """Whether a proof made after it was asked for settles the model's own step-up, or an expiry, for this request.

    New evidence undoes it: trust fallen by the policy's margin below what it was when the proof was completed.
    """
    human = Requirement(
        aal=2,
        phishing_resistant=trust < policy.phishing_resistant_below,
        max_age_seconds=policy.lifetime.elevation_seconds,
    )
    return any(
        _asked_before(proof, standing)
        and _alive(proof, at, timedelta(seconds=policy.lifetime.elevation_seconds))
        and _in_scope(proof, event)
        and _same_place(proof, event, features)
        and _strong(human, proof, event, policy)
        and not _new_evidence(proof, trust, policy)
        for proof in proofs
    )


def _asked_before(proof: Proof, standing: Standing) -> bool:
    if proof.decision_id is not None:
        asked = standing.asked.get(proof.decision_id)
        return asked is not None and proof.made_at > asked
    return bool(standing.asked) and proof.made_at > max(standing.asked.values())


def _new_evidence(proof: Proof, trust: float, policy: Policy) -> bool:
    before = proof.trust_at_completion
    return before is not None and trust < before - policy.new_evidence_margin


def _alive(proof: Proof, at: datetime, oldest: timedelta) -> bool:
    """Not from the future, not older than allowed, not expired."""
    expired = proof.expires_at is not None and proof.expires_at <= at
    return -CLOCK_TOLERANCE <= at - proof.made_at <= oldest and not expired


def _oldest(requirement: Requirement, event: Event) -> timedelta:
    machine = event.identity.type != "human"
    return timedelta(seconds=max(requirement.max_age_seconds, MACHINES_SECONDS * machine))


def _in_scope(proof: Proof, event: Event) -> bool:
    return proof.scope is None or proof.scope.covers(event.action.category, event.resource.type)


def _same_place(proof: Proof, event: Event, features: Mapping[str, float]) -> bool:
    """Whether device and network, where known, are those the proof was made on."""
    if proof.source == "claim":
        moved = ("asn_changed_in_session", "device_changed_in_session", "agent_changed_in_session")
        return not any(features.get(name) == 1.0 for name in moved)
    asn, device = event.network.asn, event.device.id
    return (proof.network_asn is None or asn is None or proof.network_asn == asn) and (
        proof.device_id is None or device is None or proof.device_id == device
    )


def _strong(requirement: Requirement, proof: Proof, event: Event, policy: Policy) -> bool:
    if event.identity.type != "human":
        return proof.kind in requirement.accepts
    resistant = requirement.phishing_resistant or event.resource.sensitivity == "restricted"
    return (
        proof.kind == "authentication"
        and level(proof, policy) >= requirement.aal
        and (phishing_resistant(proof) or not resistant)
    )
