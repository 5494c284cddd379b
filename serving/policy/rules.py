"""The parts of a policy: conditions on facts, requirements, floors, acr levels, and remedies.

Data only. Every part refuses keys it does not know.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    field_validator,
    model_validator,
)

from features.event.roles import normalized_role, normalized_roles
from features.event.schema import IdentityType
from features.inventory import matching
from serving.policy.fact_types import FACT_TYPES, can_hold, check_condition
from serving.policy.loader import UnknownName

Level = Annotated[int, Field(ge=1, le=3)]
Share = Annotated[float, Field(gt=0, lt=1)]
Seconds = Annotated[int, Field(gt=0)]
RemedyType = Literal[
    "interactive_mfa",
    "attest_workload_identity",
    "refresh_token",
    "jit_credential",
    "intent_authorization",
    "owner_approval",
]
FORMER_NAMES: Mapping[str, RemedyType] = {
    "authentication": "interactive_mfa",
    "attestation": "attest_workload_identity",
    "refresh": "refresh_token",
    "intent": "intent_authorization",
}
"""Names of kinds of proof up to 0.2, which are still read."""


def proof_kind(name: Any) -> Any:
    """A kind of proof by its present name: that of the remedy which produces it.

    >>> proof_kind("intent"), proof_kind("jit_credential")
    ('intent_authorization', 'jit_credential')
    """
    return FORMER_NAMES.get(name, name) if isinstance(name, str) else name


ProofKind = Annotated[RemedyType, BeforeValidator(proof_kind)]
"""The kind of a proof: the remedy that produces it."""
Mode = Literal["enforce", "shadow"]
IDENTITY_TYPES: tuple[IdentityType, ...] = get_args(IdentityType)
SENSITIVITIES = matching.SENSITIVITIES
"""From the least strict to the strictest."""
FACTS = tuple(FACT_TYPES)
"""Every fact a condition may name: event fields by dotted name, features, and derived facts."""


def _names_a_role(role: str) -> str:
    if not normalized_role(role):
        raise ValueError("it names no role: it has no visible character")
    return role


AWS_ADMINISTRATORS = (
    "*AdministratorAccess*",
    "*PowerUserAccess*",
    "*IAMFullAccess*",
    "*OrganizationAccountAccessRole*",
    "*AWSControlTowerExecution*",
)
"""AWS's managed policies and roles for administrators, as they stand in role names and ARNs."""
Role = Annotated[str, AfterValidator(_names_a_role)]
RoleWord = Annotated[str, Field(pattern=r"^[a-z]{3,32}$")]
"""A word of a role's name, in the singular."""


class PolicyPart(BaseModel):
    """The base of every part of a policy: frozen, and without unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Condition(PolicyPart):
    """A test of one fact: an event field by its dotted name, a feature, or a derived fact."""

    fact: str
    """An event field by its dotted name, a feature, or a derived fact."""
    in_: tuple[str, ...] | None = Field(default=None, alias="in", min_length=1, max_length=1_000)
    """The fact is one of these values."""
    is_: bool | None = Field(default=None, alias="is")
    """The fact is true, or false."""
    above: FiniteFloat | None = None
    """The fact is greater than this."""

    @field_validator("fact")
    @classmethod
    def _names_a_fact(cls, fact: str) -> str:
        if fact not in FACTS:
            raise UnknownName(f"there is no fact {fact[:100]!r}", fact, FACTS)
        return fact

    @model_validator(mode="after")
    def _has_one_test(self) -> Condition:
        if sum(test is not None for test in (self.in_, self.is_, self.above)) != 1:
            raise ValueError("give exactly one of `in`, `is` and `above`")
        check_condition(self)
        return self

    def includes(self, value: str) -> bool:
        """Whether `in` names a value. Roles are compared whatever their letter case, width and surrounding space."""
        if self.fact == "identity.role":
            return normalized_role(value) in normalized_roles(self.in_ or ())
        return value in (self.in_ or ())


class Requirement(PolicyPart):
    """The proof that satisfies a floor: a person's by assurance level and age, a machine's by kind and age."""

    aal: Level
    """The assurance level of a person's proof."""
    phishing_resistant: bool = False
    """Whether a person's factors must resist phishing."""
    max_age_seconds: Seconds
    """The greatest age of the proof."""
    accepts: tuple[ProofKind, ...] = (
        "attest_workload_identity",
        "jit_credential",
        "refresh_token",
        "intent_authorization",
        "owner_approval",
    )
    """The kinds of proof that a machine may give."""


