"""Whether each floor is relevant to a request, and whether its proof is there.

A condition on an unknown fact is neither true nor false. An action floor then applies, since the action itself is
privileged; a signal floor is undecided: recorded, shown, never a "no".
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from features.event import Event
from serving.known import Proof
from serving.policy import Condition, Floor, Policy, Requirement
from serving.proofs import suffices

Facts = Mapping[str, Any]
Status = Literal["applied", "satisfied", "undecided"]
_BAD_REPUTATION = 0.8


@dataclass(frozen=True)
class FloorResult:
    """A floor that is relevant to a request. In shadow mode it is evaluated and never rules."""

    id: str
    status: Status
    sentence: str
    requires: Requirement
    references: tuple[str, ...]
    shadow: bool = False

    @property
    def rules(self) -> bool:
        """Whether it demands a step-up."""
        return self.status == "applied" and not self.shadow


def facts_of(event: Event, features: Mapping[str, float], policy: Policy) -> dict[str, Any]:
    """Everything conditions may name: the Event's fields by dotted name, the features, and what follows from them."""
    facts: dict[str, Any] = {name: None if math.isnan(value) else value for name, value in features.items()}
    for group, part in event.model_dump().items():
        if isinstance(part, dict):
            facts |= {f"{group}.{name}": value for name, value in part.items()}
    role = facts["identity.role"]
    if role is not None and role.lower() in policy.privileged_roles:
        facts["credential.privileged"] = True
    facts["bad_network"] = _bad_network(event)
    return facts


def _bad_network(event: Event) -> bool | None:
    network = event.network
    if network.anonymizer or (network.reputation or 0.0) >= _BAD_REPUTATION:
        return True
    return None if network.anonymizer is None and network.reputation is None else False


def evaluated(
    policy: Policy,
    event: Event,
    features: Mapping[str, float],
    proofs: Sequence[Proof],
    at: datetime,
) -> tuple[FloorResult, ...]:
    """Every floor that is relevant, applied, satisfied or undecided, in the policy's order."""
    facts = facts_of(event, features, policy)
    results = (_result(floor, facts, event, features, proofs, policy, at) for floor in policy.floors)
    return tuple(result for result in results if result is not None)


def _result(
    floor: Floor,
    facts: Facts,
    event: Event,
    features: Mapping[str, float],
    proofs: Sequence[Proof],
    policy: Policy,
    at: datetime,
) -> FloorResult | None:
    holds = _holds(floor, facts)
    if holds is False:
        return None
    status: Status = "undecided"
    if holds:
        proven = any(suffices(floor.requires, proof, event, features, policy, at) for proof in proofs)
        status = "satisfied" if proven else "applied"
    sentence = _sentence(floor, facts)
    return FloorResult(floor.id, status, sentence, floor.requires, floor.references, floor.mode == "shadow")


def _holds(floor: Floor, facts: Facts) -> bool | None:
    """Three-valued: false if any condition is, unknown if any is unknown. What kind of action it is must be known:
    an action floor is relevant by category alone, and an unknown category is judged as a write."""
    tests = [_test(condition, facts) for condition in floor.when]
    if False in tests:
        return False
    if None not in tests:
        return True
    return True if floor.unknown_applies else None


def _test(condition: Condition, facts: Facts) -> bool | None:
    value = facts.get(condition.fact)
    if condition.fact == "action.category" and value is None:
        value = "write"
    if value is None:
        return None
    if condition.in_ is not None:
        return value in condition.in_
    if condition.is_ is not None:
        return bool(value) is condition.is_
    return float(value) > float(condition.above or 0.0)


def _sentence(floor: Floor, facts: Facts) -> str:
    """The floor's sentence with the values it quotes."""
    parts = floor.sentence.split("{")
    said = parts[0]
    for part in parts[1:]:
        name, _, rest = part.partition("}")
        said += _quoted(facts.get(name)) + rest
    return said


def _quoted(value: Any) -> str:
    if value is None:
        return "unknown"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
