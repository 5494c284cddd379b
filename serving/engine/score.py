"""`POST /score`: one request becomes one recorded decision, inside the transaction that makes it durable.

Gather, assess, decide, record; the writer answers only after the commit. Errors of the store pass through: a store that
fails gives no ruling.
"""

from __future__ import annotations

import math
import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from features.arrays import NEVER, Array
from features.engine.online import fold
from features.event.schema import Event
from features.history.layout import History
from features.history.update import CHALLENGED, SUCCESS
from serving import metrics
from serving.decision.decision import Decision, decide
from serving.decision.inputs import Prompt, Proof, SessionState, Versions
from serving.decision.lowest_trust import LowestTrust
from serving.decision.places.place import KnownPlaces
from serving.decision.proofs import assurance, claimed_proofs
from serving.decision.readings import NO_TYPES, KnownTypes, Readings
from serving.deployment.request_reading import Listed, read_listed
from serving.engine.assessment import Assessment, assess, stricter
from serving.engine.further_findings import findings_on_caller, pace_prompts
from serving.engine.new_values import allowed_from, settled_here, values_of_request
from serving.engine.places.known import remember_place
from serving.engine.places.withheld import RequestRows, withheld_groups
from serving.engine.recorded_reading import asked_after_claims, kept_task
from serving.engine.repetition import earlier_decision, repeated_answer
from serving.engine.score_context import INLINE, ScoreContext
from serving.engine.stored_history import OUTCOME_CODES, inline_history, key_of
from serving.model.active import ActiveConfiguration
from serving.store.chain.hash_chain import CATALOGUES, POLICY, POPULATION
from serving.store.decision_log import DecisionRecord
from serving.store.schema import LIVE, SessionKey
from serving.store.store import Transaction
from serving.times import microseconds, time_of


def decide_and_record(tx: Transaction, context: ScoreContext, active: ActiveConfiguration) -> dict[str, Any]:
    """Decide one request and record the decision; the same request again gets the same decision.

    Returns the decision as the caller receives it. Raises RequestConflict or InvalidField, or the store's errors.
    """
    context = replace(context, event=tx.identity_types.as_known(context.known_in, context.event))
    earlier = earlier_decision(tx, context)
    with metrics.REMEMBERING.time():
        history, version = _load_history(tx, context, active)
    last_seen = _last_seen(history, context, active)
    with metrics.REMEMBERING.time():
        listed = Listed.of(context.event, active.catalogues)
        types = _remember_type(tx, context, listed)
        places = remember_place(tx, context, again=earlier is not None)
    readings = read_listed(context.event, active.policy, listed, types, assured=context.assured)
    rows, withheld = RequestRows(context.event), withheld_groups(context.event, places.habits)
    sent = assess(rows.sent, history, active)
    assessment = stricter(sent, assess(rows.with_stand_ins, history, active)) if withheld else sent
    with metrics.REMEMBERING.time():
        values = values_of_request(tx, context, history, withheld)
        values = values.with_use(context.event.session.id, assessment.trust, sent.trust, active.policy)
        state, proofs = _session_state(tx, context, readings.event, active)
    claimed = claimed_proofs(context.event, places.claims)
    metrics.count_unmapped(value for proof in claimed for value in assurance(proof, active.policy).unmapped)
    lowest = values.counted(rows, readings.event.action.category, history, active)
    decide_with = partial(
        _decide, readings, assessment, replace(state, last_seen=last_seen, places=places), context, active, sent, lowest
    )
    proofs = (*claimed, *proofs)
    with metrics.RULING.time():
        repeated = repeated_answer(earlier, context, proofs, decide_with) if earlier else None
        if repeated is not None:
            return repeated
        decision = decide_with(proofs)
    with metrics.RECORDING.time():
        version = _update_history(tx, context, active, decision, readings.event, rows.sent, history, version)
        if not context.inline:
            settled = settled_here(context.event, decision, active.policy, assured=context.assured)
            values.record(tx, context.at, allowed_from=allowed_from(decision), settled=settled)
        decision, prompt = pace_prompts(
            tx, context, active.policy, decision, readings, assessment.features, proofs, places
        )
        answered = replace(decision, findings=(*decision.findings, *findings_on_caller(context, readings)))
        response = answered.wire() | {"ignored_claims": list(context.ignored_claims)}
        response["context"]["withheld"] = list(withheld)
        asked = Asked(readings.event, types, places, sent.trust.now if sent.trust else None, lowest, prompt)
        _record(tx, context, answered, response, asked, assessment.features, version)
    return response


