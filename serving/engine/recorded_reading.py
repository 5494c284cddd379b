"""What the records of earlier decisions say: a request as it was read, a session's task, the claims it carried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from features.event.schema import Event
from serving.decision.authorization_details import kept_intent
from serving.decision.inputs import SessionState
from serving.decision.proofs import latest_moment
from serving.decision.readings import KnownTypes, Readings
from serving.deployment.request_reading import Listed, read_request
from serving.model.active import ActiveConfiguration
from serving.policy.schema import Policy
from serving.store.revocations import LONGEST_SESSION
from serving.store.schema import SessionKey
from serving.store.store import Transaction


def read_recorded(body: Mapping[str, Any], event: Event, active: ActiveConfiguration) -> Readings:
    """The readings of a recorded request under the policy and catalogues in force."""
    types = KnownTypes.from_record(body.get("types", {}))
    return read_request(event, active.policy, active.catalogues, types, assured=body.get("assured", True))


def kept_task(
    tx: Transaction, spaces: Sequence[str], event: Event, types: KnownTypes, listed: Listed, at: datetime
) -> str | None:
    """The intent that an agent has declared until now: in its session, from its last decision in one of the spaces.

    A request that names no session may be of any, so it goes on with the task of the identity's last decision, in
    whatever session that was, for as long as the longest session. Leaving out the session id frees from no task.
    """
    if event.session.intent is None and "agent" not in (
        event.identity.type,
        types.fixed,
        *types.declared,
        listed.identity_type,
    ):
        return None
    keys = [SessionKey(space, event.identity.id, event.session.id) for space in spaces]
    found = [tx.decisions.latest_in_session(key, since=at - LONGEST_SESSION) for key in keys]
    last = max(filter(None, found), key=lambda record: record.at, default=None)
    if last is None:
        return None
    known = KnownTypes.from_record(last.body.get("types", {}))
    return kept_intent(known.intent, Event.model_validate(last.body["event"]).session.intent)


def asked_after_claims(tx: Transaction, state: SessionState, event: Event, policy: Policy) -> SessionState:
    """The state with challenges as of the sign-in that the challenged request carried, where that is later by its clock
    than the request: the same sign-in, sent again, is no newer one.

    Only a challenge as near to the claimed sign-in as clocks and whole seconds may differ is looked up.
    """
    claimed = event.authentication.time
    if claimed is None or not state.challenged_at:
        return state
    ahead = timedelta(seconds=policy.clock_tolerance_seconds)
    asked: dict[str, datetime] = {}
    for decision_id, at in state.challenged_at.items():
        near = claimed - ahead <= at < latest_moment(claimed)
        challenge = tx.decisions.get(decision_id) if near else None
        carried = challenge and Event.model_validate(challenge.body["event"]).authentication.time
        asked[decision_id] = max(at, latest_moment(carried)) if carried else at
    return replace(state, challenged_at=asked)
