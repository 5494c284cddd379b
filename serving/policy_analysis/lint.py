"""Finds faults in a valid policy and its catalogues: entries never reached, demands that no remedy can satisfy."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations, pairwise, product

from features.event.schema import Event, IdentityType
from features.inventory.entries import ActionEntry, IdentityEntry, InventoryPart
from features.inventory.matching import matching_action, matching_identity
from serving.decision.inputs import DecisionContext
from serving.decision.proofs import accepted_remedies, model_requirement
from serving.deployment.catalogue_files import Catalogues
from serving.policy.fact_types import can_hold
from serving.policy.rules import IDENTITY_TYPES, SENSITIVITIES
from serving.policy.schema import Condition, Policy, Requirement, Thresholds

NamedEntry = ActionEntry | IdentityEntry


@dataclass(frozen=True)
class LintFinding:
    """A fault of a policy: the rule, and what is wrong with it."""

    rule: str
    fault: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.fault}"


def lint_policy(policy: Policy) -> tuple[LintFinding, ...]:
    """Every fault of a policy, floors first."""
    return (
        *_without_remedy(policy),
        *_unsatisfiable(policy),
        *_unsatisfiable_together(policy),
        *_missing_acr_levels(policy),
        *_thresholds_out_of_order(policy),
        *_limits_out_of_order(policy),
    )


def lint_catalogues(catalogues: Catalogues) -> tuple[LintFinding, ...]:
    """Every fault of the deployment's catalogues: entries that no request reaches, and entries that say nothing."""
    return (
        *_unreached("actions", catalogues.actions, lambda name: matching_action(catalogues, name)),
        *_unreached("identities", catalogues.identities, lambda name: matching_identity(catalogues, name)),
        *_silent("assets", catalogues.assets, ("sensitivity", "environment")),
        *_silent("identities", catalogues.identities, ("type", "role", "privileged", "entitlements")),
    )


def _unreached(
    name: str, entries: Sequence[NamedEntry], first: Callable[[str], NamedEntry | None]
) -> Iterator[LintFinding]:
    """Entries whose every pattern an earlier entry covers: of several that match, the first counts.

    A pattern is looked up as if it were a name, which only a `?` or `[` of the earlier one could mistake.
    """
    for number, entry in enumerate(entries, 1):
        others = [match for match in map(first, entry.match) if match is not None and match is not entry]
        patterns = list(dict.fromkeys(pattern for other in others for pattern in other.match))
        if len(others) == len(entry.match) and not any(set("?[") & set(pattern) for pattern in patterns):
            fault = f"{', '.join(entry.match)} is never reached: {', '.join(patterns)} stands before it and matches too"
            yield LintFinding(f"{name} entry {number}", fault)


def _silent(name: str, entries: Sequence[InventoryPart], says: tuple[str, ...]) -> Iterator[LintFinding]:
    for number, entry in enumerate(entries, 1):
        if all(getattr(entry, part) is None for part in says):
            yield LintFinding(f"{name} entry {number}", f"says nothing: give one of {', '.join(says)}")


def _without_remedy(policy: Policy) -> Iterator[LintFinding]:
    for kind in IDENTITY_TYPES:
        if not policy.remedies[kind]:
            yield LintFinding(f"remedies of {kind}", "there is none: every step-up ends in a denial")


_STATES = {
    (True, False): "",
    (True, True): " on a doubted session",
    (False, False): " for what cannot be undone",
    (False, True): " for what cannot be undone on a doubted session",
}


def _unsatisfiable(policy: Policy) -> Iterator[LintFinding]:
    """Floors that no remedy of an identity type can satisfy; one finding for each, for the first such state."""
    for floor, kind in product(policy.floors, IDENTITY_TYPES):
        if not policy.remedies[kind] or not can_hold([*floor.when, _is(kind)]):
            continue
        empty = [state for state in _STATES if not _satisfying(policy, kind, state, [floor.requires])]
        if empty:
            yield LintFinding(f"floor {floor.id}", f"no remedy of {kind} can satisfy it{_STATES[empty[0]]}")


