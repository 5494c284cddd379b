"""What a session must show, and when: the typed policy file, validated whole before it is in force.

Data only: what follows from it is decided in `decision.py`. Every decision names the file's digest.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, PrivateAttr, ValidationError, model_validator

from features.columns import EVENT_SCHEMA
from features.event import Category, CredentialKind, Environment, IdentityType, Impact, Sensitivity
from features.hashing import digest_of
from features.vector import names

BUILT_IN = Path(__file__).parent / "policy.yaml"
"""The policy that ships with the service."""

Level = Annotated[int, Field(ge=1, le=3)]
Share = Annotated[float, Field(gt=0, lt=1)]
Seconds = Annotated[int, Field(gt=0)]
ProofKind = Literal["authentication", "attestation", "jit_credential", "refresh", "intent", "owner_approval"]
Mode = Literal["enforce", "shadow"]


class PolicyError(ValueError):
    """A policy that must not be in force; the message says what is wrong, where, and what would do."""


FACTS = (*EVENT_SCHEMA.names, *names(), "bad_network")
"""What conditions may name: the Event's fields by dotted name, the features, and what follows from them."""
CHOICES: Mapping[str, tuple[str, ...]] = {
    "action.category": get_args(Category),
    "action.impact": get_args(Impact),
    "credential.kind": get_args(CredentialKind),
    "identity.type": get_args(IdentityType),
    "resource.environment": get_args(Environment),
    "resource.sensitivity": get_args(Sensitivity),
}
"""The values of facts that have a fixed choice."""


class Part(BaseModel):
    """Strict, frozen, and no key that is not known."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Threshold(Part):
    """The trust asked for: as a number, or as the share of legitimate requests that may be challenged."""

    budget: Share | None = None
    trust: Share | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Threshold:
        if (self.budget is None) == (self.trust is None):
            raise ValueError("give either `budget` or `trust`")
        return self


class Thresholds(Part):
    """By sensitivity of what is asked for."""

    public: Threshold
    internal: Threshold
    confidential: Threshold
    restricted: Threshold

    def of(self, sensitivity: Sensitivity | None) -> Threshold:
        """The threshold for a sensitivity; an unknown one counts as confidential."""
        found: Threshold = getattr(self, sensitivity or "confidential")
        return found


class Lifetime(Part):
    """How long trust may last."""

    risk: Share
    longest_seconds: Seconds
    shortest_seconds: Seconds
    high_risk_below: Share
    after_high_risk_seconds: Seconds
    elevation_seconds: Seconds
    aal_ceiling_seconds: Mapping[Level, Seconds]


class Storm(Part):
    """From how many prompts within what window an automation is not prompted any more."""

    prompts: Seconds
    window_seconds: Seconds


class ThinContext(Part):
    """Below which known share the class of the action rules too, and which classes it lets pass."""

    below: Share
    allow: tuple[Category, ...]


class Condition(Part):
    """A test of one fact: an Event field by its dotted name, a feature by its name, or `bad_network`."""

    fact: str
    in_: tuple[str, ...] | None = Field(default=None, alias="in")
    is_: bool | None = Field(default=None, alias="is")
    above: FiniteFloat | None = None

    @model_validator(mode="after")
    def _one_test(self) -> Condition:
        if sum(test is not None for test in (self.in_, self.is_, self.above)) != 1:
            raise ValueError("give exactly one of `in`, `is` and `above`")
        if self.fact not in FACTS:
            near = get_close_matches(self.fact, FACTS, 1)
            raise ValueError(f"there is no fact {self.fact!r}" + (f"; is {near[0]!r} meant?" if near else ""))
        wrong = [value for value in self.in_ or () if value not in CHOICES.get(self.fact, (value,))]
        if wrong:
            raise ValueError(f"{self.fact} is never {wrong[0]!r}; it is one of {', '.join(CHOICES[self.fact])}")
        return self


class Requirement(Part):
    """What satisfies a floor: a person's proof by level and age, or a machine's by kind and age."""

    aal: Level
    phishing_resistant: bool = False
    max_age_seconds: Seconds
    accepts: tuple[ProofKind, ...] = ("attestation", "jit_credential", "refresh", "intent", "owner_approval")


class Floor(Part):
    """A rule that demands fresh proof whatever the trust."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]+$")]
    kind: Literal["action", "signal"]
    when: tuple[Condition, ...] = Field(min_length=1)
    requires: Requirement
    sentence: str
    references: tuple[str, ...]
    mode: Mode = "enforce"
    unknown: Literal["applied", "undecided"] | None = None

    @property
    def unknown_applies(self) -> bool:
        """Whether an unknown fact makes the floor apply: as the floor says, else for actions, not for signals."""
        return self.unknown == "applied" if self.unknown else self.kind == "action"


class Policy(Part):
    """A whole policy."""

    version: Literal[1]
    thresholds: Mapping[IdentityType, Thresholds]
    threshold_mode: Mode
    deny_below: Mapping[IdentityType, Share]
    phishing_resistant_below: Share
    new_evidence_margin: Share
    lifetime: Lifetime
    storm: Storm
    thin_context: ThinContext
    cache_seconds: Annotated[int, Field(ge=0, le=60)]
    privileged_roles: tuple[str, ...]
    acr_levels: Mapping[str, Level]
    floors: tuple[Floor, ...]
    _digest: str = PrivateAttr(default="")

    @model_validator(mode="after")
    def _hangs_together(self) -> Policy:
        ids = [floor.id for floor in self.floors]
        twice = sorted({i for i in ids if ids.count(i) > 1})
        if twice:
            raise ValueError(f"floors named twice: {', '.join(twice)}")
        for missing in set(IDENTITY_TYPES) - set(self.thresholds):
            raise ValueError(f"thresholds lack {missing}")
        for missing in set(IDENTITY_TYPES) - set(self.deny_below):
            raise ValueError(f"deny_below lacks {missing}")
        return self

    @property
    def digest(self) -> str:
        """The digest of the file this policy was read from."""
        return self._digest

    @classmethod
    def load(cls, path: Path = BUILT_IN) -> Policy:
        """Read and validate a policy file; raises PolicyError naming file, key and reason."""
        try:
            data = path.read_bytes()
            policy = cls.model_validate(yaml.safe_load(data))
        except OSError as error:
            raise PolicyError(f"{path} cannot be read: {error.strerror}") from error
        except yaml.YAMLError as error:
            raise PolicyError(f"{path} is not YAML: {error}") from error
        except ValidationError as error:
            raise PolicyError(f"{path}: " + "; ".join(map(_said, error.errors()))) from error
        policy._digest = digest_of(data)
        return policy


IDENTITY_TYPES: tuple[IdentityType, ...] = get_args(IdentityType)


def _said(error: Any) -> str:
    place = ".".join(str(part) for part in error["loc"]) or "the file"
    return f"{place}: {error['msg']}"
