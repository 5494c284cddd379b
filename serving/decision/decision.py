"""The pure function that decides a request, and the decision it returns.

It has no clock, no store and no HTTP: the engine gathers the inputs, this module decides, and the engine records and
answers. The ruling is the strictest that the model, expiry, thin context and floors ask for; no trust lowers a floor.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from features.event.row_fields import CONTEXT
from features.event.schema import Category, Event
from features.model.trust_curve import TrustCurve
from serving.decision.findings import Finding
from serving.decision.floor_evaluation import FloorResult
from serving.decision.inputs import Explanation, Proof, SessionState, Versions
from serving.decision.lowest_trust import LowestTrust, counted_trust, counted_trust_as_sent, counts_for
from serving.decision.places.place import UNKNOWN_PLACE, Place
from serving.decision.proofs import satisfies_model
from serving.decision.readings import ActionReading, Readings
from serving.decision.remedies import Remedy, challenge_header
from serving.decision.ruling import ModelAssessment, Ruling, decision_context, determine_ruling, is_thin, low_impact
from serving.decision.session_lifetime import Lifetime, compute_lifetime
from serving.policy.schema import Policy


@dataclass(frozen=True)
class Decision:
    """A decision with everything that is recorded and answered."""

    id: str
    at: datetime
    ruling: Ruling
    because: tuple[str, ...]
    degraded: str | None
    trust: TrustCurve | None
    model_asks: Ruling | None
    model_would_ask: Ruling | None
    threshold: float | None
    floors: tuple[FloorResult, ...]
    remedies: tuple[Remedy, ...]
    lifetime: Lifetime | None
    valid_until: datetime | None
    explanation: Explanation | None
    known_fields: int
    thin_context: bool
    cache_seconds: int
    enforceable: bool
    versions: Versions
    findings: tuple[Finding, ...]
    asked_by: tuple[str, ...]
    prompt_avoided: bool
    refused_proofs: tuple[str, ...]
    identity: str
    challenge_expires_at: datetime | None
    action: ActionReading | None
    lowest: LowestTrust | None = None
    """The lowest trust where the request comes from, as long as that is new."""
    counted_trust: float | None = None
    """The trust that the threshold was compared with."""
    category: Category | None = None
    """The category that counts."""
    proven_at: tuple[Place, ...] = ()
    """Where the proofs were made that the request carries and that settle what the model asked for."""
    retry_after_seconds: int | None = None

    def wire(self) -> dict[str, Any]:
        """The decision as JSON, in the shape of an answer."""
        return {
            "decision_id": self.id,
            "ruling": self.ruling,
            "because": list(self.because),
            "degraded": self.degraded,
            "trust": _trust_json(self),
            "model_asks": self.model_asks,
            "model_would_ask": self.model_would_ask,
            "threshold": self.threshold,
            "action": self.action.wire() if self.action else None,
            "floors": [_floor_json(floor) for floor in self.floors],
            "remedies": [remedy.wire(self.id, self.identity) for remedy in self.remedies],
            "refused_proofs": list(self.refused_proofs),
            "findings": [asdict(finding) for finding in self.findings],
            "prompt_avoided": self.prompt_avoided,
            "session": _session_json(self),
            "explanation": _explanation_json(self.explanation),
            "context": {"known": self.known_fields, "of": len(CONTEXT), "thin": self.thin_context},
            "challenge": challenge_header(self.remedies),
            "challenge_expires_at": self.challenge_expires_at.isoformat() if self.challenge_expires_at else None,
            "retry_after_seconds": self.retry_after_seconds,
            "cache_seconds": self.cache_seconds,
            "enforceable": self.enforceable,
            "versions": asdict(self.versions),
        }


def decide(
    readings: Readings,
    features: Mapping[str, float],
    trust: TrustCurve | None,
    explanation: Explanation | None,
    policy: Policy,
    proofs: Sequence[Proof],
    session: SessionState,
    *,
    id: str,
    at: datetime,
    threshold: float | None,
    versions: Versions,
    degraded: str | None = None,
    enforceable: bool = True,
    as_sent: TrustCurve | None = None,
    lowest: LowestTrust | None = None,
) -> Decision:
    """Decide one request, of which there may be several readings.

    `at` is the time that ages and expiry are measured at, `threshold` the trust this identity type and sensitivity
    need. `as_sent` is the trust without stand-ins for what was withheld, where there are any: denial and phishing
    resistance follow it. `lowest` is the lowest trust where the request comes from, if that is new to the identity.
    Without a finite trust and threshold, or with a reason in `degraded`, the decision fails
    closed. A replay (`enforceable=False`) tries a policy on the past, so only an enforced request requires the policy
    to be in force.
    """
    not_in_force = policy.not_in_force(at) if enforceable else None
    assessment = _assess(trust, threshold, degraded or not_in_force)
    category = readings.event.action.category
    model_trust = assessment.trust.now if assessment.trust else 0.0
    sent = as_sent.now if as_sent and math.isfinite(as_sent.now_log_odds) else None
    sent = counted_trust_as_sent(model_trust if sent is None and lowest else sent, lowest, category)
    now = counted_trust(model_trust, lowest, category)
    context = decision_context(
        readings, features, now, assessment.threshold, policy, at, session.failed_step_ups, sent, session.places
    )
    result = determine_ruling(context, assessment, proofs, session)
    lifetime, allowed = None, result.ruling == "allow"
    if assessment.trust is not None and allowed:
        shortest = lowest.seconds if lowest else None
        lifetime = compute_lifetime(
            assessment.trust, context, result.floors, proofs, stepped_up=result.stepped_up, shortest_seconds=shortest
        )
    claims = [proof for proof in proofs if proof.source == "claim"]
    cacheable = lifetime is not None and not assessment.degraded and _is_cacheable(readings.event)
    return Decision(
        id=id,
        at=at,
        ruling=result.ruling,
        because=result.because,
        degraded=assessment.degraded,
        trust=assessment.trust,
        model_asks=result.model_asks,
        model_would_ask=result.model_would_ask,
        threshold=assessment.threshold,
        floors=result.floors,
        remedies=result.remedies,
        lifetime=lifetime,
        valid_until=at + timedelta(seconds=lifetime.seconds) if lifetime else session.valid_until,
        explanation=explanation,
        known_fields=_count_known_fields(features),
        thin_context=is_thin(context),
        cache_seconds=policy.cache_seconds if cacheable else 0,
        enforceable=enforceable,
        versions=versions,
        findings=result.findings,
        asked_by=result.asked_by,
        prompt_avoided=result.prompt_avoided,
        refused_proofs=result.refused_proofs,
        identity=readings.event.identity.id,
        challenge_expires_at=at + timedelta(seconds=policy.step_ups.challenge_seconds) if result.remedies else None,
        action=readings.action,
        lowest=lowest,
        counted_trust=now if assessment.trust else None,
        category=category,
        proven_at=tuple(
            claim.place or UNKNOWN_PLACE for claim in claims if allowed and satisfies_model([claim], session, context)
        ),
    )


def _assess(trust: TrustCurve | None, threshold: float | None, degraded: str | None) -> ModelAssessment:
    """The model's assessment; a trust or threshold that is not a finite number counts as missing."""
    sound = trust is not None and math.isfinite(trust.now_log_odds) and _are_probabilities(trust.hazards)
    comparable = threshold is not None and math.isfinite(threshold)
    missing = None if sound and comparable else "the model gave no trust"
    return ModelAssessment(trust if sound else None, threshold if comparable else None, degraded or missing)


