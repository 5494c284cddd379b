"""What each fact of a condition can be: its type, its values, its greatest value. Conditions are checked against it.

A condition that would compare a text with a number would fail at every request, and one that can never hold would
silently switch its floor off: both are refused when the policy is read.
"""

from __future__ import annotations

import math
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import AwareDatetime, TypeAdapter, ValidationError

from features.catalogue.all import FEATURES
from features.event.schema import Event, Group, IdentityType
from serving.policy.loader import UnknownName

if TYPE_CHECKING:
    from serving.policy.rules import Condition

FactKind = Literal["text", "flag", "number", "time", "list"]

DERIVED: Mapping[str, tuple[str, ...]] = {
    "bad_network": ("network.anonymizer", "network.reputation"),
    "outside_intent": ("session.intent",),
    "not_intended": ("session.intent",),
    "failed_step_ups": (),
}
"""Facts derived from event fields, with the fields they are derived from."""

MACHINES: tuple[IdentityType, ...] = ("service_account", "workload", "agent")
ZERO_FOR: Mapping[str, tuple[IdentityType, ...]] = {
    "person_like_client": ("human",),
    "person_like_rhythm": ("human",),
    "machine_like_rhythm": MACHINES,
}
"""Features that are 0, never unknown, for these identity types."""

_GREATEST = {
    "yes or no": 1.0,
    "share": 1.0,
    "cosine distance, 0 to 1": 1.0,
    "0 clean to 1 known bad": 1.0,
    "steps, 0 to 3": 3.0,
    "steps, -3 to 3": 3.0,
    "0 none to 3 phishing-resistant": 3.0,
    "km": 20_040.0,  # half the way around the earth
}
"""The greatest value of a feature, by unit; features of other units have none."""


@dataclass(frozen=True)
class FactType:
    """What a fact can be."""

    kind: FactKind
    choices: tuple[str, ...] = ()
    """The values of a text that has a fixed set of values."""
    accepts: TypeAdapter[Any] | None = None
    """What validates a text in an event."""
    greatest: float = math.inf

    def can_be(self, text: str) -> bool:
        """Whether a text can be the fact's value."""
        if self.accepts is None:
            return True
        try:
            return bool(self.accepts.validate_python(text, strict=True) == text)
        except ValidationError:
            return False


def _event_facts(group: type[Group] = Event, prefix: str = "") -> Iterator[tuple[str, FactType]]:
    for name, field in group.model_fields.items():
        kind = _plain_type(field.annotation)
        if isinstance(kind, type) and issubclass(kind, Group):
            yield from _event_facts(kind, f"{prefix}{name}.")
        else:
            annotation: Any = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
            greatest = max(_limits(annotation), default=math.inf)
            yield f"{prefix}{name}", _event_fact(kind, annotation, greatest)


def _event_fact(kind: Any, annotation: Any, greatest: float) -> FactType:
    if get_origin(kind) is Literal:
        return FactType("text", get_args(kind), TypeAdapter(annotation))
    if kind is bool:
        return FactType("flag")
    if kind in (int, float):
        return FactType("number", greatest=greatest)
    if kind in (datetime, AwareDatetime):
        return FactType("time")
    return FactType("text", accepts=TypeAdapter(annotation)) if kind is str else FactType("list")


def _plain_type(annotation: Any) -> Any:
    """The type inside Annotated and `| None`; a Literal stays one."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _plain_type(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return _plain_type(next(each for each in get_args(annotation) if each is not type(None)))
    return annotation if origin is Literal else origin or annotation


def _limits(annotation: Any) -> Iterator[float]:
    """The upper limits that an annotation states."""
    for part in get_args(annotation):
        limit = getattr(part, "le", None)
        if isinstance(limit, int | float):
            yield float(limit)
        for each in getattr(part, "metadata", ()):  # pydantic's Field keeps them there
            if isinstance(getattr(each, "le", None), int | float):
                yield float(each.le)
        if get_args(part):
            yield from _limits(part)


FACT_TYPES: Mapping[str, FactType] = {
    **dict(_event_facts()),
    **{
        feature.name: FactType(
            "flag" if feature.unit == "yes or no" else "number", greatest=_GREATEST.get(feature.unit, math.inf)
        )
        for feature in FEATURES
    },
    "bad_network": FactType("flag"),
    "outside_intent": FactType("flag"),
    "not_intended": FactType("text"),
    "failed_step_ups": FactType("number"),
}
"""Every fact a condition may name: event fields by dotted name, features, and derived facts."""

_TEST_OF: Mapping[FactKind, str] = {"text": "in", "flag": "is", "number": "above"}
_WORDS: Mapping[FactKind, str] = {
    "text": "a text, so test it with `in: [...]`",
    "flag": "true or false, so test it with `is: true` or `is: false`",
    "number": "a number, so test it with `above`",
    "time": "a time, which no condition can test",
    "list": "a list, which no condition can test",
}


def check_condition(condition: Condition) -> None:
    """Raises UnknownName or ValueError for a condition whose test does not fit its fact, or can never hold."""
    fact = FACT_TYPES[condition.fact]
    test = "in" if condition.in_ is not None else "is" if condition.is_ is not None else "above"
    if _TEST_OF.get(fact.kind) != test:
        raise ValueError(f"`{test}` does not fit: {condition.fact} is {_WORDS[fact.kind]}")
    if condition.above is not None and condition.above >= fact.greatest:
        raise ValueError(f"it can never apply: {condition.fact} is never above {fact.greatest:g}")
    for text in condition.in_ or ():
        if not fact.can_be(text):
            raise _never(condition.fact, text, fact)


def _never(name: str, text: str, fact: FactType) -> ValueError:
    message = f"{name} is never {text[:100]!r}"
    if fact.choices:
        return UnknownName(f"{message}; it is one of {', '.join(fact.choices)}", text, fact.choices)
    spelling = next((each for each in (text.upper(), text.lower(), text.strip()) if fact.can_be(each)), None)
    return ValueError(f"{message}; did you mean {spelling!r}?" if spelling else message)


def can_hold(conditions: Sequence[Condition]) -> bool:
    """Whether all conditions can hold at once."""
    by_fact: dict[str, list[Condition]] = {}
    for condition in conditions:
        by_fact.setdefault(condition.fact, []).append(condition)
    identities = _identity_types(by_fact.get("identity.type", ()))
    return all(_agree(tests) for tests in by_fact.values()) and all(
        not identities <= set(ZERO_FOR.get(fact, ())) or not any(map(_excludes_zero, tests))
        for fact, tests in by_fact.items()
    )


def _agree(tests: Sequence[Condition]) -> bool:
    """Whether conditions on one fact can hold at once."""
    choices = [set(test.in_) for test in tests if test.in_ is not None]
    flags = {test.is_ for test in tests if test.is_ is not None}
    return len(flags) < 2 and (not choices or bool(set.intersection(*choices)))


def _identity_types(tests: Sequence[Condition]) -> set[str]:
    every: set[str] = {"human", *MACHINES}
    return every.intersection(*(set(test.in_ or every) for test in tests))


def _excludes_zero(test: Condition) -> bool:
    return test.is_ is True or (test.above is not None and test.above >= 0.0)
