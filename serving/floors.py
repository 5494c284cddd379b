"""Whether each floor is relevant to a request, and whether its proof is there.

A condition on an unknown fact is neither true nor false. An action floor then applies, since the action itself is
privileged; a signal floor is undecided: recorded, shown, never a "no".
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from features.event import Event
from serving import intent
from serving.known import Proof
from serving.policy import Condition, Floor, Policy, Requirement
from serving.proofs import Circumstances, fall_short, suffices
from serving.rules import DERIVED

Facts = Mapping[str, Any]
Status = Literal["applied", "satisfied", "undecided"]


@dataclass(frozen=True)
class FloorResult:
    """A floor that is relevant to a request. In shadow mode it is evaluated and never rules."""

    id: str
    status: Status
    sentence: str
    requires: Requirement
    references: tuple[str, ...]
    shadow: bool = False
    finding: bool = False

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
    facts["bad_network"] = _bad_network(event, policy)
    task = intent.declared(event.session.intent)
    lacks = None if task is None else intent.outside(task, event, policy.intent_types)
    facts["outside_intent"], facts["not_intended"] = None if task is None else lacks is not None, lacks
    return facts


def _bad_network(event: Event, policy: Policy) -> bool | None:
    network = event.network
    if network.anonymizer or (network.reputation or 0.0) >= policy.bad_reputation:
        return True
    return None if network.anonymizer is None and network.reputation is None else False


def evaluated(case: Circumstances, proofs: Sequence[Proof]) -> tuple[FloorResult, ...]:
    """Every floor that is relevant, applied, satisfied or undecided, in the policy's order."""
    facts = facts_of(case.event, case.features, case.policy)
    results = (_result(floor, facts, case, proofs) for floor in case.policy.floors)
    return tuple(result for result in results if result is not None)


def _result(floor: Floor, facts: Facts, case: Circumstances, proofs: Sequence[Proof]) -> FloorResult | None:
    tests = [_test(condition, facts) for condition in floor.when]
    if False in tests:
        return None
    missing = [condition.fact for condition, test in zip(floor.when, tests, strict=True) if test is None]
    if missing and not floor.unknown_applies:
        return _told(floor, "undecided", undecided_sentence(missing))
    if any(suffices(floor.requires, proof, case) for proof in proofs):
        return _told(floor, "satisfied", _sentence(floor, facts))
    return _told(floor, "applied", _sentence(floor, facts) + fall_short(floor.requires, proofs, case))


def _told(floor: Floor, status: Status, sentence: str) -> FloorResult:
    return FloorResult(
        floor.id, status, sentence, floor.requires, floor.references, floor.mode == "shadow", floor.finding
    )


def undecided_sentence(missing: Sequence[str]) -> str:
    """What is said of a floor that could not be judged: that, and which facts are missing; no more.

    >>> undecided_sentence(["device.compliant"])
    'It could not be told whether this applies: device.compliant is not known.'
    >>> undecided_sentence(["bad_network"])
    'It could not be told whether this applies: network.anonymizer and network.reputation are not known.'
    """
    facts = [fact for name in dict.fromkeys(missing) for fact in DERIVED.get(name, (name,))]
    verb = "are" if len(facts) > 1 else "is"
    return f"It could not be told whether this applies: {' and '.join(facts)} {verb} not known."


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
