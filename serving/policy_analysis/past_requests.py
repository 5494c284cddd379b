"""One request as it was known when it was ruled on, and what has been learnt of it since: what hypotheses are tried on.

Knows neither where cases come from nor what is asked of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from features.event.schema import Event
from features.model.bundle import TrustModel
from features.model.trust_curve import TrustCurve
from serving.decision.inputs import Proof
from serving.decision.ruling import Ruling

Told = Callable[[int, int], None]
"""Called with how many requests are done, and how many there are."""


@dataclass(frozen=True)
class Label:
    """Whether an intruder made the request, and whether it was a legitimate escalation; None where nobody knows."""

    compromised: bool | None = None
    escalation: bool | None = None
    source: str | None = None


UNLABELLED = Label()


@dataclass(frozen=True)
class Recorded:
    """What was ruled when the request was really made, and the proofs that came of it."""

    ruling: Ruling
    floors: tuple[str, ...]
    asked_by_model: bool
    degraded: str | None
    answers: tuple[Proof, ...]


@dataclass(frozen=True)
class Case:
    """One request. `model` tells the thresholds of budgets; it is the one that gave the trust."""

    id: str
    at: datetime
    event: Event
    features: Mapping[str, float]
    trust: TrustCurve | None
    model: TrustModel | None
    label: Label = UNLABELLED
    recorded: Recorded | None = None

    @property
    def legitimate(self) -> bool:
        """Known to be its owner's own."""
        return self.label.compromised is False


@dataclass(frozen=True)
class Missing:
    """A request that cannot be judged again, and why."""

    why: str


Cases = Iterator[Case | Missing]
