"""The lowest trust while a network, device or client is new to the identity: what volume cannot raise.

An attacker that holds a session makes harmless requests until its new network is a habit, and only then the one it
came for. So for whatever changes, exports or grants something, trust is no higher than the lowest it was at any value
of this request that is still new. Which values are new: `serving.engine.new_values`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from features.catalogue.sentences.amounts import trust_percent
from features.event.action_harm import harm_rank
from features.event.schema import Category

ENOUGH_DAYS = 3
"""On how many days, at least 24 hours apart, a value must have been allowed before it is no longer new."""
WITHHELD = "withheld"
"""The kind that stands for whatever a session left out although its caller habitually sends it."""
_NOUNS = {WITHHELD: "parts that are withheld"}
_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


@dataclass(frozen=True)
class LowestTrust:
    """The lowest trust, in any session, at those values of a request that are new to its identity."""

    trust: float
    trust_as_sent: float
    """The same without stand-ins for what was withheld: denial and phishing resistance follow it."""
    seconds: float | None
    """The shortest that trust let a session last there; None without a limit."""
    kinds: tuple[str, ...]
    """What is new: network, device, client, or what was withheld."""
    since: datetime
    """When the first of them was first used."""

    @classmethod
    def from_record(cls, record: Mapping[str, Any] | None) -> LowestTrust | None:
        """What a decision's record holds of it; None where nothing was new, and in records that are older than it."""
        if record is None:
            return None
        since = datetime.fromisoformat(record["since"])
        return cls(**{**record, "kinds": tuple(record["kinds"]), "since": since})

    def record(self) -> dict[str, Any]:
        """As a decision's record holds it."""
        return {**vars(self), "kinds": list(self.kinds), "since": self.since.isoformat()}

    def wire(self, trust: float, at: datetime, *, counts: bool) -> dict[str, Any]:
        """As it stands in an answer, beside the model's trust in the request."""
        return {
            "trust": self.trust,
            "new": list(self.kinds),
            "since": self.since.isoformat(),
            "ruled": counts and self.trust < trust,
            "sentence": self._sentence(at),
        }

    def _sentence(self, at: datetime) -> str:
        seconds = max(int((at - self.since).total_seconds()), 0)
        size, unit = next(((size, unit) for size, unit in _UNITS if seconds >= size), (1, "second"))
        number = seconds // size
        ago = f"{number} {unit}{'' if number == 1 else 's'} ago"
        *first, last = (_NOUNS.get(kind, kind) for kind in self.kinds)
        new = f"{', '.join(first)} and {last}" if first else last
        return (
            f"The {new} of this request came into use {ago}. Trust there was {trust_percent(self.trust)} at its lowest "
            f"or at first sight, and more requests do not raise it for anything but reads. A proof made there does, or "
            f"being allowed on {ENOUGH_DAYS} different days."
        )


def counts_for(category: Category | None) -> bool:
    """Whether the lowest trust counts for a category of action: for all but viewing and signing in.

    >>> [counts_for(category) for category in ("read", "authenticate", "write", "manage_access", None)]
    [False, False, True, True, True]
    """
    return category is None or harm_rank(category) > 0


def counted_trust(trust: float, lowest: LowestTrust | None, category: Category | None) -> float:
    """The trust that is compared with thresholds: the model's, or the lowest where that counts and is lower."""
    return trust if lowest is None or not counts_for(category) else min(trust, lowest.trust)


def counted_trust_as_sent(as_sent: float | None, lowest: LowestTrust | None, category: Category | None) -> float | None:
    """The same of the trust without stand-ins for what was withheld, which denial and phishing resistance follow."""
    if as_sent is None or lowest is None or not counts_for(category):
        return as_sent
    return min(as_sent, lowest.trust_as_sent)


def trust_counted_in(answer: Mapping[str, Any]) -> float | None:
    """The trust that a recorded answer compared with its threshold; before 0.3 that was the model's."""
    trust = answer["trust"]
    if trust is None:
        return None
    counted: float | None = trust.get("counted")
    return float(trust["now"]) if counted is None else counted
