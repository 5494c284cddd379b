"""What the records of earlier decisions say: a request as it was read, a session's task, the claims it carried."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from features.event.schema import Event
from features.inventory.matching import matching_identity
from serving.decision.authorization_details import kept_intent
from serving.decision.inputs import SessionState
from serving.decision.proofs import latest_moment
from serving.decision.readings import KnownTypes, Readings
from serving.deployment.catalogue_files import Catalogues
from serving.deployment.request_reading import read_request
from serving.model.active import ActiveConfiguration
from serving.policy.schema import Policy
from serving.store.schema import SessionKey
from serving.store.store import Transaction


def read_recorded(body: Mapping[str, Any], event: Event, active: ActiveConfiguration) -> Readings:
    """The readings of a recorded request under the policy and catalogues in force."""
    types = KnownTypes.from_record(body.get("types", {}))
    return read_request(event, active.policy, active.catalogues, types, assured=body.get("assured", True))


def session_intent(
    tx: Transaction, namespace: str, event: Event, types: KnownTypes, catalogues: Catalogues
) -> str | None:
    """The intent that an agent's session has declared until now, from its last decision."""
    if event.session.intent is None and "agent" not in (event.identity.type, types.fixed, *types.declared):
        entry = matching_identity(catalogues, event.identity.id)
        if entry is None or entry.type != "agent":
            return None
    last = tx.decisions.latest_in_session(SessionKey(namespace, event.identity.id, event.session.id))
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
