"""`POST /step-ups`: the result of a challenge, and what a completed one changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from features.event.identifiers import comparable_id
from features.event.schema import Event
from features.hashing import digest_of
from features.history.update import SUCCESS
from serving import metrics
from serving.contracts.requests import StepUpProof, StepUpRequest
from serving.decision.inputs import Proof, Scope
from serving.decision.lowest_trust import trust_counted_in
from serving.decision.places.place import request_name
from serving.decision.proofs import assurance, made_after
from serving.engine.new_values import settle_challenged
from serving.engine.places.authenticator import reported_place
from serving.engine.proof_sufficiency import elevation_end, insufficiency
from serving.engine.stored_history import fold_and_store
from serving.errors import DecisionNotFound, InvalidField, RequestConflict
from serving.model.active import ActiveConfiguration
from serving.store.decision_log import DecisionRecord
from serving.store.schema import SessionKey
from serving.store.session_state import Completion
from serving.store.store import Transaction
from serving.times import now


def report_step_up(tx: Transaction, request: StepUpRequest, active: ActiveConfiguration) -> dict[str, Any]:
    """Record the result of a challenge. A completed one elevates the session for what the challenge was about, and the
    challenged request counts as a success; so does every other open challenge of the session that the proof answers.

    Raises DecisionNotFound, RequestConflict when the report does not fit the decision, and InvalidField when the proof
    does not satisfy it.
    """
    challenge = _challenge(tx, request)
    completion = tx.sessions.completion(challenge.id)
    if request.result != "completed":
        return _report_unmet(tx, challenge, request.result, completion)
    reported = _reported_proof(request, challenge, active)
    key = _proof_key(challenge, reported)
    if completion is not None:
        return _repeated(challenge, completion, key)
    _require_one_session(tx, challenge, reported, key)
    _require_open(challenge, reported, active)
    proof = _proof(tx, reported, challenge, active)
    metrics.count_unmapped(assurance(proof, active.policy).unmapped)
    reason = insufficiency(proof, challenge, active)
    if reason is not None:
        raise InvalidField("proof", reason)
    _require_time_left(proof, challenge, active)
    elevated_until = _complete(tx, challenge, proof, key, active)
    settle_challenged(tx, challenge, proof, key, active.policy)
    for other in _others_answered(tx, challenge, proof, reported, active):
        _complete(tx, other, _for_challenge(proof, other), key, active)
    renewed_until = proof.made_at + timedelta(seconds=active.policy.lifetime.elevation_seconds)
    tx.sessions.set_valid_until(_session_of(challenge), renewed_until, challenge.id)
    return _response(challenge, "completed", elevated_until)


def _challenge(tx: Transaction, request: StepUpRequest) -> DecisionRecord:
    """The decision the report is about, if it asked this session for proof."""
    decision = tx.decisions.get(request.decision_id)
    if decision is None:
        raise DecisionNotFound(f"There is no decision {request.decision_id}.")
    if (comparable_id(decision.identity), decision.session) != (comparable_id(request.identity), request.session):
        raise RequestConflict(f"Decision {decision.id} was about another identity or session.")
    if decision.ruling != "step_up":
        raise RequestConflict(f"Decision {decision.id} asked for no proof: its ruling was {decision.ruling}.")
    return decision


def _report_unmet(
    tx: Transaction, challenge: DecisionRecord, result: str, completion: Completion | None
) -> dict[str, Any]:
    """Record that a challenge was not met. A failure that is reported after a completion ends its elevation, and that
    of every other challenge which the same proof completed."""
    at = max(now(), challenge.at) if _is_live(challenge) else challenge.at
    failed_key = completion.proof_key if completion and result == "failed" else None
    tx.sessions.add_step_up(
        _session_of(challenge),
        decision_id=challenge.id,
        result=result,
        proof=None,
        at=at,
        version=challenge.version,
        proof_key=failed_key,
    )
    if failed_key is not None:
        tx.seen_values.unsettle(challenge.space, challenge.identity, failed_key)
    if completion is not None and result == "failed":
        tx.sessions.set_valid_until(_session_of(challenge), at, challenge.id)
    return _response(challenge, result, None)


def _reported_proof(request: StepUpRequest, challenge: DecisionRecord, active: ActiveConfiguration) -> StepUpProof:
    """The proof in the report; there is a session to elevate, and unless it was a replay it is not from the future."""
    reported = request.proof
    if reported is None:
        raise InvalidField("proof", "is needed when the result is completed")
    if challenge.session is None:
        reason = "is missing from the request that was decided, so nothing can be elevated: send session.id to /score"
        raise InvalidField("session", reason)
    latest = now() + timedelta(seconds=active.policy.clock_tolerance_seconds)
    if _is_live(challenge) and reported.made_at > latest:
        raise InvalidField("proof.made_at", "lies in the future")
    return reported


def _proof_key(challenge: DecisionRecord, reported: StepUpProof) -> str:
    """By which a proof that is given twice is recognised: its id, else identity, session, time and factors."""
    if reported.id is not None:
        return f"id:{reported.id}"
    parts = (challenge.identity, challenge.session, reported.made_at, reported.kind, reported.acr, sorted(reported.amr))
    return digest_of(repr((*parts, reported.aal)).encode())


def _repeated(challenge: DecisionRecord, completion: Completion, key: str) -> dict[str, Any]:
    """The answer to a report of a challenge that was completed before: the same for the same proof."""
    if completion.failed:
        raise RequestConflict(f"Decision {challenge.id} was reported as failed after it was answered: ask again.")
    if completion.proof_key != key:
        raise RequestConflict(f"Decision {challenge.id} was answered before: a challenge is completed once.")
    return _response(challenge, "completed", completion.elevated_until)


def _require_one_session(tx: Transaction, challenge: DecisionRecord, reported: StepUpProof, key: str) -> None:
    """Raises RequestConflict when a proof was given in another session. One that was reported with an id there is the
    same without one here, and the other way round, if it was made at the same moment in the same way."""
    given_in = tx.sessions.proof_given_in(challenge.space, key)
    elsewhere = given_in not in (None, (challenge.identity, challenge.session))
    this = (reported.kind, reported.acr, set(reported.amr), reported.aal)
    for session, other in tx.sessions.proofs_made_at(_session_of(challenge), reported.made_at):
        one_without_id = (other.id is None) != (reported.id is None)
        alike = (other.kind, other.acr, set(other.amr), other.aal) == this
        elsewhere = elsewhere or (session != challenge.session and one_without_id and alike)
    if elsewhere:
        raise RequestConflict("This proof was given in another session: a proof counts in one session only.")


def _require_open(challenge: DecisionRecord, reported: StepUpProof, active: ActiveConfiguration) -> None:
    """Raises RequestConflict if the challenge has expired: by the server's clock; for a replay, by the proof's time."""
    expires_at = _expires_at(challenge, active)
    if (now() if _is_live(challenge) else reported.made_at) > expires_at:
        raise RequestConflict(
            f"The challenge of decision {challenge.id} expired at {expires_at.isoformat()}: send the request again."
        )


def _require_time_left(proof: Proof, challenge: DecisionRecord, active: ActiveConfiguration) -> None:
    ends_at = elevation_end(proof, challenge, active)
    if _is_live(challenge) and ends_at <= now():
        reason = f"is so long ago that what the proof opens ended at {ends_at.isoformat()}: send the request again"
        raise InvalidField("proof.made_at", reason)


def _expires_at(challenge: DecisionRecord, active: ActiveConfiguration) -> datetime:
    """Until when a challenge may be answered: as its decision said; decisions of 0.1 did not say."""
    stated = challenge.body["answer"].get("challenge_expires_at")
    if stated is not None:
        return datetime.fromisoformat(stated)
    return challenge.at + timedelta(seconds=active.policy.step_ups.challenge_seconds)


def _proof(tx: Transaction, reported: StepUpProof, challenge: DecisionRecord, active: ActiveConfiguration) -> Proof:
    """The proof as decisions read it: for what the challenge was about, at its place."""
    event = Event.model_validate(challenge.body["event"])
    proof = Proof(
        made_at=reported.made_at,
        kind=reported.kind,
        acr=reported.acr,
        amr=reported.amr,
        aal=reported.aal,
        expires_at=reported.expires_at if reported.kind == "jit_credential" else None,
        source="step_up",
        place=reported_place(tx, reported, challenge, event, active),
        request=request_name(event),
        granted=reported.scope,
        task=reported.authorization_details,
        id=reported.id,
    )
    return _for_challenge(proof, challenge)


def _for_challenge(proof: Proof, challenge: DecisionRecord) -> Proof:
    """A proof as the answer to a challenge: for its scope, with the trust it was asked at."""
    return replace(
        proof,
        scope=Scope(challenge.category, challenge.resource_type),
        decision_id=challenge.id,
        asked_at=challenge.at,
        trust_at_completion=trust_counted_in(challenge.body["answer"]),
    )


def _others_answered(
    tx: Transaction, challenge: DecisionRecord, proof: Proof, reported: StepUpProof, active: ActiveConfiguration
) -> list[DecisionRecord]:
    """The other open challenges of the session that a proof answers: made after them, at the same place, sufficient."""
    moment = now() if _is_live(challenge) else reported.made_at
    since = moment - timedelta(seconds=active.policy.step_ups.challenge_seconds)
    others = []
    for decision_id in tx.sessions.open_challenges(_session_of(challenge), since):
        other = tx.decisions.get(decision_id) if decision_id != challenge.id else None
        if other is None or moment > _expires_at(other, active):
            continue
        answer = _for_challenge(proof, other)
        if made_after(answer, other.at, active.policy) and insufficiency(answer, other, active) is None:
            others.append(other)
    return others


def _complete(
    tx: Transaction, challenge: DecisionRecord, proof: Proof, key: str, active: ActiveConfiguration
) -> datetime:
    """Record a completed challenge, fold its request as a success, and return when its elevation ends."""
    elevated_until = elevation_end(proof, challenge, active)
    event, version = Event.model_validate(challenge.body["event"]), challenge.version
    if _counts_as_success(challenge, event, active):
        version = fold_and_store(tx, challenge.space, event, SUCCESS, "step_up", active.snapshot)
    tx.sessions.add_step_up(
        _session_of(challenge),
        decision_id=challenge.id,
        result="completed",
        proof=replace(proof, expires_at=elevated_until),
        at=proof.made_at,
        version=version,
        proof_key=key,
    )
    return elevated_until


def _counts_as_success(challenge: DecisionRecord, event: Event, active: ActiveConfiguration) -> bool:
    """Whether the challenged request is still to be folded as a success: not when it carried its own history, nor when
    it was folded as a success already (a replay and a sign-in carry their outcome)."""
    mode = challenge.body["mode"]
    carries_outcome = mode == "replay" or challenge.category == "authenticate"
    folded = carries_outcome and event.action.outcome == "success"
    return mode != "inline" and not folded and (mode == "replay" or active.settings.habits_from == "score")


def _is_live(challenge: DecisionRecord) -> bool:
    return bool(challenge.body["answer"]["enforceable"])


def _session_of(challenge: DecisionRecord) -> SessionKey:
    return SessionKey(challenge.space, challenge.identity, challenge.session)


def _response(challenge: DecisionRecord, result: str, elevated_until: datetime | None) -> dict[str, Any]:
    until = elevated_until.isoformat() if elevated_until else None
    return {"decision_id": challenge.id, "result": result, "elevated_until": until}
