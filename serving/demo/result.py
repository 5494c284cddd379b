"""An event and the decision the service made about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from features import Event
from serving.launch.client import Service


@dataclass(frozen=True)
class ScoredEvent:
    """One event and its decision, as `POST /score` returned it."""

    event: Event
    decision: dict[str, Any]

    @property
    def ruling(self) -> str:
        """allow, step_up or deny."""
        return str(self.decision["ruling"])

    @property
    def trust(self) -> float | None:
        """The probability that the session is in its owner's hands; None when there was no model."""
        trust = self.decision["trust"]
        return None if trust is None else float(trust["now"])

    @property
    def floors(self) -> dict[str, str]:
        """The floors that decided this ruling: their sentences by id."""
        deciding = {reason.removeprefix("floor ") for reason in self.decision["because"]}
        return {floor["id"]: floor["sentence"] for floor in self.decision["floors"] if floor["id"] in deciding}

    @property
    def drifts(self) -> list[dict[str, Any]]:
        """The contributions that raised the risk, strongest first."""
        explanation = self.decision["explanation"] or {"contributions": []}
        raising = [c for c in explanation["contributions"] if c["contribution"] > 0]
        return sorted(raising, key=lambda c: float(c["contribution"]), reverse=True)

    @property
    def by_model(self) -> bool:
        """Whether the model's trust decided this ruling."""
        return "the model" in self.decision["because"]

    @property
    def reason(self) -> str:
        """What decided the ruling, floors by their ids; empty for an allow."""
        return ", ".join(self.decision["because"])

    @property
    def strongest_drift(self) -> str:
        """The drift that raised the risk most, with its contribution to the log-odds of compromise."""
        return f"{self.drifts[0]['feature']} +{self.drifts[0]['contribution']:.1f}" if self.drifts else ""


def score_events(service: Service, events: Iterable[Event], space: str) -> Iterator[ScoredEvent]:
    """Have the service decide each event in turn, in replay mode and in a history space of their own.

    Raises RuntimeError when a response is not a decision.
    """
    for event in events:
        request = {"event": event.model_dump(mode="json"), "mode": "replay", "space": space}
        status, response = service.call("/score", request)
        if status != 200:
            raise RuntimeError(f"the service answered {status} to {event.action.name}: {response}")
        yield ScoredEvent(event, response)
