"""What the engine gathers before a decision: proofs, what the store knows of the session, the model's explanation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from serving.decision.authorization_details import Detail
from serving.policy.schema import ProofKind


@dataclass(frozen=True)
class Scope:
    """What a proof was given for; None counts for everything."""

    category: str | None
    resource_type: str | None

    def covers(self, category: str | None, resource_type: str | None) -> bool:
        """Whether a proof of this scope counts for a request."""
        return self.category == category and self.resource_type in (None, resource_type)


@dataclass(frozen=True)
class Proof:
    """Evidence of authentication or attestation, made at a time, worth so much, for so much."""

    made_at: datetime
    kind: ProofKind
    acr: str | None = None
    amr: tuple[str, ...] = ()
    aal: int | None = None
    scope: Scope | None = None
    expires_at: datetime | None = None
    decision_id: str | None = None
    source: Literal["claim", "step_up"] = "claim"
    network_asn: int | None = None
    device_id: str | None = None
    trust_at_completion: float | None = None
    granted: tuple[str, ...] = ()
    """The scope of a credential made for one task."""
    task: tuple[Detail, ...] = ()
    """The authorization details of an intent."""


@dataclass(frozen=True)
class Revocation:
    """An identity, or one session of it, is denied everything."""

    session: str | None
    at: datetime
    by: str
    reason: str


@dataclass(frozen=True)
class Prompt:
    """A step-up that was asked for: the remedy offered first, and what of the policy asked."""

    remedy: str
    asked_by: tuple[str, ...]


@dataclass(frozen=True)
class SessionState:
    """What the store knows of an identity and session beside its history."""

    revocation: Revocation | None = None
    valid_until: datetime | None = None
    prompts_in_window: int = 0
    """How many step-ups the identity was asked for in the storm window."""
    challenged_at: Mapping[str, datetime] = field(default_factory=dict)
    """When this session was asked for proof for the same category and resource type, by decision id."""
    last_seen: datetime | None = None
    prompts_by_remedy: Mapping[str, int] = field(default_factory=dict)
    """How many prompts in the window offered each remedy first, for the same category and resource type."""
    prompts_by_rule: Mapping[str, int] = field(default_factory=dict)
    """How many prompts in the window each floor, threshold or limit asked for."""


@dataclass(frozen=True)
class Contribution:
    """What one feature adds to the log-odds of compromise."""

    feature: str
    value: float
    contribution: float
    sentence: str


@dataclass(frozen=True)
class Explanation:
    """base + Σ contributions = margin, in calibrated log-odds of compromise."""

    base: float
    margin: float
    contributions: tuple[Contribution, ...]


@dataclass(frozen=True)
class Versions:
    """What was in force: model version, policy digest, feature catalogue digest."""

    model: str | None
    policy: str
    features: str
