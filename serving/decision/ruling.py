"""Combines every check into one ruling: the model, expiry, session limits, thin context, floors, revocation, faults.

Each check gives a ruling and a reason, and the strictest ruling stands: no check relaxes another. A step-up that no
remedy could settle is a denial.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from features.event.schema import Event
from features.model.trust_curve import TrustCurve
from serving.decision.findings import THRESHOLD, Finding, asked_too_often, standing_faults
from serving.decision.floor_evaluation import FloorResult, evaluate_floors
from serving.decision.inputs import DecisionContext, Proof, SessionState
from serving.decision.places.place import NO_PLACES, KnownPlaces
from serving.decision.places.proof_place import has_moved
from serving.decision.proofs import (
    model_refusal,
    model_requirement,
    refusal_sentences,
    satisfies,
    satisfies_model,
)
from serving.decision.readings import Readings
from serving.decision.reauthentication import SessionLimit, passed_limit
from serving.decision.remedies import Remedy, StepUpRequirements, remedies_for
from serving.policy.schema import Policy

Ruling = Literal["allow", "step_up", "deny"]
Reason = tuple[Ruling, str]
"""A ruling and why: the text stands in the answer's `because` when that ruling is the strictest."""
STRICTNESS: dict[Ruling, int] = {"allow": 0, "step_up": 1, "deny": 2}
_VIEWING = ("read", "list")
REAUTHENTICATE = "the session must be authenticated again"
NO_REMEDY = "nothing this identity can do would settle all that asks"
TOO_OFTEN = "it was asked too often for this, and nothing else would settle it"
MAY_BE_REVOKED = "a session of this identity is revoked, and the request names none"
NEW_SINCE_REVOKED = "a session of this identity is revoked, and this one is new"
MODEL, EXPIRED, THIN = "the model", "the session's trust has expired", "too little is known"
DEGRADED = "degraded: "


def asks_for_new_proof(because: Iterable[str], context: DecisionContext) -> bool:
    """Whether only a proof that is newer than the request settles it: one of the reasons asks for it, or it
    has moved, so that an earlier proof may be another's. Floors alone go by age."""
    asked = any(reason in (MODEL, EXPIRED) or reason.startswith(DEGRADED) for reason in because)
    return asked or has_moved(context)


def strictest(rulings: Iterable[Ruling]) -> Ruling:
    """The strictest ruling; of none, allow.

    >>> strictest(["allow", "deny", "step_up"])
    'deny'
    """
    return max(rulings, key=STRICTNESS.__getitem__, default="allow")


@dataclass(frozen=True)
class ModelAssessment:
    """The model's trust and the threshold it is compared with, each None when unknown.

    `degraded` says what failed, so that the decision fails closed.
    """

    trust: TrustCurve | None
    threshold: float | None
    degraded: str | None


@dataclass(frozen=True)
class RulingResult:
    """A ruling with everything it follows from."""

    ruling: Ruling
    because: tuple[str, ...]
    model_asks: Ruling | None
    model_would_ask: Ruling | None
    stepped_up: bool
    """Whether a proof settles what the model asks."""
    floors: tuple[FloorResult, ...]
    remedies: tuple[Remedy, ...]
    findings: tuple[Finding, ...]
    asked_by: tuple[str, ...]
    prompt_avoided: bool
    refused_proofs: tuple[str, ...]
    """Why proofs that were given do not settle a step-up, a sentence each."""


def decision_context(
    readings: Readings,
    features: Mapping[str, float],
    trust: float,
    threshold: float | None,
    policy: Policy,
    at: datetime,
    failed_step_ups: int = 0,
    trust_as_sent: float | None = None,
    places: KnownPlaces = NO_PLACES,
) -> DecisionContext:
    """The context of a request.

    `trust_as_sent` is the trust without stand-ins for what was withheld; the higher of both decides on denial.
    The session is doubted when its trust is below the threshold, when there is no threshold, and when its credential is
    exposed.
    """
    event = readings.event
    below = (threshold is None or trust < threshold) and not in_shadow(policy, event)
    doubted = below or features.get("credential_exposed") == 1.0
    sent = max(trust, trust if trust_as_sent is None else trust_as_sent)
    return DecisionContext(event, features, trust, doubted, policy, at, failed_step_ups, readings.others, sent, places)


