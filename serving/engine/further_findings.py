"""Findings that need more than the decision: what the caller's key declares wrongly, and how earlier prompts went."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from serving import metrics
from serving.decision.decision import Decision
from serving.decision.findings import A_PERSON_ANSWERS, Finding, push_fatigue
from serving.decision.inputs import Prompt, Proof
from serving.decision.places.place import KnownPlaces
from serving.decision.places.proven_place import is_proven_place
from serving.decision.readings import Readings
from serving.decision.ruling import decision_context
from serving.engine.score_context import INLINE, ScoreContext
from serving.policy.schema import Policy
from serving.store.schema import LIVE, SessionKey
from serving.store.store import Transaction

SOURCES = {
    "aws": "AWS's own table says",
    "vendor": "a vendor's table says",
    "name": "its name says",
    "nothing": "its name says nothing, so it counts as",
    "actions.yaml": "actions.yaml says",
}


def findings_on_caller(context: ScoreContext, readings: Readings) -> Iterator[Finding]:
    """A category that is less strict than the action's own, and an identity type that is not the fixed one."""
    caller, event, action = context.caller, context.event, readings.action
    if action is not None and action.understated:
        metrics.UNDERSTATED_ACTIONS.inc()
        yield Finding(
            "understated_action",
            f"key {caller.id}",
            f"{event.action.name} was declared as {action.declared}; {SOURCES[action.source]} {action.derived}. "
            "It is decided as both: correct the caller's mapping, or list the action in actions.yaml.",
        )
    if readings.other_type:
        metrics.OTHER_TYPES.inc()
        yield Finding(
            "other_identity_type",
            f"key {caller.id}",
            f"The identity was declared as {event.identity.type}; it is known as {readings.event.identity.type}. "
            "It is decided as both: correct the caller, or the type in identities.yaml.",
        )


def pace_prompts(
    tx: Transaction,
    context: ScoreContext,
    policy: Policy,
    decision: Decision,
    readings: Readings,
    features: Mapping[str, float],
    proofs: Sequence[Proof],
    places: KnownPlaces,
) -> tuple[Decision, Prompt | None]:
    """A step-up with the time before which its prompt must not be shown, and what is recorded of the prompt.

    Too many unanswered prompts of an identity, over all places where it has proven nothing, put off the next one there.
    The ruling stays, and so does what settles it: a completed proof counts however many prompts came before. A prompt
    that is put off is not counted as unanswered, or an attacker could put it off for ever.
    """
    if not decision.remedies:
        return decision, None
    remedy = decision.remedies[0].type
    prompt = Prompt(remedy, decision.asked_by)
    if remedy not in A_PERSON_ANSWERS:
        return decision, prompt
    spaces = (LIVE, INLINE) if context.beside_live else (context.namespace,)
    event = readings.event
    keys = [SessionKey(space, event.identity.id, event.session.id) for space in spaces]
    trust = decision.trust.now if decision.trust else 0.0
    here = decision_context(readings, features, trust, decision.threshold, policy, decision.at, places=places)
    proven = [each for key in keys for each in tx.proven_places.newest_proofs(key, decision.at)]
    if is_proven_place(here, proofs, proven):
        return decision, prompt
    unanswered, free_at = tx.sessions.prompts.unanswered(keys, decision.at, policy.storm)
    if free_at is None:
        return decision, replace(prompt, unproven=True)
    seconds = max(1, math.ceil((free_at - decision.at).total_seconds()))
    finding = push_fatigue(policy, unanswered, seconds)
    return replace(decision, retry_after_seconds=seconds, findings=(*decision.findings, finding)), prompt