def _unsatisfiable_together(policy: Policy) -> Iterator[LintFinding]:
    """Pairs of floors that can apply at once, and that no single remedy satisfies together."""
    enforced = [floor for floor in policy.floors if floor.mode == "enforce"]
    for (first, second), kind in product(combinations(enforced, 2), IDENTITY_TYPES):
        if not can_hold([*first.when, *second.when, _is(kind)]):
            continue
        for state, words in _STATES.items():
            alone = [_satisfying(policy, kind, state, [floor.requires]) for floor in (first, second)]
            if all(alone) and not _satisfying(policy, kind, state, [first.requires, second.requires]):
                fault = f"no single remedy of {kind} satisfies both{words}: the answer is a denial"
                yield LintFinding(f"floors {first.id} and {second.id}", fault)
                break


def _is(kind: IdentityType) -> Condition:
    return Condition.model_validate({"fact": "identity.type", "in": [kind]})


def _satisfying(
    policy: Policy, kind: IdentityType, state: tuple[bool, bool], requirements: Sequence[Requirement]
) -> set[str]:
    """The remedies that satisfy these requirements and the model's at once."""
    reversible, doubted = state
    event = Event.model_validate(
        {
            "time": datetime(2026, 1, 1, tzinfo=UTC),
            "identity": {"id": "anybody", "type": kind},
            "action": {"name": "any", "reversible": reversible},
        }
    )
    context = DecisionContext(event, {}, 1.0, doubted, policy, event.time)
    sets = [
        {rule.type for rule in accepted_remedies(each, context)} for each in (model_requirement(policy), *requirements)
    ]
    return {str(each) for each in set.intersection(*sets)}


def _missing_acr_levels(policy: Policy) -> Iterator[LintFinding]:
    """Levels that people are asked for without an acr value to name them in the challenge, or without any claim."""
    requirements = [
        model_requirement(policy),
        *(f.requires for f in policy.floors if can_hold([*f.when, _is("human")])),
    ]
    needed = {(each.aal, each.phishing_resistant) for each in requirements}
    needed |= {(2, True)}  # below `phishing_resistant_below`, whatever the floors say
    for aal, resistant in sorted(needed):
        claims = policy.assurance.accepted_claims(aal, phishing_resistant=resistant)
        kind = ", phishing-resistant" if resistant else ""
        if not any(claim.acr for claim in claims):
            yield LintFinding("acr_levels", f"no acr value stands for AAL{aal}{kind}, which people are asked for")
        if not claims:
            fault = (
                f"no acr or amr value stands for AAL{aal}{kind}: people who are asked for it are denied; map what your "
                "provider sends under acr_levels or amr_values (`session-trust policy templates` says what is known)"
            )
            yield LintFinding(f"identity_provider {policy.identity_provider or 'none'}", fault)


def _thresholds_out_of_order(policy: Policy) -> Iterator[LintFinding]:
    for kind, thresholds in policy.thresholds.items():
        for lower, higher in pairwise(SENSITIVITIES):
            if _needs_more(thresholds, lower, higher):
                yield LintFinding(f"thresholds of {kind}", f"{lower} needs more trust than {higher}")
        trusts = [t for name in SENSITIVITIES if (t := getattr(thresholds, name).trust) is not None]
        if trusts and policy.deny_below[kind] > min(trusts):
            yield LintFinding(f"deny_below of {kind}", "is above a threshold: requests are denied and never challenged")


def _needs_more(thresholds: Thresholds, lower: str, higher: str) -> bool:
    """Whether the less sensitive of two needs more trust; a budget and a trust cannot be compared."""
    first, second = getattr(thresholds, lower), getattr(thresholds, higher)
    if first.trust is not None and second.trust is not None:
        return bool(first.trust > second.trust)
    return first.budget is not None and second.budget is not None and bool(first.budget > second.budget)


def _limits_out_of_order(policy: Policy) -> Iterator[LintFinding]:
    lifetime = policy.lifetime
    if lifetime.shortest_seconds > lifetime.longest_seconds:
        yield LintFinding("lifetime", "shortest_seconds is longer than longest_seconds")
    for (lower, first), (higher, second) in pairwise(sorted(lifetime.assurance.items())):
        if second.overall_seconds > first.overall_seconds or (second.inactivity_seconds or math.inf) > (
            first.inactivity_seconds or math.inf
        ):
            yield LintFinding("lifetime.assurance", f"AAL{higher} lasts longer than AAL{lower}")
