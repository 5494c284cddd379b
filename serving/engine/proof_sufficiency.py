"""Whether a reported proof settles all that a recorded decision asked for, and how long what it opens lasts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime, timedelta

from features.event.schema import Event
from serving.decision.inputs import DecisionContext, Proof, SessionState
from serving.decision.lowest_trust import LowestTrust, counted_trust_as_sent
from serving.decision.places.place import KnownPlaces
from serving.decision.proofs import (
    accepted_age_seconds,
    accepted_remedies,
    assurance,
    model_refusal,
    model_requirement,
    refusal,
    uncovered,
)
from serving.decision.reauthentication import session_assurance_level
from serving.decision.ruling import REAUTHENTICATE, asks_for_new_proof, decision_context
from serving.engine.recorded_reading import read_recorded
from serving.model.active import ActiveConfiguration
from serving.policy.schema import Policy, Requirement
from serving.store.decision_log import DecisionRecord


def insufficiency(proof: Proof, challenge: DecisionRecord, active: ActiveConfiguration) -> str | None:
    """Why a proof does not settle all that a challenge asks for, in words; None if it does.

    What counts is the trust of the challenge, and without a trust only the strongest proof is enough. Floors accept a
    proof by its age; what the model asks for needs one that is newer than the request.
    """
    context, policy = _context(proof, challenge, active), active.policy
    if asks_for_new_proof(challenge.body["answer"]["because"], context):
        if proof.made_at == context.event.authentication.time:
            return "is the sign-in that the request carried: a new one is needed (max_age=0)"
        why = model_refusal(proof, SessionState(challenged_at={challenge.id: challenge.at}), context)
        if why is not None:
            return _words(why)
    for requirement in (model_requirement(policy), *_demanded(challenge, policy)):
        why = refusal(requirement, proof, context)
        if why is not None:
            return _words(why)
    missing = uncovered(proof, context)
    return f"the {missing}" if missing else _below_session(proof, challenge, context)


def elevation_end(proof: Proof, challenge: DecisionRecord, active: ActiveConfiguration) -> datetime:
    """When the elevation ends that a proof opens: as soon as one of the floors that asked would ask again, or a
    credential for one task expires."""
    context, seconds = _context(proof, challenge, active), [active.policy.lifetime.elevation_seconds]
    for requirement in _demanded(challenge, active.policy):
        rules = accepted_remedies(requirement, context)
        seconds += [accepted_age_seconds(rule, requirement) for rule in rules if rule.type == proof.kind]
    latest = proof.made_at + timedelta(seconds=min(seconds))
    return min(latest, proof.expires_at or latest)


def _context(proof: Proof, challenge: DecisionRecord, active: ActiveConfiguration) -> DecisionContext:
    """The challenged request as it was decided; a proof that came later counts as of then."""
    event = Event.model_validate(challenge.body["event"])
    features = {name: math.nan if value is None else value for name, value in challenge.body["features"].items()}
    threshold, trust = challenge.body["answer"]["threshold"], proof.trust_at_completion or 0.0
    readings = read_recorded(challenge.body, event, active)
    at, as_sent = max(proof.made_at, challenge.at), challenge.body.get("trust_as_sent")
    lowest = LowestTrust.from_record(challenge.body.get("lowest"))
    as_sent = counted_trust_as_sent(as_sent, lowest, readings.event.action.category)
    places = KnownPlaces.from_record(challenge.body.get("places"))
    return decision_context(
        readings, features, trust, threshold, active.policy, at, trust_as_sent=as_sent, places=places
    )


def _demanded(challenge: DecisionRecord, policy: Policy) -> Iterator[Requirement]:
    """What the floors demand that asked for proof."""
    applied = {floor["id"] for floor in challenge.body["answer"]["floors"] if floor.get("status") == "applied"}
    return (floor.requires for floor in policy.floors if floor.id in applied)


def _below_session(proof: Proof, challenge: DecisionRecord, context: DecisionContext) -> str | None:
    """Why a proof does not renew a session that is past the limit of its assurance level."""
    must_renew = any(reason.startswith(REAUTHENTICATE) for reason in challenge.body["answer"]["because"])
    session, level = session_assurance_level(context.event, context.policy), assurance(proof, context.policy).level
    if must_renew and level < session:
        return f"does not count: it proves AAL{level}, and the session that it should renew is AAL{session}"
    return None


def _words(why: str) -> str:
    return f"does not count: {why}"
