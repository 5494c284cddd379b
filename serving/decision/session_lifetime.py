"""How long an allowed session may continue: the shortest of what risk, assurance level and floors leave it.

Risk can only shorten a session: the limits of NIST SP 800-63B-4 hold whatever the trust.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from features.model.trust_curve import TrustCurve
from serving.decision.floor_evaluation import FloorResult
from serving.decision.inputs import DecisionContext, Proof
from serving.decision.reauthentication import seconds_left

LimitedBy = Literal["trust", "assurance", "inactivity", "floor", "step_up", "policy"]


@dataclass(frozen=True)
class Lifetime:
    """How many seconds a session may continue without being asked again, and what limits them."""

    seconds: int
    limited_by: LimitedBy


def compute_lifetime(
    trust: TrustCurve,
    context: DecisionContext,
    floors: Sequence[FloorResult],
    proofs: Sequence[Proof],
    *,
    stepped_up: bool,
    shortest_seconds: float | None = None,
) -> Lifetime:
    """The lifetime an allow gives a session; `stepped_up` says that a step-up settled the model's challenge.

    `shortest_seconds` is the shortest that trust let a session last where the request comes from, while that is new.
    """
    rules = context.policy.lifetime
    by_risk = min(trust.seconds_until(rules.risk), math.inf if shortest_seconds is None else shortest_seconds)
    limits: list[tuple[float, LimitedBy]] = [
        (rules.longest_seconds, "policy"),
        (max(by_risk, rules.shortest_seconds), "trust"),
        *seconds_left(context, proofs),
    ]
    limits += [(f.requires.max_age_seconds, "floor") for f in floors if f.status == "satisfied" and not f.shadow]
    if stepped_up and context.trust < rules.high_risk_below:
        limits.append((rules.after_high_risk_seconds, "step_up"))
    seconds, limited_by = min(limits, key=lambda limit: limit[0])
    return Lifetime(max(0, int(seconds)), limited_by)
