"""Evaluates the floors of a policy: whether each is relevant to a request, and whether its proof is there.

A condition on an unknown fact is neither true nor false. An action floor then applies, since the action itself is
privileged. A signal floor is undecided: it is recorded and shown, and never counts as "no".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal

from serving.decision.authorization_details import COUNTS_AS
from serving.decision.facts import fact_lookup
from serving.decision.inputs import DecisionContext, Proof
from serving.decision.proofs import refusal_sentences, satisfies
from serving.policy.fact_types import DERIVED
from serving.policy.schema import Condition, Floor, Requirement

Status = Literal["applied", "satisfied", "undecided"]


@dataclass(frozen=True)
class FloorResult:
    """A floor that is relevant to a request. In shadow mode it is evaluated and demands nothing."""

    id: str
    status: Status
    sentence: str
    requires: Requirement
    references: tuple[str, ...]
    shadow: bool = False
    finding: bool = False
    refusals: tuple[str, ...] = ()
    """Why proofs that were given do not satisfy it, a sentence each."""

    @property
    def full_sentence(self) -> str:
        """The floor's sentence, and why proofs that were given do not satisfy it."""
        return " ".join((self.sentence, *self.refusals))

    @property
    def demands_proof(self) -> bool:
        """Whether it demands a step-up."""
        return self.status == "applied" and not self.shadow


def evaluate_floors(context: DecisionContext, proofs: Sequence[Proof]) -> tuple[FloorResult, ...]:
    """Every floor that is relevant: applied, satisfied or undecided, in the policy's order."""
    results = (_evaluate(floor, context, proofs) for floor in context.policy.floors)
    return tuple(result for result in results if result is not None)


def _evaluate(floor: Floor, context: DecisionContext, proofs: Sequence[Proof]) -> FloorResult | None:
    """A floor's result: relevant if it is by any reading of the request; the proofs are compared with the first."""
    readings = [(reading, unknown_facts(floor, reading)) for reading in _readings(floor, context)]
    relevant = [(reading, unknown) for reading, unknown in readings if unknown is not None]
    if not relevant:
        return None
    reading = next((each for each, unknown in relevant if not unknown or floor.unknown_applies), None)
    if reading is None:
        return _result(floor, "undecided", undecided_sentence(relevant[0][1]))
    if any(satisfies(floor.requires, proof, context) for proof in proofs):
        return _result(floor, "satisfied", _sentence(floor, reading))
    why_not = refusal_sentences((floor.requires,), proofs, context)
    return _result(floor, "applied", _sentence(floor, reading), why_not)


def _readings(floor: Floor, context: DecisionContext) -> Iterator[DecisionContext]:
    """The context under each reading of the request that brings a floor."""
    yield context
    for reading in context.others:
        if reading.floors is None or floor.id in reading.floors:
            yield replace(context, event=reading.event)


def unknown_facts(floor: Floor, context: DecisionContext) -> tuple[str, ...] | None:
    """The facts that a floor's conditions need and that are unknown; None where a condition does not hold."""
    unknown = []
    for condition in floor.when:
        value = fact_lookup(condition.fact)(context)
        if value is None and condition.fact == "action.category":
            value = COUNTS_AS
        if value is None:
            unknown.append(condition.fact)
        elif not _holds(condition, value):
            return None
    return tuple(unknown)


def _holds(condition: Condition, value: Any) -> bool:
    if condition.in_ is not None:
        return condition.includes(value)
    if condition.is_ is not None:
        return bool(value) is condition.is_
    return float(value) > float(condition.above or 0.0)


def _result(floor: Floor, status: Status, sentence: str, refusals: tuple[str, ...] = ()) -> FloorResult:
    shadow = floor.mode == "shadow"
    return FloorResult(floor.id, status, sentence, floor.requires, floor.references, shadow, floor.finding, refusals)


@lru_cache
def undecided_sentence(unknown: tuple[str, ...]) -> str:
    """The sentence of a floor that could not be evaluated; it names the unknown facts and nothing else.

    >>> undecided_sentence(("device.compliant",))
    'It could not be told whether this applies: device.compliant is not known.'
    >>> undecided_sentence(("bad_network",))
    'It could not be told whether this applies: network.anonymizer and network.reputation are not known.'
    """
    facts = [field for name in dict.fromkeys(unknown) for field in DERIVED.get(name, (name,))]
    verb = "are" if len(facts) > 1 else "is"
    return f"It could not be told whether this applies: {' and '.join(facts)} {verb} not known."


def _sentence(floor: Floor, context: DecisionContext) -> str:
    """The floor's sentence with the values it quotes."""
    first, *rest = floor.sentence.split("{")
    sentence = first
    for part in rest:
        name, _, text = part.partition("}")
        sentence += _quoted(fact_lookup(name)(context)) + text
    return sentence


def _quoted(value: Any) -> str:
    if value is None:
        return "unknown"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