def _decide(
    readings: Readings,
    assessment: Assessment,
    state: SessionState,
    context: ScoreContext,
    active: ActiveConfiguration,
    sent: Assessment,
    lowest: LowestTrust | None,
    proofs: Sequence[Proof],
) -> Decision:
    """The decision on a request by what is known, with these proofs."""
    return decide(
        readings,
        assessment.features,
        assessment.trust,
        assessment.explanation,
        active.policy,
        proofs,
        state,
        id=new_decision_id(context.at),
        at=context.at,
        threshold=active.threshold(readings.event),
        versions=active.versions,
        degraded=assessment.fault,
        enforceable=not context.replay,
        as_sent=sent.trust,
        lowest=lowest,
    )


def put_in_force(tx: Transaction, versions: Versions) -> None:
    """Record policy, catalogues and population in force, each where this process recorded another before, or none."""
    in_force = {POLICY: versions.policy, CATALOGUES: versions.catalogues, POPULATION: versions.population}
    tx.chain.put_in_force(in_force)


def _load_history(tx: Transaction, context: ScoreContext, active: ActiveConfiguration) -> tuple[History, int]:
    if context.request.history is not None:
        return inline_history(context.request.history, context.event, active.population), 0
    return tx.histories.read(key_of(context.namespace, context.event))


def _last_seen(history: History, context: ScoreContext, active: ActiveConfiguration) -> datetime | None:
    """When the session last did something that succeeded; unknown without a session id, and where histories come from
    shipped logs, which lag behind."""
    lagging = active.settings.habits_from == "events" and not context.replay and not context.inline
    last = int(history.session["last"][0])
    return None if lagging or context.event.session.id is None or last == NEVER else time_of(last)


def _session_state(
    tx: Transaction, context: ScoreContext, event: Event, active: ActiveConfiguration
) -> tuple[SessionState, tuple[Proof, ...]]:
    """The session's state and proofs. Challenges to inline requests, and the proofs that answer them, are in the
    inline namespace: they count beside those of the live session."""
    if not context.beside_live:
        return _state_in(context.namespace, tx, context.at, event, active)
    (live, proofs), (inline, more) = (
        _state_in(namespace, tx, context.at, event, active) for namespace in (LIVE, INLINE)
    )
    state = replace(
        live,
        challenged_at={**live.challenged_at, **inline.challenged_at},
        prompts_in_window=live.prompts_in_window + inline.prompts_in_window,
        prompts_by_remedy=Counter(live.prompts_by_remedy) + Counter(inline.prompts_by_remedy),
        prompts_by_rule=Counter(live.prompts_by_rule) + Counter(inline.prompts_by_rule),
        failed_step_ups=live.failed_step_ups + inline.failed_step_ups,
    )
    return state, (*proofs, *more)


def _state_in(
    namespace: str, tx: Transaction, at: datetime, event: Event, active: ActiveConfiguration
) -> tuple[SessionState, tuple[Proof, ...]]:
    window = active.policy.storm.window_seconds
    key = SessionKey(namespace, event.identity.id, event.session.id)
    category, resource_type = event.action.category, event.resource.type
    state = tx.sessions.state(
        key,
        category=category,
        resource_type=resource_type,
        at=at,
        window_seconds=window,
        failures_within_seconds=active.policy.step_ups.failures_within_seconds,
    )
    return asked_after_claims(tx, state, event, active.policy), tx.sessions.proofs(key, at)


def _remember_type(tx: Transaction, context: ScoreContext, listed: Listed) -> KnownTypes:
    """Record the declared type, which a caller that may assert facts fixes; returns what was known of it before, with
    the task that is kept. Of its type an inline request records nothing, and nothing is known of it."""
    identity, fixing = context.event.identity, f"key {context.caller.id}" if context.assured else None
    types, spaces = NO_TYPES, (LIVE, INLINE) if context.beside_live else (context.namespace,)
    if not context.inline:
        types = tx.identity_types.declare(context.namespace, identity.id, identity.type, fixing=fixing)
    elif not context.beside_live:
        return NO_TYPES
    return replace(types, intent=kept_task(tx, spaces, context.event, types, listed, context.at))


