"""An event and what the service decided about it, in the words the demo and its promises use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from features import Event
from serving.launch.client import Service


@dataclass(frozen=True)
class Judged:
    """One request and its decision, as `POST /score` answered it."""

    event: Event
    decision: dict[str, Any]

    @property
    def ruling(self) -> str:
        """allow, step_up or deny."""
        return str(self.decision["ruling"])

    @property
    def trust(self) -> float | None:
        """The probability that the session is in its owner's hands; None when no model could say."""
        trust = self.decision["trust"]
        return None if trust is None else float(trust["now"])

    @property
    def floors(self) -> dict[str, str]:
        """The floors that made this ruling, with their sentences."""
        ruled = {why.removeprefix("floor ") for why in self.decision["because"]}
        return {floor["id"]: floor["sentence"] for floor in self.decision["floors"] if floor["id"] in ruled}

    @property
    def drifts(self) -> list[dict[str, Any]]:
        """What raised the risk, strongest first."""
        explanation = self.decision["explanation"] or {"contributions": []}
        raising = [c for c in explanation["contributions"] if c["contribution"] > 0]
        return sorted(raising, key=lambda c: float(c["contribution"]), reverse=True)

    @property
    def by_model(self) -> bool:
        """Whether the model's trust made this ruling."""
        return "the model" in self.decision["because"]

    @property
    def reason(self) -> str:
        """What made the ruling, floors by their ids; an allow needs no reason."""
        return ", ".join(self.decision["because"])

    @property
    def drift(self) -> str:
        """The drift that weighed most, with what it added to the log-odds of compromise."""
        return f"{self.drifts[0]['feature']} +{self.drifts[0]['contribution']:.1f}" if self.drifts else ""


def judge(service: Service, events: Iterable[Event], space: str) -> Iterator[Judged]:
    """Ask the service about each event in turn, in replay mode, in a history space of their own.

    Raises RuntimeError when the service answers with anything but a decision.
    """
    for event in events:
        body = {"event": event.model_dump(mode="json"), "mode": "replay", "space": space}
        status, answer = service.call("/score", body)
        if status != 200:
            raise RuntimeError(f"the service answered {status} to {event.action.name}: {answer}")
        yield Judged(event, answer)
