"""The limits of NIST SP 800-63B-4: when a person must sign in again, whatever the trust.

Each assurance level limits how long a session lasts after authentication, and without activity. The limits hold for
people; machines prove themselves by other means. An unknown time limits nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from features.event.authentication_methods import level_of
from features.event.schema import Event
from serving.decision.inputs import DecisionContext, Proof
from serving.decision.places.proof_place import made_elsewhere
from serving.decision.proofs import assurance, is_current
from serving.policy.schema import Policy
from serving.times import duration

LimitKind = Literal["assurance", "inactivity"]


@dataclass(frozen=True)
class SessionLimit:
    """A limit that a session has passed: its assurance level, since when, and a sentence."""

    aal: int
    at: datetime
    sentence: str


def session_assurance_level(event: Event, policy: Policy) -> int:
    """The assurance level a session claims: the higher of aal and mapped acr; factors alone show at most AAL2."""
    claim = event.authentication
    known = policy.assurance
    acr = known.acr_levels.get(claim.acr or "")
    claimed = [level for level in (claim.aal, acr.aal if acr else None) if level is not None]
    by_factors = min(2, level_of(claim.amr or (), known.methods))
    return max(claimed) if claimed else max(1, by_factors)


def passed_limit(context: DecisionContext, proofs: Sequence[Proof], last_seen: datetime | None) -> SessionLimit | None:
    """The limit a session has passed, the earliest of them; None when it has passed none."""
    if not context.human:
        return None
    aal = session_assurance_level(context.event, context.policy)
    since, ceiling = _authenticated_at(context, proofs, aal), context.policy.lifetime.assurance[aal]
    limits = []
    if since is not None:
        until = since + timedelta(seconds=ceiling.overall_seconds)
        limits.append(
            SessionLimit(aal, until, f"AAL{aal} ends {duration(ceiling.overall_seconds)} after authentication")
        )
    if last_seen is not None and ceiling.inactivity_seconds is not None:
        until = max(last_seen, since or last_seen) + timedelta(seconds=ceiling.inactivity_seconds)
        idle = duration(ceiling.inactivity_seconds)
        limits.append(SessionLimit(aal, until, f"AAL{aal} ends after {idle} without activity"))
    passed = (limit for limit in limits if context.at >= limit.at)
    return min(passed, key=lambda limit: limit.at, default=None)


def seconds_left(context: DecisionContext, proofs: Sequence[Proof]) -> list[tuple[float, LimitKind]]:
    """How long a session that is active now may continue at its assurance level, by each limit."""
    if not context.human:
        return []
    aal = session_assurance_level(context.event, context.policy)
    since, ceiling = _authenticated_at(context, proofs, aal), context.policy.lifetime.assurance[aal]
    age = (context.at - since).total_seconds() if since else -math.inf
    return [(ceiling.overall_seconds - age, "assurance"), (ceiling.inactivity_seconds or math.inf, "inactivity")]


def _authenticated_at(context: DecisionContext, proofs: Sequence[Proof], aal: int) -> datetime | None:
    """When the person last authenticated at this level: the claimed time, or a later step-up that counts here."""
    longest = context.policy.lifetime.assurance[aal].overall_seconds
    times = [
        proof.made_at
        for proof in proofs
        if proof.kind == "interactive_mfa"
        and proof.source == "step_up"
        and assurance(proof, context.policy).level >= aal
        and is_current(proof, context, longest)
        and made_elsewhere(proof, context) is None
    ]
    claimed = context.event.authentication.time
    if claimed is not None and claimed <= context.at + timedelta(seconds=context.policy.clock_tolerance_seconds):
        times.append(claimed)
    return max(times, default=None)