def determine_ruling(
    context: DecisionContext, assessment: ModelAssessment, proofs: Sequence[Proof], session: SessionState
) -> RulingResult:
    """The ruling on a request."""
    floors = evaluate_floors(context, proofs)
    stepped_up = satisfies_model(proofs, session, context)
    limit = passed_limit(context, proofs, session.last_seen)
    model_asks, model_would_ask = _ask_model(context, assessment, stepped_up)
    proven = stepped_up or any(satisfies(model_requirement(context.policy), proof, context) for proof in proofs)
    checks = _Checks(model_asks, limit, stepped_up, proven)
    reasons = _reasons(context, assessment, session, floors, checks, proofs)
    asking = strictest(ruling for ruling, _ in reasons) == "step_up"
    asking_because = [why for ruling, why in reasons if ruling == "step_up"] if asking else []
    needed = _requirements(context, floors, session, limit, newer=asks_for_new_proof(asking_because, context))
    remedies, avoided = _offer(needed, context) if asking else ((), False)
    asked_by = tuple(_rule_behind(why, context) for why in asking_because)
    often = asking and session.prompts_in_window >= context.policy.storm.prompts
    findings = (*standing_faults(floors), *([asked_too_often(context, asked_by, session, floors)] if often else []))
    if asking and not remedies:
        reasons.append(("deny", TOO_OFTEN if avoided else NO_REMEDY))
    ruling = strictest(ruling for ruling, _ in reasons)
    return RulingResult(
        ruling=ruling,
        because=tuple(why for strict, why in reasons if strict == ruling != "allow"),
        model_asks=model_asks if assessment.trust else None,
        model_would_ask=model_would_ask,
        stepped_up=stepped_up,
        floors=floors,
        remedies=remedies,
        findings=findings,
        asked_by=asked_by,
        prompt_avoided=avoided,
        refused_proofs=_refused_proofs(context, proofs, session, needed, asking_because) if asking else (),
    )


def _refused_proofs(
    context: DecisionContext,
    proofs: Sequence[Proof],
    session: SessionState,
    needed: StepUpRequirements,
    because: Sequence[str],
) -> tuple[str, ...]:
    """Why the newest proofs do not settle a step-up; each is told once, for what it does not settle first."""

    def otherwise(proof: Proof) -> str:
        why = model_refusal(proof, session, context) if needed.newer else None
        return why or f"it does not settle what asks ({because[0]})"

    return refusal_sentences((*needed.floors, model_requirement(context.policy)), proofs, context, otherwise)


@dataclass(frozen=True)
class _Checks:
    """What the model asks, the session limit that is passed, and whether proof answers for expiry or thin context."""

    model_asks: Ruling
    limit: SessionLimit | None
    stepped_up: bool
    proven: bool


def _reasons(
    context: DecisionContext,
    assessment: ModelAssessment,
    session: SessionState,
    floors: Sequence[FloorResult],
    checks: _Checks,
    proofs: Sequence[Proof],
) -> list[Reason]:
    """Every check's ruling and reason.

    Thin context is made up for by proof itself, not by a floor that is satisfied: a floor only adds.
    """
    limit, expired = checks.limit, _is_expired(context, session)
    return [
        (checks.model_asks, MODEL),
        ("step_up" if expired and not checks.stepped_up else "allow", EXPIRED),
        ("step_up" if limit else "allow", f"{REAUTHENTICATE}: {limit.sentence if limit else ''}"),
        ("step_up" if _needs_proof_when_thin(context) and not checks.proven else "allow", THIN),
        *(("step_up", f"floor {floor.id}") for floor in floors if floor.demands_proof),
        ("deny" if session.revocation else "allow", "the session is revoked"),
        (
            "step_up" if _may_be_revoked(context, session, proofs) else "allow",
            MAY_BE_REVOKED if context.event.session.id is None else NEW_SINCE_REVOKED,
        ),
        (
            _fail_closed(context, checks.stepped_up) if assessment.degraded else "allow",
            f"{DEGRADED}{assessment.degraded}",
        ),
    ]


