"""`POST /step-ups`: the result of a challenge, and what a completed one changes."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from features.event.schema import Event
from features.history.update import SUCCESS
from serving.contracts.requests import StepUpProof, StepUpRequest
from serving.decision.floor_evaluation import evaluate_floors
from serving.decision.inputs import DecisionContext, Proof, Scope, SessionState
from serving.decision.proofs import assurance_level, satisfies_model, uncovered
from serving.decision.reauthentication import session_assurance_level
from serving.decision.ruling import REAUTHENTICATE, decision_context
from serving.engine.recorded_reading import read_recorded
from serving.engine.stored_history import fold_and_store
from serving.errors import DecisionNotFound, InvalidField, RequestConflict
from serving.model.active import ActiveConfiguration
from serving.store.decision_log import DecisionRecord
from serving.store.schema import SessionKey
from serving.store.store import Transaction
from serving.times import now


def report_step_up(tx: Transaction, request: StepUpRequest, active: ActiveConfiguration) -> dict[str, Any]:
    """Record the result of a challenge. A completed one elevates the session for what the challenge was about, and the
    challenged request counts as a success.

    Raises DecisionNotFound, RequestConflict when the report does not fit the decision, and InvalidField when the proof
    does not satisfy it.
    """
    challenge = _challenge(tx, request)
    if request.result != "completed":
        _record(tx, challenge, request, None, challenge.version)
        return {"decision_id": challenge.id, "result": request.result, "elevated_until": None}
    if tx.sessions.has_completed(challenge.id):
        raise RequestConflict(f"Decision {challenge.id} was answered before: a proof counts once.")
    event = Event.model_validate(challenge.body["event"])
    proof = _proof(_reported_proof(request, challenge, active), challenge)
    _require_sufficient(proof, challenge, event, active)
    elevated_until = _elevation_end(proof, active)
    proof = replace(proof, expires_at=elevated_until)
    version = challenge.version
    if _counts_as_success(challenge, event, active):
        version = fold_and_store(tx, challenge.space, event, SUCCESS, "step_up")
    _record(tx, challenge, request, proof, version)
    session = SessionKey(challenge.space, challenge.identity, challenge.session)
    tx.sessions.set_valid_until(session, elevated_until, challenge.id)
    return {"decision_id": challenge.id, "result": "completed", "elevated_until": elevated_until.isoformat()}


def _challenge(tx: Transaction, request: StepUpRequest) -> DecisionRecord:
    """The decision the report is about, if it asked this session for proof."""
    decision = tx.decisions.get(request.decision_id)
    if decision is None:
        raise DecisionNotFound(f"There is no decision {request.decision_id}.")
    if (decision.identity, decision.session) != (request.identity, request.session):
        raise RequestConflict(f"Decision {decision.id} was about another identity or session.")
    if decision.ruling != "step_up":
        raise RequestConflict(f"Decision {decision.id} asked for no proof: its ruling was {decision.ruling}.")
    return decision


def _reported_proof(request: StepUpRequest, challenge: DecisionRecord, active: ActiveConfiguration) -> StepUpProof:
    """The proof in the report, made after the challenge and, unless it was a replay, not in the future."""
    reported = request.proof
    if reported is None:
        raise InvalidField("proof", "is needed when the result is completed")
    if reported.made_at <= challenge.at:
        raise InvalidField("proof.made_at", "lies before the decision that asked for it")
    latest = now() + timedelta(seconds=active.policy.clock_tolerance_seconds)
    if challenge.body["answer"]["enforceable"] and reported.made_at > latest:
        raise InvalidField("proof.made_at", "lies in the future")
    return reported


def _proof(reported: StepUpProof, challenge: DecisionRecord) -> Proof:
    """The proof as decisions read it: for what the challenge was about, on its device and network."""
    event, trust = challenge.body["event"], challenge.body["answer"]["trust"]
    return Proof(
        made_at=reported.made_at,
        kind=reported.kind,
        acr=reported.acr,
        amr=reported.amr,
        aal=reported.aal,
        scope=Scope(challenge.category, challenge.resource_type),
        expires_at=reported.expires_at if reported.kind == "jit_credential" else None,
        decision_id=challenge.id,
        source="step_up",
        network_asn=event.get("network", {}).get("asn"),
        device_id=event.get("device", {}).get("id"),
        trust_at_completion=trust["now"] if trust else None,
        granted=reported.scope,
        task=reported.authorization_details,
    )


def _require_sufficient(proof: Proof, challenge: DecisionRecord, event: Event, active: ActiveConfiguration) -> None:
    """Raises InvalidField unless the proof satisfies all that asked for it, at the trust of the challenge: the model,
    every applied floor, and the session's assurance level. Without a trust only the strongest proof does."""
    answer = challenge.body["answer"]
    context = _decision_context(proof, challenge, event, active)
    challenged = SessionState(challenged_at={challenge.id: challenge.at})
    applied = {floor["id"] for floor in answer["floors"] if floor.get("status") == "applied"}
    unsatisfied = [floor for floor in evaluate_floors(context, (proof,)) if floor.demands_proof and floor.id in applied]
    must_reauthenticate = any(reason.startswith(REAUTHENTICATE) for reason in answer["because"])
    strong_enough = assurance_level(proof, active.policy) >= session_assurance_level(event, active.policy)
    if (
        satisfies_model((proof,), challenged, context)
        and not unsatisfied
        and (strong_enough or not must_reauthenticate)
    ):
        return
    missing = uncovered(proof, context)
    reason = f"the {missing}" if missing else "is weaker than the decision asked for: see its remedies"
    raise InvalidField("proof", reason)


def _decision_context(
    proof: Proof, challenge: DecisionRecord, event: Event, active: ActiveConfiguration
) -> DecisionContext:
    """The challenged request as it was decided, at the time of the proof."""
    features = {name: math.nan if value is None else value for name, value in challenge.body["features"].items()}
    threshold = challenge.body["answer"]["threshold"]
    trust = proof.trust_at_completion or 0.0
    readings = read_recorded(challenge.body, event, active)
    return decision_context(readings, features, trust, threshold, active.policy, proof.made_at)


def _elevation_end(proof: Proof, active: ActiveConfiguration) -> datetime:
    """When the proof stops counting: with the elevation, or sooner when a credential for one task expires sooner."""
    latest = proof.made_at + timedelta(seconds=active.policy.lifetime.elevation_seconds)
    return min(latest, proof.expires_at or latest)


def _counts_as_success(challenge: DecisionRecord, event: Event, active: ActiveConfiguration) -> bool:
    """Whether the challenged request is still to be folded as a success: not when it carried its own history, nor when
    it was folded as a success already (a replay and a sign-in carry their outcome)."""
    mode = challenge.body["mode"]
    carries_outcome = mode == "replay" or event.action.category == "authenticate"
    folded = carries_outcome and event.action.outcome == "success"
    return mode != "inline" and not folded and (mode == "replay" or active.settings.habits_from == "score")


def _record(
    tx: Transaction, challenge: DecisionRecord, request: StepUpRequest, proof: Proof | None, version: int
) -> None:
    tx.sessions.add_step_up(
        SessionKey(challenge.space, challenge.identity, challenge.session),
        decision_id=challenge.id,
        result=request.result,
        proof=proof,
        at=proof.made_at if proof else max(now(), challenge.at),
        version=version,
    )
