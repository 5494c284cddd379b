"""When a person's session has to be authenticated again, whatever its trust: the limits of NIST SP 800-63B-4.

A level's limits hold for sessions of that level: how long after authentication, and how long without activity. They
are a person's; machines prove themselves by other means. What is not known limits nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from features.event.numpy_row import strength_of
from features.event.schema import Event
from serving.decision.inputs import Proof
from serving.decision.proofs import Circumstances, alive, level, same_place
from serving.policy.schema import Policy
from serving.times import span

Limit = Literal["assurance", "inactivity"]


@dataclass(frozen=True)
class Ended:
    """A session past a limit of its level: which, since when, and in words."""

    aal: int
    at: datetime
    sentence: str


def session_level(event: Event, policy: Policy) -> int:
    """The level the session is said to be of, by the stricter of aal and acr; factors alone show at most AAL2."""
    said = event.authentication
    worth = policy.acr_levels.get(said.acr or "")
    named = [each for each in (said.aal, worth.aal if worth else None) if each is not None]
    shown = min(2, int(strength_of(" ".join(said.amr or ()))))
    return max(named) if named else max(1, shown)


def ended(case: Circumstances, proofs: Sequence[Proof], last_seen: datetime | None) -> Ended | None:
    """The limit a session is past, if it is; the one it met first."""
    if not case.human:
        return None
    aal = session_level(case.event, case.policy)
    begun, ceiling = _authenticated(case, proofs, aal), case.policy.lifetime.assurance[aal]
    past = []
    if begun is not None:
        until = begun + timedelta(seconds=ceiling.overall_seconds)
        past.append(Ended(aal, until, f"AAL{aal} ends {span(ceiling.overall_seconds)} after authentication"))
    if last_seen is not None and ceiling.inactivity_seconds is not None:
        until = max(last_seen, begun or last_seen) + timedelta(seconds=ceiling.inactivity_seconds)
        past.append(Ended(aal, until, f"AAL{aal} ends after {span(ceiling.inactivity_seconds)} without activity"))
    return min((each for each in past if case.at >= each.at), key=lambda each: each.at, default=None)


def seconds_left(case: Circumstances, proofs: Sequence[Proof]) -> list[tuple[float, Limit]]:
    """How long a session that is active now may go on at its level."""
    if not case.human:
        return []
    aal = session_level(case.event, case.policy)
    begun, ceiling = _authenticated(case, proofs, aal), case.policy.lifetime.assurance[aal]
    age = (case.at - begun).total_seconds() if begun else -math.inf
    return [(ceiling.overall_seconds - age, "assurance"), (ceiling.inactivity_seconds or math.inf, "inactivity")]


def _authenticated(case: Circumstances, proofs: Sequence[Proof], aal: int) -> datetime | None:
    """When the person last authenticated at the session's level: as claimed, or by a step-up since, made here."""
    longest = case.policy.lifetime.assurance[aal].overall_seconds
    times = [
        proof.made_at
        for proof in proofs
        if proof.kind == "authentication"
        and proof.source == "step_up"
        and level(proof, case.policy) >= aal
        and alive(proof, case, longest)
        and same_place(proof, case)
    ]
    said = case.event.authentication.time
    if said is not None and said <= case.at + timedelta(seconds=case.policy.clock_tolerance_seconds):
        times.append(said)
    return max(times, default=None)
