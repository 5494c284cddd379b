"""What a request is answered with, and the pure function that decides it.

No clock, no store, no BentoML: the engine gathers, this decides, the engine records and answers. The ruling is the
strictest of what the model, the expiry, thin context and the floors ask; no score lowers a floor.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from features.decay import TrustCurve
from features.event import Event
from features.rows import CONTEXT
from serving.floors import FloorResult, evaluated
from serving.known import Contribution, Explanation, Proof, Revocation, Scope, Standing, Versions
from serving.lifetime import Lifetime, lifetime_of
from serving.policy import Policy
from serving.proofs import answers_the_model
from serving.remedies import Remedy, challenge_of, remedies_for

__all__ = [
    "Contribution",
    "Decision",
    "Explanation",
    "Proof",
    "Revocation",
    "Ruling",
    "Scope",
    "Standing",
    "Versions",
    "decide",
]

Ruling = Literal["allow", "step_up", "deny"]
_STRICTNESS: dict[Ruling, int] = {"allow": 0, "step_up": 1, "deny": 2}
_LOOKS = ("read", "list")


def strictest(rulings: Iterable[Ruling]) -> Ruling:
    """The strictest of some rulings; of none, allow.

    >>> strictest(["allow", "deny", "step_up"])
    'deny'
    """
    return max(rulings, key=_STRICTNESS.__getitem__, default="allow")


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
    standing: Standing,
    *,
    id: str,
    at: datetime,
    threshold: float | None,
    versions: Versions,
    degraded: str | None = None,
    enforceable: bool = True,
) -> Decision:
    """Decide one request; `at` is the time ages and expiry are measured at, `threshold` the trust this asset needs.

    A trust that is no number counts as none at all, and none at all fails closed.
    """
    trust = trust if trust is not None and math.isfinite(trust.now_log_odds) and _finite(trust.hazards) else None
    threshold = threshold if threshold is not None and math.isfinite(threshold) else None
    degraded = degraded or ("the model gave no trust" if trust is None or threshold is None else None)
    floors = evaluated(policy, event, features, proofs, at)
    answered = trust is not None and answers_the_model(proofs, standing, event, features, trust.now, policy, at)
    asks, would = _model(event, trust, threshold, answered, policy)
    proven = answered or any(floor.status == "satisfied" and not floor.shadow for floor in floors)
    fraction = features.get("context_known_fraction", math.nan)
    thin = not fraction >= policy.thin_context.below
    reasons: list[tuple[Ruling, str]] = [
        (asks, "the model"),
        (_expiry(standing, answered, at), "the session's trust has expired"),
        (_thin(event, policy) if thin and not proven else "allow", "too little is known"),
        *(("step_up", f"floor {floor.id}") for floor in floors if floor.rules),
        ("deny" if standing.revoked else "allow", "the session is revoked"),
        (_failing_closed(event) if degraded else "allow", f"degraded: {degraded}"),
    ]
    ruling = strictest(rule for rule, _ in reasons)
    storm = event.identity.type != "human" and standing.prompts_in_window >= policy.storm.prompts
    lifetime = lifetime_of(trust, event, floors, answered, policy, at) if trust and ruling == "allow" else None
    return Decision(
        id=id,
        at=at,
        ruling=ruling,
        because=tuple(why for rule, why in reasons if rule == ruling != "allow"),
        degraded=degraded,
        trust=trust,
        model_asks=asks if trust else None,
        would_ask=would,
        threshold=threshold,
        floors=floors,
        remedies=remedies_for(event, floors, trust.now if trust else None, storm, policy)
        if ruling == "step_up"
        else (),
        lifetime=lifetime,
        valid_until=at + timedelta(seconds=lifetime.seconds) if lifetime else standing.valid_until,
        explanation=explanation,
        known=0 if math.isnan(fraction) else round(fraction * len(CONTEXT)),
        thin=thin,
        cache_seconds=policy.cache_seconds if ruling == "allow" and _cacheable(event) else 0,
        enforceable=enforceable,
        versions=versions,
    )


def _finite(values: Iterable[float]) -> bool:
    return all(0.0 <= value < 1.0 for value in values)


def _model(
    event: Event, trust: TrustCurve | None, threshold: float | None, answered: bool, policy: Policy
) -> tuple[Ruling, Ruling | None]:
    """What the model asks, and what it would ask if its thresholds were not in shadow mode."""
    if trust is None or threshold is None:
        return "allow", None
    if trust.now < policy.deny_below[event.identity.type]:
        asked: Ruling = "deny"
    else:
        asked = "step_up" if trust.now < threshold and not answered else "allow"
    return ("allow", asked) if policy.threshold_mode == "shadow" else (asked, None)


def _expiry(standing: Standing, answered: bool, at: datetime) -> Ruling:
    expired = standing.valid_until is not None and at > standing.valid_until
    return "step_up" if expired and not answered else "allow"


def _thin(event: Event, policy: Policy) -> Ruling:
    return "allow" if event.action.category in policy.thin_context.allow else "step_up"


def _failing_closed(event: Event) -> Ruling:
    """A person may prove himself for a look at something harmless; all else must wait."""
    return "step_up" if event.identity.type == "human" and _low_impact(event) else "deny"


def _cacheable(event: Event) -> bool:
    """A look at what is known to be harmless; of unknown sensitivity nothing is reused."""
    return _low_impact(event) and event.resource.sensitivity is not None


def _low_impact(event: Event) -> bool:
    return (
        event.action.category in _LOOKS
        and event.resource.sensitivity in ("public", "internal", None)
        and event.action.impact in ("low", None)
    )


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
            {**asdict(each), "value": None if math.isnan(each.value) else each.value}
            for each in explanation.contributions
        ],
    }
