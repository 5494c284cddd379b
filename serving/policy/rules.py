"""What a policy is made of: conditions on facts, what satisfies them, floors, and what each identity can do.

Data only, and every part refuses what it does not know.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, field_validator, model_validator

from features.catalogue.all import feature_names
from features.event.arrow import EVENT_SCHEMA
from features.event.schema import Category, CredentialKind, Environment, IdentityType, Impact, Sensitivity

Level = Annotated[int, Field(ge=1, le=3)]
Share = Annotated[float, Field(gt=0, lt=1)]
Seconds = Annotated[int, Field(gt=0)]
ProofKind = Literal["authentication", "attestation", "jit_credential", "refresh", "intent", "owner_approval"]
RemedyType = Literal[
    "interactive_mfa",
    "attest_workload_identity",
    "refresh_token",
    "jit_credential",
    "intent_authorization",
    "owner_approval",
]
Mode = Literal["enforce", "shadow"]

IDENTITY_TYPES: tuple[IdentityType, ...] = get_args(IdentityType)
PROVES: Mapping[RemedyType, ProofKind] = {
    "interactive_mfa": "authentication",
    "attest_workload_identity": "attestation",
    "refresh_token": "refresh",
    "jit_credential": "jit_credential",
    "intent_authorization": "intent",
    "owner_approval": "owner_approval",
}
"""The kind of proof each remedy ends in."""
DERIVED: Mapping[str, tuple[str, ...]] = {
    "bad_network": ("network.anonymizer", "network.reputation"),
    "outside_intent": ("session.intent",),
    "not_intended": ("session.intent",),
}
"""Facts that follow from fields of the Event, and from which."""
FACTS = (*EVENT_SCHEMA.names, *feature_names(), *DERIVED)
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


def meant(word: str, known: Iterable[str]) -> str:
    """The end of a refusal that says which known word is nearest, where one is near.

    >>> meant("credential_exposde", ["credential_exposed"])
    "; is 'credential_exposed' meant?"
    """
    near = get_close_matches(word, list(known), 1)
    return f"; is {near[0]!r} meant?" if near else ""


class Part(BaseModel):
    """Strict, frozen, and no key that is not known."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Condition(Part):
    """A test of one fact: an Event field by its dotted name, a feature by its name, or what follows from them."""

    fact: str
    in_: tuple[str, ...] | None = Field(default=None, alias="in", min_length=1)
    is_: bool | None = Field(default=None, alias="is")
    above: FiniteFloat | None = None

    @field_validator("fact")
    @classmethod
    def _known(cls, fact: str) -> str:
        if fact not in FACTS:
            raise ValueError(f"there is no fact {fact!r}" + meant(fact, FACTS))
        return fact

    @model_validator(mode="after")
    def _one_test(self) -> Condition:
        if sum(test is not None for test in (self.in_, self.is_, self.above)) != 1:
            raise ValueError("give exactly one of `in`, `is` and `above`")
        choices = CHOICES.get(self.fact, self.in_ or ())
        for value in self.in_ or ():
            if value not in choices:
                said = f"{self.fact} is never {value!r}; it is one of {', '.join(choices)}"
                raise ValueError(said + meant(value, choices))
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
    finding: Annotated[
        bool, Field(description="Whether operators are told of it whatever was proven: no proof ends what it says.")
    ] = False

    @field_validator("sentence")
    @classmethod
    def _quotes_facts(cls, sentence: str) -> str:
        for name in re.findall(r"\{(.*?)\}", sentence):
            if name not in FACTS:
                raise ValueError(f"it quotes {{{name}}}, and there is no such fact" + meant(name, FACTS))
        if re.search(r"[{}]", re.sub(r"\{[^{}]*\}", "", sentence)):
            raise ValueError("it has a brace without its partner")
        return sentence

    @property
    def unknown_applies(self) -> bool:
        """Whether an unknown fact makes the floor apply: as the floor says, else for actions, not for signals."""
        return self.unknown == "applied" if self.unknown else self.kind == "action"


class AcrWorth(Part):
    """What an acr value of the identity provider stands for where it names no factors."""

    aal: Level
    phishing_resistant: bool = False


class RemedyRule(Part):
    """One thing an identity can do to prove itself, and how far the proof counts."""

    type: RemedyType
    max_age_seconds: Annotated[
        Seconds | None,
        Field(description="How old its proof may be; without it as old as the floor lets a person's be."),
    ] = None
    fresh_seconds: Annotated[Seconds, Field(description="How fresh a proof is asked for.")] = 300
    ttl_seconds: Annotated[Seconds | None, Field(description="How long a credential made for one task may live.")] = (
        None
    )
    offered: Annotated[
        Literal["always", "calm", "storm"],
        Field(description="Only when not asked too often (calm), or only then (storm)."),
    ] = "always"
    when_doubted: Annotated[
        bool, Field(description="Whether it counts on a doubted session: a thief can refresh, too.")
    ] = True

    @property
    def proves(self) -> ProofKind:
        """The kind of proof it ends in."""
        return PROVES[self.type]

    @model_validator(mode="after")
    def _lives(self) -> RemedyRule:
        if (self.type == "jit_credential") != (self.ttl_seconds is not None):
            raise ValueError("`ttl_seconds` belongs to a jit_credential, and only to it")
        return self
