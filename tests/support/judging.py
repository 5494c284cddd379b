"""What tests of rulings share: an event by a few words, and `decide` with everything harmless unless said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from features.event.schema import Event
from features.model.trust_curve import TrustCurve
from serving.decision.decide import Decision, Proof, SessionState, Versions, decide
from serving.policy.schema import Policy

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
POLICY = Policy.load()
TRUSTED = TrustCurve(-12.0, (0.0, 0.0, 0.0, 0.0))
DOUBTED = TrustCurve(1.0, (0.0, 0.0, 0.0, 0.0))
WELL_KNOWN = {"context_known_fraction": 0.8}
VERSIONS = Versions(model="7", policy=POLICY.digest, features="sha256:test")


def an_event(kind: str = "human", category: str | None = "read", **groups: Any) -> Event:
    action = {"name": "service:Do", "category": category} | groups.pop("action", {})
    return Event.model_validate(
        {"time": NOW, "identity": {"id": "ada", "type": kind} | groups.pop("identity", {}), "action": action} | groups
    )


def judged(
    event: Event,
    *,
    trust: TrustCurve | None = TRUSTED,
    features: Mapping[str, float] | None = None,
    proofs: Sequence[Proof] = (),
    standing: SessionState | None = None,
    threshold: float | None = 0.6,
    policy: Policy = POLICY,
    degraded: str | None = None,
    at: datetime = NOW,
) -> Decision:
    return decide(
        event,
        WELL_KNOWN | dict(features or {}),
        trust,
        None,
        policy,
        proofs,
        standing or SessionState(),
        id="decision",
        at=at,
        threshold=threshold,
        versions=VERSIONS,
        degraded=degraded,
    )


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def strong_proof(seconds_ago: float = 60.0, **changes: Any) -> Proof:
    given: dict[str, Any] = {"made_at": ago(seconds_ago), "kind": "authentication", "amr": ("pwd", "hwk")}
    return Proof(**(given | changes))


def attestation(seconds_ago: float = 60.0, **changes: Any) -> Proof:
    given: dict[str, Any] = {"made_at": ago(seconds_ago), "kind": "attestation"}
    return Proof(**(given | changes))


PROOF_OF = {
    "human": strong_proof(),
    "workload": attestation(),
    "service_account": attestation(),
    "agent": attestation(),
}
