"""What others report: shipped events, what became of challenges, revocations. Nothing is decided here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from features.engine.online import fold
from features.enrichment.ip_lookup import fill_event
from features.event.numpy_row import row_of
from features.event.schema import Event
from features.history.update import SUCCESS
from serving.api.problems import Problem, about_field
from serving.contracts.requests import FeedbackRequest, RevocationRequest, StepUpRequest
from serving.decision.floors import evaluate_floors
from serving.decision.inputs import DecisionContext, Proof, Scope, SessionState
from serving.decision.proofs import assurance_level, satisfies_model, uncovered
from serving.decision.reauthentication import session_assurance_level
from serving.decision.ruling import REAUTHENTICATE, decision_context
from serving.decision.untrusted_claims import remove_claims
from serving.engine.score import OUTCOMES
from serving.model.active import ActiveConfiguration
from serving.store.api_keys import Caller
from serving.store.decision_log import DecisionRecord
from serving.store.schema import LIVE, SessionKey
from serving.store.store import Transaction
from serving.store.verdicts import Verdict
from serving.times import now


def ingest(
    tx: Transaction, events: Sequence[Event], broken: Sequence[str], caller: Caller, here: ActiveConfiguration
) -> dict[str, Any]:
    """Fold events in arrival order, by their outcome; one whose id is known is a duplicate.

    Raises Problem naming the event that lies in the future: then none of them is folded.
    """
    latest = now() + timedelta(seconds=here.settings.allowed_skew_seconds)
    folded = duplicates = 0
    for place, given in enumerate(events):
        if given.time > latest:
            raise about_field(f"{place}.time", "lies in the future")
        event = fill_event(given if "assure" in caller.scopes else remove_claims(given)[0], here.networks)
        if event.id is not None and tx.histories.has_event(LIVE, event.identity.id, event.id):
            duplicates += 1
            continue
        learn(tx, LIVE, event, OUTCOMES[event.action.outcome], "events")
        folded += 1
    return {"folded": folded, "duplicates": duplicates, "broken": list(broken)}


def learn(tx: Transaction, space: str, event: Event, outcome: int, source: str) -> int:
    """Fold one event into what is remembered, and keep it; returns the identity's version."""
    key = SessionKey(space, event.identity.id, event.session.id, event.credential.id)
    history, version = tx.histories.read(key)
    fold(row_of(event), history, outcome)
    version = tx.histories.write(key, history, version)
    tx.histories.append_event(space, event, outcome=outcome, source=source, version=version)
    return version


def step_up(tx: Transaction, request: StepUpRequest, here: ActiveConfiguration) -> dict[str, Any]:
    """Take what became of a challenge. A completed one elevates the session for what it was asked for, and teaches
    the attempt as a success. Raises Problem, each refusal for its own reason."""
    asked = _challenge(tx, request)
    replayed = not asked.body["answer"]["enforceable"]
    if request.result != "completed":
        _keep(tx, asked, request, None, asked.version)
        return {"decision_id": asked.id, "result": request.result, "elevated_until": None}
    if tx.sessions.has_completed(asked.id):
        raise Problem(409, f"decision {asked.id} was answered before: a proof counts once.")
    proof = _proof(request, asked, here, replayed)
    event = Event.model_validate(asked.body["event"])
    if not _strong_enough(proof, asked, event, here):
        short = uncovered(proof, _then(proof, asked, event, here))
        raise about_field("proof", f"the {short}" if short else "is weaker than what was asked for: see its remedies")
    proof = _ending(proof, here)
    version = asked.version
    if _to_be_learnt(asked, event, here):
        version = learn(tx, asked.space, event, SUCCESS, "step_up")
    _keep(tx, asked, request, proof, version)
    assert proof.expires_at is not None  # _ending gives every proof an end
    tx.sessions.set_valid_until(SessionKey(asked.space, asked.identity, asked.session), proof.expires_at)
    return {"decision_id": asked.id, "result": "completed", "elevated_until": proof.expires_at.isoformat()}


def _strong_enough(proof: Proof, asked: DecisionRecord, event: Event, here: ActiveConfiguration) -> bool:
    """Whether the proof settles all that asked, at the trust of then; without a trust, only the strongest do."""
    answer, policy = asked.body["answer"], here.policy
    case = _then(proof, asked, event, here)
    applied = {floor["id"] for floor in answer["floors"] if floor.get("status") == "applied"}
    left = [floor for floor in evaluate_floors(case, (proof,)) if floor.demands_proof and floor.id in applied]
    again = any(why.startswith(REAUTHENTICATE) for why in answer["because"])
    return (
        satisfies_model((proof,), SessionState(challenged_at={asked.id: asked.at}), case)
        and not left
        and (not again or assurance_level(proof, policy) >= session_assurance_level(event, policy))
    )