def _requirements(
    context: DecisionContext,
    floors: Sequence[FloorResult],
    session: SessionState,
    limit: SessionLimit | None,
    *,
    newer: bool,
) -> StepUpRequirements:
    """What a remedy must satisfy. An automation is not offered the same remedy for the same thing without end."""
    often = context.policy.storm.prompts
    storm = not context.human and session.prompts_in_window >= often
    exhausted = frozenset(
        remedy for remedy, times in session.prompts_by_remedy.items() if times >= often and not context.human
    )
    demanded = [floor.requires for floor in floors if floor.demands_proof]
    return StepUpRequirements(demanded, limit.aal if limit else 0, storm, newer, exhausted)


def _offer(needed: StepUpRequirements, context: DecisionContext) -> tuple[tuple[Remedy, ...], bool]:
    """The remedies, and whether they spare an automation the prompt it would get if it were asked less often."""
    remedies = remedies_for(needed, context)
    if not (needed.storm or needed.exhausted):
        return remedies, False
    calm = remedies_for(replace(needed, storm=False, exhausted=frozenset()), context)
    return remedies, [remedy.type for remedy in calm[:1]] != [remedy.type for remedy in remedies[:1]]


def _rule_behind(why: str, context: DecisionContext) -> str:
    """The rule of the policy that a reason rests on."""
    cell = f"{context.event.identity.type}, {context.event.resource.sensitivity or 'unknown'}"
    rules = {MODEL: f"{THRESHOLD}{cell}", EXPIRED: "lifetime.risk", THIN: "thin_context"}
    return "lifetime.assurance" if why.startswith(REAUTHENTICATE) else rules.get(why, why)


def _ask_model(context: DecisionContext, assessment: ModelAssessment, stepped_up: bool) -> tuple[Ruling, Ruling | None]:
    """What the model asks, and what it would ask if its thresholds were not in shadow mode."""
    if assessment.trust is None or assessment.threshold is None:
        return "allow", None
    ruling: Ruling = "allow"
    if context.stated_trust < context.policy.deny_below[context.event.identity.type]:
        ruling = "deny"
    elif context.trust < assessment.threshold and not stepped_up:
        ruling = "step_up"
    return ("allow", ruling) if in_shadow(context.policy, context.event) else (ruling, None)


def in_shadow(policy: Policy, event: Event) -> bool:
    """Whether the thresholds for this event are in shadow mode: all of them, or those of its identity type."""
    return "shadow" in (policy.threshold_mode, policy.thresholds[event.identity.type].mode)


def _is_expired(context: DecisionContext, session: SessionState) -> bool:
    return session.valid_until is not None and context.at > session.valid_until


def _may_be_revoked(context: DecisionContext, session: SessionState, proofs: Sequence[Proof]) -> bool:
    """Whether a request without a session, or of a new one, may be of who held a revoked one: until a proof that was
    made after the revocation. A session that was allowed before goes on, whatever outcome its requests claim."""
    since, requirement = session.session_revoked_at, model_requirement(context.policy)
    goes_on = context.event.session.id is not None and session.valid_until is not None
    return not (since is None or goes_on) and not any(
        proof.made_at > since and satisfies(requirement, proof, context) for proof in proofs
    )


def is_thin(context: DecisionContext) -> bool:
    """Whether so little of the context is known that the action's category decides as well."""
    return not context.features.get("context_known_fraction", math.nan) >= context.policy.thin_context.below


def _needs_proof_when_thin(context: DecisionContext) -> bool:
    return is_thin(context) and context.event.action.category not in context.policy.thin_context.allow


def _fail_closed(context: DecisionContext, stepped_up: bool) -> Ruling:
    """Without a model, a person may still step up to view something harmless; all else is denied."""
    if context.human and low_impact(context.event):
        return "allow" if stepped_up else "step_up"
    return "deny"


def low_impact(event: Event) -> bool:
    """Whether the request only views something that is not known to be sensitive."""
    return (
        event.action.category in _VIEWING
        and event.resource.sensitivity in ("public", "internal", None)
        and event.action.impact in ("low", None)
    )