def _are_probabilities(values: Iterable[float]) -> bool:
    return all(0.0 <= value < 1.0 for value in values)


def _count_known_fields(features: Mapping[str, float]) -> int:
    fraction = features.get("context_known_fraction", math.nan)
    return 0 if math.isnan(fraction) else round(fraction * len(CONTEXT))


def _is_cacheable(event: Event) -> bool:
    """Whether an allow may be reused: for viewing what is known to be harmless."""
    return low_impact(event) and event.resource.sensitivity is not None


def _trust_json(decision: Decision) -> dict[str, Any] | None:
    trust, lowest, valid_until = decision.trust, decision.lowest, decision.valid_until
    if trust is None:
        return None
    counts = counts_for(decision.category)
    return {
        "now": trust.now,
        "counted": decision.counted_trust,
        "lowest": lowest.wire(trust.now, decision.at, counts=counts) if lowest else None,
        "curve": [{"after_seconds": seconds, "trust": value} for seconds, value in trust.points()],
        "hazard_per_hour": trust.hazard_per_hour,
        "valid_until": valid_until.isoformat() if valid_until else None,
    }


def _floor_json(floor: FloorResult) -> dict[str, Any]:
    requires = floor.requires.model_dump(mode="json")
    return {
        "id": floor.id,
        "status": None if floor.shadow else floor.status,
        "would_apply": floor.status if floor.shadow else None,
        "sentence": floor.full_sentence,
        "requires": requires,
        "references": list(floor.references),
    }


def _session_json(decision: Decision) -> dict[str, Any]:
    revoked = "the session is revoked" in decision.because
    seconds = decision.lifetime.seconds if decision.lifetime else None
    limited_by = decision.lifetime.limited_by if decision.lifetime else None
    return {"action": "end" if revoked else "keep", "lifetime_seconds": seconds, "limited_by": limited_by}


def _explanation_json(explanation: Explanation | None) -> dict[str, Any] | None:
    if explanation is None:
        return None
    return {
        "base": explanation.base,
        "margin": explanation.margin,
        "contributions": [
            {**vars(each), "value": None if math.isnan(each.value) else each.value}
            for each in explanation.contributions
        ],
    }