def new_decision_id(at: datetime) -> str:
    """A ULID: it sorts by time, and the next one cannot be guessed."""
    number = (int(at.timestamp() * 1000) << 80) | secrets.randbits(80)
    return "".join("0123456789ABCDEFGHJKMNPQRSTVWXYZ"[(number >> shift) & 31] for shift in range(125, -1, -5))


def _update_history(
    tx: Transaction,
    context: ScoreContext,
    active: ActiveConfiguration,
    decision: Decision,
    ruled: Event,
    row: Array,
    history: History,
    version: int,
) -> int:
    """Fold the event by its ruling, and let an allow extend the session; an inline history stores nothing."""
    event = context.event
    if context.inline:
        return version
    key = key_of(context.namespace, event)
    if decision.ruling == "allow" and decision.valid_until is not None:
        tx.sessions.set_valid_until(key, decision.valid_until)
    if not context.replay and active.settings.habits_from == "events":
        return version
    if event.id is not None and tx.histories.has_event(context.namespace, event.identity.id, event.id):
        return version
    outcome = _outcome(context, ruled, decision)
    fold(row, history, active.population, outcome)
    version = tx.histories.write(key, history, version)
    used = tx.populations.number_of(active.snapshot)
    tx.histories.append_event(key.namespace, event, outcome=outcome, source="score", version=version, population=used)
    return version


def _outcome(context: ScoreContext, ruled: Event, decision: Decision) -> int:
    """The outcome an event is folded with. A replayed request and a sign-in have happened, and carry their outcome; of
    any other only the ruling is known, so an allow counts as a success and all else as a challenge. That what is called
    a sign-in has failed is believed, whatever its name says."""
    action, declared = ruled.action, context.event.action.category
    if context.replay or (action.category == "authenticate" and action.outcome is not None):
        return OUTCOME_CODES[action.outcome]
    if declared == "authenticate" and action.outcome not in (None, "success"):
        return OUTCOME_CODES[action.outcome]
    return SUCCESS if decision.ruling == "allow" else CHALLENGED


@dataclass(frozen=True)
class Asked:
    """What a decision was made about, beside what was declared."""

    ruled: Event
    types: KnownTypes
    places: KnownPlaces
    trust_as_sent: float | None
    """The trust without stand-ins for what was withheld."""
    lowest: LowestTrust | None
    """The lowest trust where the request came from, as long as that was new."""
    prompt: Prompt | None
    """What a step-up asked for."""


def _record(
    tx: Transaction,
    context: ScoreContext,
    decision: Decision,
    response: dict[str, Any],
    asked: Asked,
    features: dict[str, float],
    version: int,
) -> None:
    """Record a decision. The event is kept as it was declared; category and type that counted are those of `ruled`."""
    event = context.event
    record = DecisionRecord(
        id=decision.id,
        space=context.namespace,
        caller=context.caller.id,
        identity=event.identity.id,
        session=event.session.id,
        event_id=event.id,
        body_digest=context.body_digest,
        category=asked.ruled.action.category,
        resource_type=event.resource.type,
        ruling=decision.ruling,
        at=decision.at,
        version=version,
        body={
            "answer": response,
            "event": event.model_dump(mode="json", exclude_none=True),
            "features": {name: None if math.isnan(value) else value for name, value in features.items()},
            "mode": "inline" if context.inline else context.request.mode,
            "assured": context.assured,
            "received_at": context.at.isoformat(),
            "types": asked.types.record(),
            "places": asked.places.record(),
            "trust_as_sent": asked.trust_as_sent,
            "lowest": asked.lowest.record() if asked.lowest else None,
            "valid_until": None if decision.valid_until is None else microseconds(decision.valid_until),
        },
    )
    put_in_force(tx, replace(decision.versions, population=None) if context.request.population else decision.versions)
    tx.decisions.append(record, asked.prompt)
    tx.findings.add(context.namespace, event.identity.id, decision.id, decision.at, decision.findings)
