"""What a person's sign-in is worth: its assurance level, and whether it resists phishing.

A policy names the identity provider whose acr and amr values it reads, or maps values of its own. The factors are those
of `features.event.authentication_methods`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import combinations
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from features.event.authentication_methods import RFC_8176, AuthenticationMethod, Factor, level_of, resists_phishing
from serving.policy.loader import read_yaml
from serving.policy.rules import AcrLevel, PolicyPart

TEMPLATES = Path(__file__).parent / "identity_providers.yaml"
"""The identity providers whose values are known."""
ProviderName = Literal["okta", "entra-id", "keycloak", "auth0", "ping"]
AmrLists = Literal["all", "last", "some"]
AcrValue = Annotated[str, Field(pattern=r"^[!#-\[\]-~]+$", max_length=256)]
"""Visible ASCII without quote, backslash or space (RFC 6749), since acr values go into a quoted header."""
AmrValue = Annotated[str, Field(min_length=1, max_length=256)]
OFFERED = ("pwd", "mfa", "otp", "swk", "hwk", "pop", "sc")
"""The methods of RFC 8176 that a challenge names where the policy names no identity provider."""


class AmrMethod(PolicyPart):
    """What an amr value proves."""

    factors: tuple[Factor, ...] = ()
    """The categories of factor that it proves."""
    multi_factor: bool = False
    """Whether it stands for several factors that it does not name."""
    phishing_resistant: bool = False
    """Whether it cannot be relayed by a page that imitates the sign-in page."""
    hardware: bool = False
    """Whether the key cannot leave its hardware, as AAL3 demands."""


class IdentityProvider(PolicyPart):
    """A policy template: what the acr and amr values of an identity provider mean, as its documentation states them."""

    title: str
    """Its name."""
    amr_lists: AmrLists
    """Whether its amr claim names all factors that were used, only the last one, or some of them."""
    acr_levels: Mapping[AcrValue, AcrLevel]
    """Its acr values."""
    amr_values: Mapping[AmrValue, AmrMethod]
    """Its amr values, beside those of RFC 8176."""
    sources: tuple[str, ...] = Field(min_length=1)
    """The pages that state the values."""
    not_listed: str
    """What a deployment has to map itself."""


@cache
def identity_providers() -> Mapping[ProviderName, IdentityProvider]:
    """The policy templates, by the name that a policy gives."""
    return read_yaml(TEMPLATES, Mapping[ProviderName, IdentityProvider])  # type: ignore[type-abstract]


@dataclass(frozen=True)
class Claim:
    """A sign-in as an identity provider states it."""

    acr: str | None
    amr: tuple[str, ...]


class Unmapped(NamedTuple):
    """A value of a claim whose meaning the policy does not know."""

    claim: Literal["acr", "amr"]
    value: str


@dataclass(frozen=True)
class Assurance:
    """What a claim is worth, and which of its values nobody maps."""

    level: int
    phishing_resistant: bool
    unmapped: tuple[Unmapped, ...]


@dataclass(frozen=True, eq=False)
class AssuranceMap:
    """The acr and amr values that a policy knows: those of RFC 8176, of its identity provider, and its own."""

    acr_levels: Mapping[str, AcrLevel]
    methods: Mapping[str, AuthenticationMethod]
    offered: tuple[str, ...]
    """The amr values that a challenge may name."""
    lists_all: bool
    """Whether amr names all factors that were used."""

    def assess(self, acr: str | None, amr: tuple[str, ...], aal: int | None = None) -> Assurance:
        """What a claim is worth: the lowest level that its factors, its acr and its aal support.

        An input that is missing, or that the map does not know, does not lower it; without any input the level is 0.
        """
        return _assess(self, acr, amr, aal)

    def accepted_claims(self, level: int, *, phishing_resistant: bool) -> tuple[Claim, ...]:
        """The claims that a challenge of this level may ask for, in the fewest values: each of them is accepted."""
        return _accepted_claims(self, level, phishing_resistant)


def assurance_map(
    provider: ProviderName | None,
    amr_lists: AmrLists | None,
    acr_levels: Mapping[str, AcrLevel],
    amr_values: Mapping[str, AmrMethod],
) -> AssuranceMap:
    """The map of a policy; its own values replace those of its provider, which replace those of RFC 8176."""
    template = identity_providers()[provider] if provider else None
    own = {**(template.amr_values if template else {}), **amr_values}
    methods = {value: AuthenticationMethod(value, **dict(method)) for value, method in own.items()}
    return AssuranceMap(
        acr_levels={**(template.acr_levels if template else {}), **acr_levels},
        methods={**RFC_8176, **methods},
        offered=tuple(dict.fromkeys((*(() if template else OFFERED), *own))),
        lists_all=(amr_lists or (template.amr_lists if template else "all")) == "all",
    )


@lru_cache(4_096)
def _assess(known: AssuranceMap, acr: str | None, amr: tuple[str, ...], aal: int | None) -> Assurance:
    methods = [known.methods[value] for value in amr if value in known.methods]
    mapped, complete = known.acr_levels.get(acr or ""), _names_every_factor(known, amr)
    levels = [level for level in (aal, mapped.aal if mapped else None) if level is not None]
    if methods and (complete or mapped is None):
        levels.append(level_of(amr, known.methods))
    resistant = resists_phishing(amr, known.methods)
    if mapped is not None and not (methods and complete):
        resistant = resistant or mapped.phishing_resistant
    unmapped = tuple(Unmapped("amr", value) for value in dict.fromkeys(amr) if value not in known.methods)
    if acr is not None and mapped is None:
        unmapped = (*unmapped, Unmapped("acr", acr))
    return Assurance(min(levels, default=0), resistant, unmapped)


def _names_every_factor(known: AssuranceMap, amr: tuple[str, ...]) -> bool:
    """Whether amr leaves no factor out: a value nobody knows may be one, and `mfa` alone does not say which two."""
    methods = [known.methods.get(value) for value in amr]
    categories = {factor for method in methods if method for factor in method.factors}
    unnamed = any(method.multi_factor for method in methods if method) and len(categories) < 2
    return known.lists_all and None not in methods and not unnamed


@lru_cache(256)
def _accepted_claims(known: AssuranceMap, level: int, phishing_resistant: bool) -> tuple[Claim, ...]:
    def accepted(claim: Claim) -> bool:
        assurance = known.assess(claim.acr, claim.amr)
        return assurance.level >= level and (assurance.phishing_resistant or not phishing_resistant)

    by_level = sorted(known.acr_levels, key=lambda acr: known.acr_levels[acr].aal)
    contexts = [claim for claim in (Claim(acr, ()) for acr in by_level) if accepted(claim)]
    return (*contexts, *(Claim(None, amr) for amr in _fewest(known, lambda amr: accepted(Claim(None, amr)))))


def _fewest(known: AssuranceMap, accepted: Callable[[tuple[str, ...]], bool]) -> Iterator[tuple[str, ...]]:
    """Single values that are enough, then pairs of which neither is."""
    enough = [value for value in known.offered if accepted((value,))]
    yield from ((value,) for value in enough)
    others = [value for value in known.offered if value not in enough and _proves_something(known.methods[value])]
    yield from (pair for pair in combinations(others, 2) if accepted(pair))


def _proves_something(method: AuthenticationMethod) -> bool:
    return bool(method.factors) or method.multi_factor
