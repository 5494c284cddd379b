"""Whether each floor is relevant to a request, and whether its proof is there.

A condition on an unknown fact is neither true nor false. An action floor then applies, since the action itself is
privileged; a signal floor is undecided: recorded, shown, never a "no".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from serving.decision.authorization_details import COUNTS_AS
from serving.decision.facts import Fact, fact
from serving.decision.inputs import Proof
from serving.decision.proofs import Circumstances, fall_short, suffices
from serving.policy.rules import DERIVED
from serving.policy.schema import Condition, Floor, Requirement

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


def evaluated(case: Circumstances, proofs: Sequence[Proof]) -> tuple[FloorResult, ...]:
    """Every floor that is relevant, applied, satisfied or undecided, in the policy's order."""
    results = (_result(rule, case, proofs) for rule in _rules(case.policy.floors))
    return tuple(result for result in results if result is not None)


@dataclass(frozen=True)
class _Rule:
    """A floor, made ready: how to look up each fact it asks about, and what to ask of it."""

    floor: Floor
    tests: tuple[tuple[str, Fact, Callable[[Any], bool]], ...]


_READY: dict[int, tuple[tuple[Floor, ...], tuple[_Rule, ...]]] = {}
_AT_ONCE = 64
"""So many policies are kept ready."""


def _rules(floors: tuple[Floor, ...]) -> tuple[_Rule, ...]:
    """The floors of a policy made ready, once for each: looking facts up by name would take most of a ruling."""
    kept = _READY.get(id(floors))
    if kept is None or kept[0] is not floors:
        if len(_READY) >= _AT_ONCE:
            _READY.clear()
        kept = floors, tuple(_Rule(floor, tuple(map(_ready, floor.when))) for floor in floors)
        _READY[id(floors)] = kept
    return kept[1]


def _ready(condition: Condition) -> tuple[str, Fact, Callable[[Any], bool]]:
    return condition.fact, fact(condition.fact), _test(condition)


def _test(condition: Condition) -> Callable[[Any], bool]:
    if condition.in_ is not None:
        return frozenset(condition.in_).__contains__
    if condition.is_ is not None:
        return lambda value, wanted=condition.is_: bool(value) is wanted  # type: ignore[misc]
    return lambda value, limit=float(condition.above or 0.0): float(value) > limit  # type: ignore[misc]


def _result(rule: _Rule, case: Circumstances, proofs: Sequence[Proof]) -> FloorResult | None:
    floor, missing = rule.floor, []
    for name, look_up, holds in rule.tests:
        value = look_up(case)
        if value is None and name == "action.category":
            value = COUNTS_AS
        if value is None:
            missing.append(name)
        elif not holds(value):
            return None
    if missing and not floor.unknown_applies:
        return _told(floor, "undecided", undecided_sentence(tuple(missing)))
    if any(suffices(floor.requires, proof, case) for proof in proofs):
        return _told(floor, "satisfied", _sentence(floor, case))
    return _told(floor, "applied", _sentence(floor, case) + fall_short(floor.requires, proofs, case))


def _told(floor: Floor, status: Status, sentence: str) -> FloorResult:
    shadow = floor.mode == "shadow"
    return FloorResult(floor.id, status, sentence, floor.requires, floor.references, shadow, floor.finding)


@lru_cache
def undecided_sentence(missing: tuple[str, ...]) -> str:
    """What is said of a floor that could not be judged: that, and which facts are missing; no more.

    >>> undecided_sentence(("device.compliant",))
    'It could not be told whether this applies: device.compliant is not known.'
    >>> undecided_sentence(("bad_network",))
    'It could not be told whether this applies: network.anonymizer and network.reputation are not known.'
    """
    facts = [fact for name in dict.fromkeys(missing) for fact in DERIVED.get(name, (name,))]
    verb = "are" if len(facts) > 1 else "is"
    return f"It could not be told whether this applies: {' and '.join(facts)} {verb} not known."


def _sentence(floor: Floor, case: Circumstances) -> str:
    """The floor's sentence with the values it quotes."""
    parts = floor.sentence.split("{")
    said = parts[0]
    for part in parts[1:]:
        name, _, rest = part.partition("}")
        said += _quoted(fact(name)(case)) + rest
    return said


def _quoted(value: Any) -> str:
    if value is None:
        return "unknown"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
