"""The strictest of all that has a say: the model, expiry, assurance, thin context, floors, revocation, and faults.

Every voice gives a ruling and a reason; no voice lowers another's. A step-up that nothing could answer is a denial.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from features.event.schema import Event
from features.model.trust_curve import TrustCurve
from serving.decision.findings import Finding, faults, too_often
from serving.decision.floors import FloorResult, evaluated
from serving.decision.inputs import Proof, SessionState
from serving.decision.proofs import Circumstances, answers_the_model, of_the_model, suffices
from serving.decision.reauthentication import Ended, ended
from serving.decision.remedies import Asked, Remedy, remedies_for
from serving.policy.schema import Policy

Ruling = Literal["allow", "step_up", "deny"]
Reason = tuple[Ruling, str]
STRICTNESS: dict[Ruling, int] = {"allow": 0, "step_up": 1, "deny": 2}
_LOOKS = ("read", "list")
AGAIN = "the session must be authenticated again"
NO_REMEDY = "nothing this identity can do would settle all that asks"
TOO_OFTEN = "it was asked too often for this, and nothing else would settle it"
MODEL, EXPIRED, THIN = "the model", "the session's trust has expired", "too little is known"


def strictest(rulings: Iterable[Ruling]) -> Ruling:
    """The strictest of some rulings; of none, allow.

    >>> strictest(["allow", "deny", "step_up"])
    'deny'
    """
    return max(rulings, key=STRICTNESS.__getitem__, default="allow")


@dataclass(frozen=True)
class Measured:
    """What the model says and what it is compared with; None where it could not be told."""

    trust: TrustCurve | None
    threshold: float | None
    degraded: str | None


@dataclass(frozen=True)
class Judged:
    """A ruling with all that made it so."""

    ruling: Ruling
    because: tuple[str, ...]
    asks: Ruling | None
    would_ask: Ruling | None
    answered: bool
    floors: tuple[FloorResult, ...]
    remedies: tuple[Remedy, ...]
    findings: tuple[Finding, ...]
    asked_by: tuple[str, ...]
    prompt_avoided: bool


def circumstances(
    event: Event, features: Mapping[str, float], trust: float, threshold: float | None, policy: Policy, at: datetime
) -> Circumstances:
    """What proofs are held against; doubted below the threshold (or without one), and with an exposed credential."""
    below = (threshold is None or trust < threshold) and not in_shadow(policy, event)
    doubted = below or features.get("credential_exposed") == 1.0
    return Circumstances(event, features, trust, doubted, policy, at)


def judged(case: Circumstances, measured: Measured, proofs: Sequence[Proof], standing: SessionState) -> Judged:
    """The ruling on a request; `case` is what proofs are held against."""
    floors = evaluated(case, proofs)
    answered = answers_the_model(proofs, standing, case)
    over = ended(case, proofs, standing.last_seen)
    asks, would_ask = _model(case, measured, answered)
    proven = answered or any(suffices(of_the_model(case.policy), proof, case) for proof in proofs)
    voices = _Voices(asks, over, answered, proven)
    reasons = _reasons(case, measured, standing, floors, voices)
    asking = strictest(rule for rule, _ in reasons) == "step_up"
    asked = _asked(case, floors, standing, over)
    remedies, avoided = _offered(asked, case) if asking else ((), False)
    asked_by = tuple(_asker(why, case) for rule, why in reasons if rule == "step_up") if asking else ()
    often = asking and standing.prompts_in_window >= case.policy.storm.prompts
    found = (*faults(floors), *([too_often(case, asked_by, standing)] if often else []))
    if asking and not remedies:
        reasons.append(("deny", TOO_OFTEN if avoided else NO_REMEDY))
    ruling = strictest(rule for rule, _ in reasons)
    because = tuple(why for rule, why in reasons if rule == ruling != "allow")
    seen = asks if measured.trust else None
    return Judged(ruling, because, seen, would_ask, answered, floors, remedies, found, asked_by, avoided)


@dataclass(frozen=True)
class _Voices:
    """What the model asks, the limit the session is past, and whether proof answers for expiry or thin context."""

    asks: Ruling
    over: Ended | None
    answered: bool
    proven: bool


def _reasons(
    case: Circumstances, measured: Measured, standing: SessionState, floors: Sequence[FloorResult], voices: _Voices
) -> list[Reason]:
    """Every voice. Thin context is made up for by proof itself and not by a floor that has it: a floor only adds."""
    over, expired = voices.over, _expired(case, standing)
    return [
        (voices.asks, MODEL),
        ("step_up" if expired and not voices.answered else "allow", EXPIRED),
        ("step_up" if over else "allow", f"{AGAIN}: {over.sentence if over else ''}"),
        ("step_up" if _guarded_when_thin(case) and not voices.proven else "allow", THIN),
        *(("step_up", f"floor {floor.id}") for floor in floors if floor.rules),
        ("deny" if standing.revocation else "allow", "the session is revoked"),
        (_failing_closed(case, voices.answered) if measured.degraded else "allow", f"degraded: {measured.degraded}"),
    ]


def _asked(case: Circumstances, floors: Sequence[FloorResult], standing: SessionState, over: Ended | None) -> Asked:
    """What a remedy must settle. An automation is not led to the same one again and again for the same thing."""
    often = case.policy.storm.prompts
    storm = not case.human and standing.prompts_in_window >= often
    spent = frozenset(
        remedy for remedy, times in standing.prompts_by_remedy.items() if times >= often and not case.human
    )
    return Asked([floor.requires for floor in floors if floor.rules], over.aal if over else 0, storm, spent)


def _offered(asked: Asked, case: Circumstances) -> tuple[tuple[Remedy, ...], bool]:
    """The remedies, and whether they spare an automation the prompt it would get if it were asked less often."""
    remedies = remedies_for(asked, case)
    if not (asked.storm or asked.spent):
        return remedies, False
    calm = remedies_for(replace(asked, storm=False, spent=frozenset()), case)
    return remedies, [each.type for each in calm[:1]] != [each.type for each in remedies[:1]]


def _asker(why: str, case: Circumstances) -> str:
    """What of the policy a reason rests on."""
    of = f"{case.event.identity.type}, {case.event.resource.sensitivity or 'unknown'}"
    named = {MODEL: f"threshold of {of}", EXPIRED: "lifetime.risk", THIN: "thin_context"}
    return "lifetime.assurance" if why.startswith(AGAIN) else named.get(why, why)


def _model(case: Circumstances, measured: Measured, answered: bool) -> tuple[Ruling, Ruling | None]:
    """What the model asks, and what it would ask if its thresholds were not in shadow mode."""
    if measured.trust is None or measured.threshold is None:
        return "allow", None
    asked: Ruling = "allow"
    if case.trust < case.policy.deny_below[case.event.identity.type]:
        asked = "deny"
    elif case.trust < measured.threshold and not answered:
        asked = "step_up"
    return ("allow", asked) if in_shadow(case.policy, case.event) else (asked, None)


def in_shadow(policy: Policy, event: Event) -> bool:
    """Whether the thresholds for this event are only watched: all of them, or those of its identity type."""
    return "shadow" in (policy.threshold_mode, policy.thresholds[event.identity.type].mode)


def _expired(case: Circumstances, standing: SessionState) -> bool:
    return standing.valid_until is not None and case.at > standing.valid_until


def is_thin(case: Circumstances) -> bool:
    """Whether so little is known that the class of the action rules as well."""
    return not case.features.get("context_known_fraction", math.nan) >= case.policy.thin_context.below


def _guarded_when_thin(case: Circumstances) -> bool:
    return is_thin(case) and case.event.action.category not in case.policy.thin_context.allow


def _failing_closed(case: Circumstances, answered: bool) -> Ruling:
    """A person may prove himself for a look at something harmless; all else must wait."""
    if case.human and low_impact(case.event):
        return "allow" if answered else "step_up"
    return "deny"


def low_impact(event: Event) -> bool:
    """Whether it is a look at something that is not known to be sensitive."""
    return (
        event.action.category in _LOOKS
        and event.resource.sensitivity in ("public", "internal", None)
        and event.action.impact in ("low", None)
    )
