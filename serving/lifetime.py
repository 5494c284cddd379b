"""How long a session may go on: the least of what risk, assurance level and floors leave it.

Risk can only shorten: the ceilings of NIST SP 800-63B-4 stand whatever the trust.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from features.decay import TrustCurve
from features.event import Event
from serving.floors import FloorResult
from serving.policy import Policy

LimitedBy = Literal["trust", "assurance", "floor", "step_up", "policy"]


@dataclass(frozen=True)
class Lifetime:
    """Seconds the session may go on without asking again, and what limits them."""

    seconds: int
    limited_by: LimitedBy


def lifetime_of(
    trust: TrustCurve, event: Event, floors: Sequence[FloorResult], stepped_up: bool, policy: Policy, at: datetime
) -> Lifetime:
    """The lifetime an allow gives."""
    rules = policy.lifetime
    limits: list[tuple[float, LimitedBy]] = [
        (rules.longest_seconds, "policy"),
        (max(trust.seconds_until(rules.risk), rules.shortest_seconds), "trust"),
        (_assurance_left(event, policy, at), "assurance"),
    ]
    limits += [(f.requires.max_age_seconds, "floor") for f in floors if f.status == "satisfied" and not f.shadow]
    if stepped_up and trust.now < rules.high_risk_below:
        limits.append((rules.after_high_risk_seconds, "step_up"))
    seconds, limited_by = min(limits, key=lambda limit: limit[0])
    return Lifetime(max(0, int(seconds)), limited_by)


def _assurance_left(event: Event, policy: Policy, at: datetime) -> float:
    said = event.authentication
    ceiling = policy.lifetime.aal_ceiling_seconds.get(said.aal or 1)
    if said.time is None or ceiling is None:
        return math.inf
    return ceiling - (at - said.time).total_seconds()
