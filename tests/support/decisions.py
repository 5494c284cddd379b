"""Decisions for tests: an event in a few words, and `decide` with harmless inputs unless a test names others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from features.event.schema import Event
from features.model.trust_curve import TrustCurve
from serving.decision.decision import Decision, decide
from serving.decision.inputs import Proof, SessionState, Versions
from serving.decision.readings import Readings
from serving.policy.schema import Policy

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
POLICY = Policy.load()
TRUSTED = TrustCurve(-12.0, (0.0, 0.0, 0.0, 0.0))
DOUBTED = TrustCurve(1.0, (0.0, 0.0, 0.0, 0.0))
WELL_KNOWN = {"context_known_fraction": 0.8}
VERSIONS = Versions(model="7", policy=POLICY.digest, features="sha256:test")


def an_event(kind: str = "human", category: str | None = "read", **groups: Any) -> Event:
    """An event of an identity type and action category; `groups` replace or extend parts of it."""
    action = {"name": "service:Do", "category": category} | groups.pop("action", {})
    return Event.model_validate(
        {"time": NOW, "identity": {"id": "ada", "type": kind} | groups.pop("identity", {}), "action": action} | groups
    )


def decide_on(
    event: Event,
    *,
    trust: TrustCurve | None = TRUSTED,
    features: Mapping[str, float] | None = None,
    proofs: Sequence[Proof] = (),
    session: SessionState | None = None,
    threshold: float | None = 0.6,
    policy: Policy = POLICY,
    degraded: str | None = None,
    at: datetime = NOW,
) -> Decision:
    """The decision on an event that is trusted and has a well-known context, unless given otherwise."""
    return decide(
        Readings(event),
        WELL_KNOWN | dict(features or {}),
        trust,
        None,
        policy,
        proofs,
        session or SessionState(),
        id="decision",
        at=at,
        threshold=threshold,
        versions=VERSIONS,
        degraded=degraded,
    )


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def strong_proof(seconds_ago: float = 60.0, **changes: Any) -> Proof:
    """An authentication with a phishing-resistant factor."""
    values: dict[str, Any] = {"made_at": ago(seconds_ago), "kind": "interactive_mfa", "amr": ("pwd", "hwk")}
    return Proof(**(values | changes))


def attestation(seconds_ago: float = 60.0, **changes: Any) -> Proof:
    """An attestation of a workload."""
    values: dict[str, Any] = {"made_at": ago(seconds_ago), "kind": "attest_workload_identity"}
    return Proof(**(values | changes))


PROOF_OF = {
    "human": strong_proof(),
    "workload": attestation(),
    "service_account": attestation(),
    "agent": attestation(),
}


@dataclass(frozen=True)
class Situation:
    """A request with what is known about it: parts of its event, features, trust, proofs and the session's state."""

    identity_type: str
    category: str
    groups: dict[str, Any] = field(default_factory=dict)
    features: dict[str, float] = field(default_factory=dict)
    trust: TrustCurve = TRUSTED
    proofs: tuple[Proof, ...] = ()
    session: SessionState = field(default_factory=SessionState)

    def decide(self) -> Decision:
        event = an_event(self.identity_type, self.category, **self.groups)
        return decide_on(event, features=self.features, trust=self.trust, proofs=self.proofs, session=self.session)
