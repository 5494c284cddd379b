"""What a request is answered with, and the pure function that decides it.

No clock, no store, no BentoML: the engine gathers, this decides, the engine records and answers. The ruling is the
strictest of what the model, the expiry, thin context and the floors ask; no score lowers a floor.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from features.event.numpy_row import CONTEXT
from features.event.schema import Event
from features.model.trust_curve import TrustCurve
from serving.decision.findings import Finding
from serving.decision.floors import FloorResult
from serving.decision.inputs import Contribution, Explanation, Proof, Revocation, Scope, SessionState, Versions
from serving.decision.remedies import Remedy, challenge_of
from serving.decision.ruling import Measured, Ruling, circumstances, is_thin, judged, low_impact
from serving.decision.session_lifetime import Lifetime, lifetime_of
from serving.policy.schema import Policy

__all__ = [
    "Contribution",
    "Decision",
    "Explanation",
    "Proof",
    "Revocation",
    "Ruling",
    "Scope",
    "SessionState",
    "Versions",
    "decide",
]


@dataclass(frozen=True)
class Decision:
    """The recorded whole."""

    id: str
    at: datetime
    ruling: Ruling
    because: tuple[str, ...]
    degraded: str | None
    trust: TrustCurve | None
    model_asks: Ruling | None
    would_ask: Ruling | None
    threshold: float | None
    floors: tuple[FloorResult, ...]
    remedies: tuple[Remedy, ...]
    lifetime: Lifetime | None
    valid_until: datetime | None
    explanation: Explanation | None
    known: int
    thin: bool
    cache_seconds: int
    enforceable: bool
    versions: Versions
    findings: tuple[Finding, ...]
    asked_by: tuple[str, ...]
    prompt_avoided: bool

    def wire(self) -> dict[str, Any]:
        """As JSON, in the shape every caller and page knows."""
        return {
            "decision_id": self.id,
            "ruling": self.ruling,
            "because": list(self.because),
            "degraded": self.degraded,
            "trust": _trust(self.trust, self.valid_until),
            "model_asks": self.model_asks,
            "model_would_ask": self.would_ask,
            "threshold": self.threshold,
            "floors": [_floor(floor) for floor in self.floors],
            "remedies": [remedy.wire() for remedy in self.remedies],
            "findings": [asdict(finding) for finding in self.findings],
            "prompt_avoided": self.prompt_avoided,
            "session": _session(self),
            "explanation": _explanation(self.explanation),
            "context": {"known": self.known, "of": len(CONTEXT), "thin": self.thin},
            "challenge": challenge_of(self.remedies),
            "cache_seconds": self.cache_seconds,
            "enforceable": self.enforceable,
            "versions": asdict(self.versions),
        }


def decide(
    event: Event,
    features: Mapping[str, float],
    trust: TrustCurve | None,
    explanation: Explanation | None,
    policy: Policy,
    proofs: Sequence[Proof],
    standing: SessionState,
    *,
    id: str,
    at: datetime,
    threshold: float | None,
    versions: Versions,
    degraded: str | None = None,
    enforceable: bool = True,
) -> Decision:
    """Decide one request; `at` is the time ages and expiry are measured at, `threshold` the trust this asset needs.

    A replay tries out a policy on what is past, so only an enforced request asks whether the policy is still in force.
    """
    lapsed = policy.lapsed(at) if enforceable else None
    measured = _measured(trust, threshold, degraded or lapsed)
    trusted = measured.trust.now if measured.trust else 0.0
    case = circumstances(event, features, trusted, measured.threshold, policy, at)
    found = judged(case, measured, proofs, standing)
    lifetime = None
    if measured.trust is not None and found.ruling == "allow":
        lifetime = lifetime_of(measured.trust, case, found.floors, proofs, stepped_up=found.answered)
    return Decision(
        id=id,
        at=at,
        ruling=found.ruling,
        because=found.because,
        degraded=measured.degraded,
        trust=measured.trust,
        model_asks=found.asks,
        would_ask=found.would_ask,
        threshold=measured.threshold,
        floors=found.floors,
        remedies=found.remedies,
        lifetime=lifetime,
        valid_until=at + timedelta(seconds=lifetime.seconds) if lifetime else standing.valid_until,
        explanation=explanation,
        known=_known(features),
        thin=is_thin(case),
        cache_seconds=policy.cache_seconds if lifetime and not measured.degraded and _cacheable(event) else 0,
        enforceable=enforceable,
        versions=versions,
        findings=found.findings,
        asked_by=found.asked_by,
        prompt_avoided=found.prompt_avoided,
    )


def _measured(trust: TrustCurve | None, threshold: float | None, degraded: str | None) -> Measured:
    """A trust that is no number counts as none at all, and none at all fails closed."""
    sound = trust is not None and math.isfinite(trust.now_log_odds) and _finite(trust.hazards)
    comparable = threshold is not None and math.isfinite(threshold)
    missing = None if sound and comparable else "the model gave no trust"
    return Measured(trust if sound else None, threshold if comparable else None, degraded or missing)


def _known(features: Mapping[str, float]) -> int:
    fraction = features.get("context_known_fraction", math.nan)
    return 0 if math.isnan(fraction) else round(fraction * len(CONTEXT))


def _finite(values: Iterable[float]) -> bool:
    return all(0.0 <= value < 1.0 for value in values)


def _cacheable(event: Event) -> bool:
    """A look at what is known to be harmless; of unknown sensitivity nothing is reused."""
    return low_impact(event) and event.resource.sensitivity is not None


def _trust(trust: TrustCurve | None, valid_until: datetime | None) -> dict[str, Any] | None:
    if trust is None:
        return None
    return {
        "now": trust.now,
        "curve": [{"after_seconds": seconds, "trust": value} for seconds, value in trust.points()],
        "hazard_per_hour": trust.hazard_per_hour,
        "valid_until": valid_until.isoformat() if valid_until else None,
    }


def _floor(floor: FloorResult) -> dict[str, Any]:
    status = {"would_apply": floor.status} if floor.shadow else {"status": floor.status}
    requires = floor.requires.model_dump(mode="json")
    return {
        "id": floor.id,
        **status,
        "sentence": floor.sentence,
        "requires": requires,
        "references": list(floor.references),
    }


def _session(decision: Decision) -> dict[str, Any]:
    revoked = "the session is revoked" in decision.because
    seconds = decision.lifetime.seconds if decision.lifetime else None
    limited_by = decision.lifetime.limited_by if decision.lifetime else None
    return {"action": "end" if revoked else "keep", "lifetime_seconds": seconds, "limited_by": limited_by}


def _explanation(explanation: Explanation | None) -> dict[str, Any] | None:
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