class Floor(PolicyPart):
    """A rule that demands fresh proof whatever the trust.

    An action floor guards an action, a signal floor responds to a sign of danger.
    """

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]+$")]
    """Its name in answers, pages and metrics."""
    kind: Literal["action", "signal"]
    """`action` guards an action, `signal` responds to a sign of danger."""
    when: tuple[Condition, ...] = Field(min_length=1, max_length=50)
    """Conditions that must all hold."""
    requires: Requirement
    """The proof that satisfies it."""
    sentence: str
    """What people read; it may quote facts in braces."""
    references: tuple[str, ...]
    """The controls of frameworks that it implements."""
    mode: Mode = "enforce"
    """`shadow` records the floor as `would_apply`, and demands nothing."""
    unknown: Literal["applied", "undecided"] | None = None
    """What an unknown fact leads to; by default `applied` for actions, `undecided` for signals."""
    finding: bool = False
    """Whether operators are told of it even when proof satisfies it, since proof does not end the fault."""

    @field_validator("sentence")
    @classmethod
    def _quotes_facts(cls, sentence: str) -> str:
        for name in re.findall(r"\{([^{}]*)\}", sentence):
            if name not in FACTS:
                raise UnknownName(f"it quotes {{{name[:100]}}}, but there is no such fact", name, FACTS)
        if re.search(r"[{}]", re.sub(r"\{[^{}]*\}", "", sentence)):
            raise ValueError("it has an unmatched brace")
        return sentence

    @field_validator("when")
    @classmethod
    def _can_apply(cls, when: tuple[Condition, ...]) -> tuple[Condition, ...]:
        if not can_hold(when):
            raise ValueError("it can never apply: its conditions exclude each other")
        return when

    @property
    def unknown_applies(self) -> bool:
        """Whether the floor applies when a fact is unknown: as it says, else for action floors only."""
        return self.unknown == "applied" if self.unknown else self.kind == "action"


class AcrLevel(PolicyPart):
    """The assurance level of an acr value, for proofs that name no factors."""

    aal: Level
    """The assurance level."""
    phishing_resistant: bool = False
    """Whether its factors resist phishing."""


class RemedyRule(PolicyPart):
    """A remedy an identity type can use, and when its proof counts."""

    type: RemedyType
    """The remedy."""
    max_age_seconds: Seconds | None = None
    """The greatest age of its proof; by default that of the floor's requirement."""
    fresh_seconds: Seconds = 300
    """The greatest age of the proof that an answer asks for."""
    ttl_seconds: Seconds | None = None
    """The longest lifetime of a credential made for one task."""
    offered: Literal["always", "calm", "storm"] = "always"
    """Always, only while the identity is not prompted too often (`calm`), or only then (`storm`)."""
    when_doubted: bool = True
    """Whether it counts on a doubted session, where an attacker could use it as well."""

    @model_validator(mode="after")
    def _only_jit_credentials_expire(self) -> RemedyRule:
        if (self.type == "jit_credential") != (self.ttl_seconds is not None):
            raise ValueError("`ttl_seconds` is required for jit_credential and allowed for nothing else")
        return self


class StepUps(PolicyPart):
    """How long challenges may be answered, and how far back failed ones count."""

    challenge_seconds: Seconds = 900
    """How long after a decision its challenge may be answered, by the server's clock."""
    failures_within_seconds: Seconds = 3600
    """How far back the fact `failed_step_ups` counts."""


class Storm(PolicyPart):
    """How often an identity is prompted within a window: an automation in all, anybody where nothing was proven."""

    prompts: Seconds
    """The most prompts within the window. After them an automation gets intent authorisation instead of one more."""
    window_seconds: Seconds
    """The length of the window. Prompts are counted by the minute, so one counts for up to a minute longer."""
    unanswered: Annotated[int, Field(gt=0, le=10_000)] = 10
    """The most prompts within the window that nobody answers, over all places where the identity has proven nothing.
    After them answers there carry `retry_after_seconds`."""
