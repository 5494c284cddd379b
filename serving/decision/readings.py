"""What a request is, where its declaration may be wrong: the stricter of what the caller says and what is known.

A caller is honest but may be incomplete or wrong. So a request meets the floors of every reading of it, and everything
else (what a proof covers, thin context, remedies, caching) follows the first reading. How readings are made:
`serving.deployment.request_reading`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from features.event.action_harm import HARMFUL, harm_rank
from features.event.schema import Category, Event, IdentityType


@dataclass(frozen=True)
class ActionReading:
    """The category a caller declared, and the one the action's name has."""

    declared: Category | None
    derived: Category
    source: Literal["aws", "vendor", "name", "nothing", "actions.yaml"]
    """What the derived category comes from. The deployment's actions.yaml replaces what is declared."""

    @property
    def category(self) -> Category:
        """The category that counts: the stricter one; of two that do harm by themselves, the name's.

        A name that says nothing is at least a write, whatever it is declared as: also a sign-in that nobody knows.
        """
        if self.declared is None or self.source == "actions.yaml":
            return self.derived
        derived, declared = harm_rank(self.derived), harm_rank(self.declared)
        return self.derived if derived > declared or derived == declared == HARMFUL else self.declared

    @property
    def all(self) -> tuple[Category, ...]:
        """Every category whose floors the request meets, the one that counts first."""
        others = (self.declared, self.derived) if self.source != "actions.yaml" else ()
        return tuple(dict.fromkeys([self.category, *(each for each in others if each)]))

    @property
    def understated(self) -> bool:
        """Whether the declared category is known to be less strict than the one that counts."""
        if self.declared is None or self.source == "nothing":
            return False
        return harm_rank(self.category) > harm_rank(self.declared)

    def wire(self) -> dict[str, Any]:
        """The reading as JSON, in the shape of an answer."""
        return {
            "category": self.category,
            "declared": self.declared,
            "derived": self.derived,
            "derived_from": self.source,
        }


@dataclass(frozen=True)
class KnownTypes:
    """What was declared before: an identity's type as it was fixed, its types until then, and its session's task."""

    fixed: IdentityType | None = None
    declared: tuple[IdentityType, ...] = ()
    intent: str | None = None
    """The authorization details that the session declared first, as far as later requests narrowed them."""

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> KnownTypes:
        """What a decision's record holds of it; nothing, where the record is older than it."""
        return cls(record.get("fixed"), tuple(record.get("declared", ())), record.get("intent"))

    def record(self) -> dict[str, Any]:
        """As a decision's record holds it."""
        return {"fixed": self.fixed, "declared": list(self.declared), "intent": self.intent}


NO_TYPES = KnownTypes()


@dataclass(frozen=True)
class Reading:
    """A reading of a request beside the first; `floors` names the only floors that it brings, None all of them."""

    event: Event
    floors: frozenset[str] | None = None


@dataclass(frozen=True)
class Readings:
    """A request as it is decided: the event that counts, and further readings of it whose floors it meets as well."""

    event: Event
    others: tuple[Reading, ...] = ()
    action: ActionReading | None = None
    other_type: bool = False
    """Whether the declared identity type differs from the fixed one."""
