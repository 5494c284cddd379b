"""What the demo must show, each promise a sentence and a condition over the decisions; pure."""

from __future__ import annotations

from collections.abc import Sequence

from features import feature_catalogue
from serving.demo.result import Judged

ORDINARY_SHARE = 0.95
"""The share of constructed ordinary calls that must pass."""
INTERACTIVE = "interactive_mfa"
"""The remedy that needs a person."""


def broken_promises(
    incident: Sequence[Judged], robbed: Sequence[Judged], controls: dict[str, list[Judged]]
) -> list[str]:
    """The promises that do not hold, in words; `robbed` are the incident's calls with the stolen credential."""
    people = [j for j in incident if j.event.identity.type == "human"]
    machines = [j for j in incident if j.event.identity.type != "human"]
    reading = [j for j in people if j.event.action.category in ("read", "list")]
    promises = {
        "the person's MFA-backed ordinary reading is allowed": passed(reading) == len(reading) > 0,
        "the stolen role's calls do not pass unchallenged": passed(robbed) == 0 < len(robbed),
        "no interactive remedy is offered to a machine": not any(map(_asks_a_person, machines)),
        "each challenge of the role shows a floor or a drift, not thin context": all(map(_shows_drift, robbed)),
    }
    promises |= {
        f"{name}: at least {ORDINARY_SHARE:.0%} allowed": passed(calls) >= ORDINARY_SHARE * len(calls) > 0
        for name, calls in controls.items()
    }
    return [sentence for sentence, holds in promises.items() if not holds]


def passed(calls: Sequence[Judged]) -> int:
    """How many were allowed."""
    return sum(j.ruling == "allow" for j in calls)


def _asks_a_person(judged: Judged) -> bool:
    return any(remedy["type"] == INTERACTIVE for remedy in judged.decision["remedies"])


def _shows_drift(judged: Judged) -> bool:
    """Whether a floor ruled, or what weighed most is a drift and not how little is known."""
    module_of = {feature["name"]: feature["module"] for feature in feature_catalogue()}
    drifted = judged.by_model and judged.drifts and module_of[judged.drifts[0]["feature"]] != "context"
    return judged.ruling == "allow" or bool(judged.floors) or bool(drifted)
