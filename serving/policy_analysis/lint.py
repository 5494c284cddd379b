"""What is wrong with a policy that is well formed: rules that cannot speak, and demands that nobody can meet."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations, pairwise, product

from features.catalogue.all import FEATURES
from features.event.schema import Event, IdentityType
from serving.decision.inputs import DecisionContext
from serving.decision.proofs import accepted_remedies, model_requirement
from serving.policy.rules import IDENTITY_TYPES
from serving.policy.schema import Condition, Policy, Requirement, Thresholds
from serving.policy.tables import SENSITIVITIES

_HIGHEST = {"yes or no": 1.0, "share": 1.0}
"""The most that a feature of a unit can be."""


@dataclass(frozen=True)
class Finding:
    """Something a policy says that cannot be meant."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def findings(policy: Policy) -> tuple[Finding, ...]:
    """Everything found, floors first."""
    return (
        *_unreachable(policy),
        *_without_remedy(policy),
        *_unmet(policy),
        *_unmet_together(policy),
        *_unnamed_levels(policy),
        *_thresholds_out_of_order(policy),
        *_limits_out_of_order(policy),
    )


def _unreachable(policy: Policy) -> Iterator[Finding]:
    for floor in policy.floors:
        if not possible(floor.when):
            yield Finding(f"floor {floor.id}", "can never apply: its conditions exclude each other")


def possible(conditions: Sequence[Condition]) -> bool:
    """Whether all conditions can hold at once."""
    by_fact: dict[str, list[Condition]] = {}
    for each in conditions:
        by_fact.setdefault(each.fact, []).append(each)
    return all(_satisfiable(fact, tests) for fact, tests in by_fact.items())


def _satisfiable(fact: str, tests: Sequence[Condition]) -> bool:
    choices = [set(test.in_) for test in tests if test.in_ is not None]
    flags = {test.is_ for test in tests if test.is_ is not None}
    least = max((test.above for test in tests if test.above is not None), default=-math.inf)
    unit = next((f.unit for f in FEATURES if f.name == fact), "")
    in_reach = least < _HIGHEST.get(unit, math.inf)
    return len(flags) < 2 and in_reach and (not choices or bool(set.intersection(*choices)))


def _without_remedy(policy: Policy) -> Iterator[Finding]:
    for kind in IDENTITY_TYPES:
        if not policy.remedies[kind]:
            yield Finding(f"remedies of {kind}", "there is none: whatever is asked of it ends in a denial")


_STATES = {
    (True, False): "",
    (True, True): " on a doubted session",
    (False, False): " for what cannot be undone",
    (False, True): " for what cannot be undone on a doubted session",
}


def _unmet(policy: Policy) -> Iterator[Finding]:
    """Floors that no remedy of an identity type can satisfy, each said once, for the plainest state."""
    for floor, kind in product(policy.floors, IDENTITY_TYPES):
        if not policy.remedies[kind] or not possible([*floor.when, _is(kind)]):
            continue
        empty = [state for state in _STATES if not _counting(policy, kind, state, [floor.requires])]
        if empty:
            yield Finding(f"floor {floor.id}", f"no remedy of {kind} can satisfy it{_STATES[empty[0]]}")


def _unmet_together(policy: Policy) -> Iterator[Finding]:
    """Pairs of floors that can apply at once, each of which can be satisfied, but not both by one remedy."""
    enforced = [floor for floor in policy.floors if floor.mode == "enforce"]
    for (one, other), kind in product(combinations(enforced, 2), IDENTITY_TYPES):
        if not possible([*one.when, *other.when, _is(kind)]):
            continue
        for state, words in _STATES.items():
            alone = [_counting(policy, kind, state, [floor.requires]) for floor in (one, other)]
            if all(alone) and not _counting(policy, kind, state, [one.requires, other.requires]):
                said = f"no one remedy of {kind} satisfies both{words}: the answer is a denial"
                yield Finding(f"floors {one.id} and {other.id}", said)
                break


def _is(kind: IdentityType) -> Condition:
    return Condition.model_validate({"fact": "identity.type", "in": [kind]})


def _counting(
    policy: Policy, kind: IdentityType, state: tuple[bool, bool], requirements: Sequence[Requirement]
) -> set[str]:
    """The remedies that satisfy some requirements, and the model, at once."""
    reversible, doubted = state
    event = Event.model_validate(
        {
            "time": datetime(2026, 1, 1, tzinfo=UTC),
            "identity": {"id": "anybody", "type": kind},
            "action": {"name": "any", "reversible": reversible},
        }
    )
    case = DecisionContext(event, {}, 1.0, doubted, policy, event.time)
    sets = [
        {rule.type for rule in accepted_remedies(each, case)} for each in (model_requirement(policy), *requirements)
    ]
    return {str(each) for each in set.intersection(*sets)}


def _unnamed_levels(policy: Policy) -> Iterator[Finding]:
    """What people are asked for and no acr value stands for: the challenge could not name it."""
    asked = [model_requirement(policy), *(f.requires for f in policy.floors if possible([*f.when, _is("human")]))]
    needed = {(each.aal, each.phishing_resistant) for each in asked}
    needed |= {(2, True)}  # below `phishing_resistant_below`, whatever the floors say
    for aal, resistant in sorted(needed):
        worth = policy.acr_levels.values()
        if not any(each.aal >= aal and (each.phishing_resistant or not resistant) for each in worth):
            kind = ", phishing-resistant" if resistant else ""
            yield Finding("acr_levels", f"no acr value stands for AAL{aal}{kind}, which people are asked for")


def _thresholds_out_of_order(policy: Policy) -> Iterator[Finding]:
    for kind, thresholds in policy.thresholds.items():
        for lower, higher in pairwise(SENSITIVITIES):
            if _asks_more(thresholds, lower, higher):
                yield Finding(f"thresholds of {kind}", f"{lower} asks for more than {higher}")
        trusts = [t for name in SENSITIVITIES if (t := getattr(thresholds, name).trust) is not None]
        if trusts and policy.deny_below[kind] > min(trusts):
            yield Finding(f"deny_below of {kind}", "lies above a threshold: it would be denied and never asked")


def _asks_more(thresholds: Thresholds, lower: str, higher: str) -> bool:
    """Whether the less sensitive of two asks for more; a budget and a trust cannot be compared here."""
    one, other = getattr(thresholds, lower), getattr(thresholds, higher)
    if one.trust is not None and other.trust is not None:
        return bool(one.trust > other.trust)
    return one.budget is not None and other.budget is not None and bool(one.budget > other.budget)


def _limits_out_of_order(policy: Policy) -> Iterator[Finding]:
    life = policy.lifetime
    if life.shortest_seconds > life.longest_seconds:
        yield Finding("lifetime", "shortest_seconds is longer than longest_seconds")
    for (low, one), (high, other) in pairwise(sorted(life.assurance.items())):
        if other.overall_seconds > one.overall_seconds or (other.inactivity_seconds or math.inf) > (
            one.inactivity_seconds or math.inf
        ):
            yield Finding("lifetime.assurance", f"AAL{high} lasts longer than AAL{low}")
