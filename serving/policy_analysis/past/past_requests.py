"""One request of the past: what was known when it was decided, and what has been learnt about it since.

This module knows neither where past requests come from nor what is done with them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from features.event.schema import Event
from features.model.bundle import TrustModel
from features.model.trust_curve import TrustCurve
from serving.decision.inputs import Proof
from serving.decision.lowest_trust import LowestTrust
from serving.decision.places.place import NO_PLACES, KnownPlaces
from serving.decision.readings import NO_TYPES, KnownTypes
from serving.decision.ruling import Ruling

Progress = Callable[[int, int], None]
"""Called with how many requests are done, and how many there are."""


@dataclass(frozen=True)
class Label:
    """Whether a request was malicious, and whether it was a legitimate escalation; None when unknown."""

    compromised: bool | None = None
    escalation: bool | None = None
    source: str | None = None


UNLABELLED = Label()


@dataclass(frozen=True)
class RecordedDecision:
    """What was decided when the request was made, and the proofs that a challenge brought."""

    ruling: Ruling
    floors: tuple[str, ...]
    """The ids of the floors that demanded proof."""
    asked_by_model: bool
    degraded: str | None
    proofs: tuple[Proof, ...]
    population: str | None = None
    """Digest of the population its features were read with."""


@dataclass(frozen=True)
class PastRequest:
    """One request. `model` is the model that gave its trust; it also gives the thresholds of budgets."""

    id: str
    at: datetime
    event: Event
    features: Mapping[str, float]
    trust: TrustCurve | None
    model: TrustModel | None
    label: Label = UNLABELLED
    decision: RecordedDecision | None = None
    assured: bool = True
    """Whether its caller might assert facts; what an operator imports counts as asserted."""
    types: KnownTypes = NO_TYPES
    places: KnownPlaces = NO_PLACES
    as_sent: TrustCurve | None = None
    """The trust without stand-ins for what was withheld, where that is another."""
    lowest: LowestTrust | None = None
    """The lowest trust where it came from, as long as that was new to the identity."""

    @property
    def legitimate(self) -> bool:
        """Whether the request is known to be legitimate."""
        return self.label.compromised is False


@dataclass(frozen=True)
class SkippedRequest:
    """A request that cannot be decided again, and why."""

    reason: str


PastRequests = Iterator[PastRequest | SkippedRequest]
