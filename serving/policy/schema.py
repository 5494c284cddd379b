"""The typed policy file, validated as a whole before it takes effect.

Data only: `serving.decision` evaluates it. Every decision names the digest of the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, PrivateAttr, model_validator

from features.event.schema import Category, IdentityType, Sensitivity
from features.hashing import digest_of
from serving.policy.loader import PolicyError, load_model
from serving.policy.rules import (
    IDENTITY_TYPES,
    AcrLevel,
    Condition,
    Floor,
    Level,
    Mode,
    PolicyPart,
    ProofKind,
    RemedyRule,
    RemedyType,
    Requirement,
    Seconds,
    Share,
)

__all__ = [
    "BUILT_IN",
    "Condition",
    "Floor",
    "Lifetime",
    "Policy",
    "PolicyError",
    "ProofKind",
    "RemedyRule",
    "RemedyType",
    "Requirement",
    "SessionCeiling",
    "Threshold",
    "Thresholds",
]

BUILT_IN = Path(__file__).parent / "policy.yaml"
"""The policy that ships with the service."""

AcrValue = Annotated[str, Field(pattern=r"^[!#-\[\]-~]+$", max_length=256)]
"""Visible ASCII without quote, backslash or space (RFC 6749), since acr values go into a quoted header."""


class Threshold(PolicyPart):
    """The trust a request needs: a number, or the share of legitimate requests that may be challenged."""

    budget: Share | None = None
    trust: Share | None = None

    @model_validator(mode="after")
    def _has_budget_or_trust(self) -> Threshold:
        if (self.budget is None) == (self.trust is None):
            raise ValueError("give either `budget` or `trust`")
        return self


class Thresholds(PolicyPart):
    """The thresholds of an identity type, by sensitivity of the resource; in shadow mode they only record."""

    public: Threshold
    internal: Threshold
    confidential: Threshold
    restricted: Threshold
    mode: Mode = "enforce"

    def for_sensitivity(self, sensitivity: Sensitivity | None) -> Threshold:
        """The threshold for a sensitivity; an unknown one counts as confidential."""
        threshold: Threshold = getattr(self, sensitivity or "confidential")
        return threshold


class SessionCeiling(PolicyPart):
    """How long a session of an assurance level lasts, after authentication and without activity."""

    overall_seconds: Seconds
    inactivity_seconds: Seconds | None = None


class Lifetime(PolicyPart):
    """How long an allowed session may continue."""

    risk: Share
    longest_seconds: Seconds
    shortest_seconds: Seconds
    high_risk_below: Share
    after_high_risk_seconds: Seconds
    elevation_seconds: Seconds
    assurance: Mapping[Level, SessionCeiling]

    @model_validator(mode="after")
    def _has_every_level(self) -> Lifetime:
        missing = sorted({1, 2, 3} - set(self.assurance))
        if missing:
            raise ValueError(f"assurance lacks level {', '.join(map(str, missing))}")
        return self


class Storm(PolicyPart):
    """The number of prompts within a window from which an automation is not prompted any more."""

    prompts: Seconds
    window_seconds: Seconds


class ThinContext(PolicyPart):
    """The known share of the context below which only these action categories pass without proof."""

    below: Share
    allow: tuple[Category, ...]


class Policy(PolicyPart):
    """A complete policy."""

    version: Literal[1]
    effective_from: Annotated[AwareDatetime | None, Field(description="Before this time decisions fail closed.")] = None
    expires: Annotated[AwareDatetime | None, Field(description="From this time on decisions fail closed.")] = None
    thresholds: Mapping[IdentityType, Thresholds]
    threshold_mode: Mode
    deny_below: Mapping[IdentityType, Share]
    phishing_resistant_below: Share
    phishing_resistant_sensitivities: tuple[Sensitivity, ...]
    new_evidence_margin: Share
    lifetime: Lifetime
    storm: Storm
    thin_context: ThinContext
    cache_seconds: Annotated[int, Field(ge=0, le=60)]
    privileged_roles: tuple[str, ...]
    bad_reputation: Annotated[float, Field(gt=0, le=1)]
    clock_tolerance_seconds: Annotated[int, Field(ge=0, le=60)]
    acr_levels: Mapping[AcrValue, AcrLevel]
    remedies: Mapping[IdentityType, tuple[RemedyRule, ...]]
    irreversible_needs: Mapping[IdentityType, tuple[RemedyType, ...]]
    intent_types: Annotated[
        tuple[str, ...],
        Field(
            min_length=1,
            description="Types of authorization details whose members mean what RFC 9396 section 2.2 says.",
        ),
    ]
    floors: tuple[Floor, ...]
    _digest: str = PrivateAttr(default="")

    @model_validator(mode="after")
    def _is_complete(self) -> Policy:
        ids = [floor.id for floor in self.floors]
        duplicates = sorted({id for id in ids if ids.count(id) > 1})
        if duplicates:
            raise ValueError(f"duplicate floors: {', '.join(duplicates)}")
        for name, part in (
            ("thresholds", self.thresholds),
            ("deny_below", self.deny_below),
            ("remedies", self.remedies),
        ):
            for missing in (kind for kind in IDENTITY_TYPES if kind not in part):
                raise ValueError(f"{name} lacks {missing}")
        if self.effective_from and self.expires and self.expires <= self.effective_from:
            raise ValueError("it expires before it takes effect")
        return self

    @model_validator(mode="after")
    def _remedies_fit_identities(self) -> Policy:
        """A person signs in again; a machine never does."""
        for kind, rules in self.remedies.items():
            types = [rule.type for rule in rules]
            if any((type == "interactive_mfa") != (kind == "human") for type in types):
                raise ValueError(f"remedies of {kind}: interactive_mfa is for people, all others are for machines")
            if len(set(types)) < len(types):
                raise ValueError(f"remedies of {kind}: a remedy is listed twice")
            for needed in self.irreversible_needs.get(kind, ()):
                if needed not in types:
                    raise ValueError(f"irreversible_needs of {kind}: {needed} is not among its remedies")
        return self

    @property
    def digest(self) -> str:
        """The digest of the file this policy was read from."""
        return self._digest

    def not_in_force(self, at: datetime) -> str | None:
        """Why the policy is not in force at a time; None when it is."""
        if self.effective_from is not None and at < self.effective_from:
            return f"the policy is in force from {self.effective_from.isoformat()} only"
        if self.expires is not None and at >= self.expires:
            return f"the policy expired at {self.expires.isoformat()}"
        return None

    @classmethod
    def load(cls, path: Path = BUILT_IN) -> Policy:
        """Read and validate a policy file; raises PolicyError naming file, line, key and reason."""
        policy, data = load_model(path, cls)
        policy._digest = digest_of(data)
        return policy
