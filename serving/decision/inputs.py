"""What a decision is made from: the request, proofs, the state of the session, the model's explanation, versions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, TypeAdapter

from features.event.schema import Event
from serving.decision.authorization_details import Detail
from serving.decision.places.place import NO_PLACES, KnownPlaces, Place, place_of, request_name
from serving.decision.readings import Reading
from serving.policy.rules import proof_kind
from serving.policy.schema import Policy, ProofKind


@dataclass(frozen=True)
class DecisionContext:
    """One request under one policy at a time, which floors and proofs are evaluated against.

    `trust` is the probability that the session is not compromised, 0 when it is unknown. `doubted` says that an
    attacker may hold the session: its trust is below the threshold, or its credential is exposed.
    """

    event: Event
    features: Mapping[str, float]
    trust: float
    doubted: bool
    policy: Policy
    at: datetime
    failed_step_ups: int = 0
    """How many step-ups of this identity failed within the policy's window."""
    others: tuple[Reading, ...] = ()
    """Further readings of the request, whose floors it meets as well."""
    trust_as_sent: float | None = None
    """The trust without stand-ins for what was withheld, where that is another."""
    places: KnownPlaces = NO_PLACES

    @cached_property
    def place(self) -> Place:
        """Where the request comes from."""
        return place_of(self.event)

    @cached_property
    def request_name(self) -> str:
        """What the same request is recognised by when it is sent again."""
        return request_name(self.event)

    @property
    def stated_trust(self) -> float:
        """The trust that denial and phishing resistance follow: what was withheld never leads to them by itself."""
        return self.trust if self.trust_as_sent is None else self.trust_as_sent

    @property
    def human(self) -> bool:
        """Whether the identity is a person."""
        return self.event.identity.type == "human"


@dataclass(frozen=True)
class Scope:
    """The requests a proof was given for; without a resource type, those that name none."""

    category: str | None
    resource_type: str | None

    def covers(self, category: str | None, resource_type: str | None) -> bool:
        """Whether a proof of this scope counts for a request."""
        return (self.category, self.resource_type) == (category, resource_type)

    @property
    def words(self) -> str:
        """The scope in words."""
        return f"{self.category or 'an unknown action'} on {self.resource_type or 'a resource without a type'}"


@dataclass(frozen=True)
class Proof:
    """Evidence of authentication or attestation: when it was made, how strong it is, and what it was given for."""

    made_at: datetime
    kind: ProofKind
    acr: str | None = None
    amr: tuple[str, ...] = ()
    aal: int | None = None
    scope: Scope | None = None
    expires_at: datetime | None = None
    decision_id: str | None = None
    source: Literal["claim", "step_up"] = "claim"
    place: Place | None = None
    """Where it was made; None where nobody recorded it."""
    request: str | None = None
    """The `request_name` of the request that it was asked for."""
    trust_at_completion: float | None = None
    granted: tuple[str, ...] = ()
    """The scopes of a credential made for one task."""
    task: tuple[Detail, ...] = ()
    """The authorization details of an intent."""
    id: str | None = None
    """What its issuer calls it, such as the id of a token."""
    asked_at: datetime | None = None
    """When the challenge was made that it completed."""

    def __post_init__(self) -> None:
        """Read a kind by its former name as well."""
        object.__setattr__(self, "kind", proof_kind(self.kind))


def _of_an_earlier_record(record: Any) -> Any:
    """A proof as 0.2 recorded it: with the number of the network and the id of the device."""
    if not isinstance(record, dict) or "network_asn" not in record:
        return record
    kept = {name: value for name, value in record.items() if name not in ("network_asn", "device_id")}
    place = {"asn": record["network_asn"], "device": record.get("device_id")}
    return kept | {"place": place if any(value is not None for value in place.values()) else None}


RECORDED_PROOF: TypeAdapter[Proof] = TypeAdapter(Annotated[Proof, BeforeValidator(_of_an_earlier_record)])
"""Reads and writes proofs as JSON, also those of earlier releases."""


@dataclass(frozen=True)
class Revocation:
    """Denies every request of an identity, or of one of its sessions."""

    session: str | None
    at: datetime
    by: str
    reason: str
    until: datetime | None = None
    """When it was lifted, for a replay of the past."""


@dataclass(frozen=True)
class Prompt:
    """A step-up that was asked for: the remedy offered first, and the policy's rules that asked for it."""

    remedy: str
    asked_by: tuple[str, ...]
    unproven: bool = False
    """Whether a person was asked who had proven nothing at this place; unanswered ones count together."""


@dataclass(frozen=True)
class SessionState:
    """What the store knows of an identity and session beside its history."""

    revocation: Revocation | None = None
    session_revoked_at: datetime | None = None
    """When another session of this identity was revoked last."""
    valid_until: datetime | None = None
    """Until when the session was allowed; None for one that never was."""
    prompts_in_window: int = 0
    """How many step-ups the identity was asked for in the storm window."""
    challenged_at: Mapping[str, datetime] = field(default_factory=dict)
    """When this session was asked for proof for the same category and resource type, by decision id; only the newest of
    a stored session."""
    last_seen: datetime | None = None
    prompts_by_remedy: Mapping[str, int] = field(default_factory=dict)
    """How many prompts in the window offered each remedy first, for the same category and resource type."""
    prompts_by_rule: Mapping[str, int] = field(default_factory=dict)
    """How many prompts in the window each floor, threshold or limit asked for."""
    failed_step_ups: int = 0
    """How many step-ups of the identity failed within the policy's window."""
    places: KnownPlaces = NO_PLACES


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
    """The versions a decision was made with: model version, digests of the policy, the feature catalogue, the files
    about actions, assets and identities (None without any), and the population events are compared with."""

    model: str | None
    policy: str
    features: str
    catalogues: str | None = None
    population: str | None = None