def _then(proof: Proof, asked: DecisionRecord, event: Event, here: ActiveConfiguration) -> DecisionContext:
    """The request as it was when it was asked about, at the time of the proof."""
    features = {name: math.nan if value is None else value for name, value in asked.body["features"].items()}
    threshold = asked.body["answer"]["threshold"]
    return decision_context(event, features, proof.trust_at_completion or 0.0, threshold, here.policy, proof.made_at)


def _ending(proof: Proof, here: ActiveConfiguration) -> Proof:
    """The proof, ending when an elevation does, and sooner where a credential made for one task does."""
    latest = proof.made_at + timedelta(seconds=here.policy.lifetime.elevation_seconds)
    return replace(proof, expires_at=min(latest, proof.expires_at or latest))


def _to_be_learnt(asked: DecisionRecord, event: Event, here: ActiveConfiguration) -> bool:
    """Whether the attempt is still to be folded as a success: not where it was judged by a history brought along, nor
    where it was folded as one already (a replay, or a sign-in, says itself what came of it)."""
    mode = asked.body["mode"]
    said_itself = mode == "replay" or event.action.category == "authenticate"
    folded = said_itself and event.action.outcome == "success"
    return mode != "inline" and not folded and (mode == "replay" or here.settings.habits_from == "score")


def _challenge(tx: Transaction, request: StepUpRequest) -> DecisionRecord:
    asked = tx.decisions.get(request.decision_id)
    if asked is None:
        raise Problem(404, f"there is no decision {request.decision_id}.")
    if (asked.identity, asked.session) != (request.identity, request.session):
        raise Problem(409, f"decision {asked.id} was about another identity or session.")
    if asked.ruling != "step_up":
        raise Problem(409, f"decision {asked.id} asked for no proof: it was {asked.ruling}.")
    return asked


def _proof(request: StepUpRequest, asked: DecisionRecord, here: ActiveConfiguration, replayed: bool) -> Proof:
    given = request.proof
    if given is None:
        raise about_field("proof", "is needed when the result is completed")
    if given.made_at <= asked.at:
        raise about_field("proof.made_at", "lies before the decision that asked for it")
    if not replayed and given.made_at > now() + timedelta(seconds=here.policy.clock_tolerance_seconds):
        raise about_field("proof.made_at", "lies in the future")
    event, trust = asked.body["event"], asked.body["answer"]["trust"]
    return Proof(
        made_at=given.made_at,
        kind=given.kind,
        acr=given.acr,
        amr=given.amr,
        aal=given.aal,
        scope=Scope(asked.category, asked.resource_type),
        expires_at=given.expires_at if given.kind == "jit_credential" else None,
        decision_id=asked.id,
        source="step_up",
        network_asn=event.get("network", {}).get("asn"),
        device_id=event.get("device", {}).get("id"),
        trust_at_completion=trust["now"] if trust else None,
        granted=given.scope,
        task=given.authorization_details,
    )


def _keep(tx: Transaction, asked: DecisionRecord, request: StepUpRequest, proof: Proof | None, version: int) -> None:
    tx.sessions.add_step_up(
        SessionKey(asked.space, asked.identity, asked.session),
        decision_id=asked.id,
        result=request.result,
        proof=proof,
        at=proof.made_at if proof else max(now(), asked.at),
        version=version,
    )


def feedback(tx: Transaction, decision_id: str, request: FeedbackRequest, caller: Caller) -> dict[str, Any]:
    """Keep what an investigator found; raises Problem where there is no such decision."""
    if tx.decisions.get(decision_id) is None:
        raise Problem(404, f"there is no decision {decision_id}, or it was erased.")
    at = now()
    tx.verdicts.append(Verdict(decision_id, request.verdict, request.note, caller.id, at))
    return {"decision_id": decision_id, "verdict": request.verdict, "by": caller.id, "at": at.isoformat()}


def revoke(tx: Transaction, request: RevocationRequest, caller: Caller) -> dict[str, Any]:
    """Deny from now on; it holds across restarts."""
    at = now()
    tx.sessions.revoke(SessionKey(LIVE, request.identity, request.session), at=at, by=caller.id, reason=request.reason)
    return {"identity": request.identity, "session": request.session, "revoked_at": at.isoformat()}
