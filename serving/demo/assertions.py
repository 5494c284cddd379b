"""What the demo must show: each assertion is a sentence and a condition over the decisions."""

from __future__ import annotations

from collections.abc import Sequence

from features import feature_catalogue
from serving.demo.result import ScoredEvent

MIN_ALLOWED = 0.95
"""The share of constructed benign calls that must be allowed."""
INTERACTIVE = "interactive_mfa"
"""The remedy that needs a person."""


def failed_assertions(
    incident: Sequence[ScoredEvent], stolen: Sequence[ScoredEvent], controls: dict[str, list[ScoredEvent]]
) -> list[str]:
    """The assertions that do not hold, as sentences; `stolen` are the calls made with the stolen credential."""
    people = [scored for scored in incident if scored.event.identity.type == "human"]
    machines = [scored for scored in incident if scored.event.identity.type != "human"]
    reading = [scored for scored in people if scored.event.action.category in ("read", "list")]
    assertions = {
        "the person's reading after MFA is allowed": count_allowed(reading) == len(reading) > 0,
        "no call with the stolen credential is allowed": count_allowed(stolen) == 0 < len(stolen),
        "no interactive remedy is offered to a machine": not any(map(_offers_interactive_mfa, machines)),
        "each challenge of the role shows a floor or a drift, not thin context": all(map(_shows_drift, stolen)),
    }
    assertions |= {
        f"{name}: at least {MIN_ALLOWED:.0%} allowed": count_allowed(calls) >= MIN_ALLOWED * len(calls) > 0
        for name, calls in controls.items()
    }
    return [sentence for sentence, holds in assertions.items() if not holds]


def count_allowed(calls: Sequence[ScoredEvent]) -> int:
    """How many calls were allowed."""
    return sum(scored.ruling == "allow" for scored in calls)


def _offers_interactive_mfa(scored: ScoredEvent) -> bool:
    return any(remedy["type"] == INTERACTIVE for remedy in scored.decision["remedies"])


def _shows_drift(scored: ScoredEvent) -> bool:
    """Whether a floor decided, or the strongest contribution is a drift rather than how little is known."""
    module_of = {feature["name"]: feature["module"] for feature in feature_catalogue()}
    drifted = scored.by_model and scored.drifts and module_of[scored.drifts[0]["feature"]] != "context"
    return scored.ruling == "allow" or bool(scored.floors) or bool(drifted)
