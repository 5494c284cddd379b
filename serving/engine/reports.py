"""What other systems report besides step-ups: shipped events, revocations, verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from features.enrichment.ip_lookup import fill_event
from features.event.schema import Event
from serving.contracts.requests import FeedbackRequest, RevocationRequest
from serving.decision.untrusted_claims import remove_claims
from serving.engine.stored_history import OUTCOME_CODES, fold_and_store
from serving.errors import DecisionNotFound, InvalidField
from serving.model.active import ActiveConfiguration
from serving.store.api_keys import Caller
from serving.store.schema import LIVE, SessionKey
from serving.store.store import Transaction
from serving.store.verdicts import Verdict
from serving.times import now


def ingest_events(
    tx: Transaction, events: Sequence[Event], broken: Sequence[str], caller: Caller, active: ActiveConfiguration
) -> dict[str, Any]:
    """`POST /events`: fold events in the order they arrive, by their outcome. An event whose id is known is a
    duplicate and changes nothing.

    Raises InvalidField for an event in the future; then none of them is folded.
    """
    latest = now() + timedelta(seconds=active.settings.allowed_skew_seconds)
    folded = duplicates = 0
    for position, shipped in enumerate(events):
        if shipped.time > latest:
            raise InvalidField(f"{position}.time", "lies in the future")
        event = fill_event(shipped if "assure" in caller.scopes else remove_claims(shipped)[0], active.networks)
        if event.id is not None and tx.histories.has_event(LIVE, event.identity.id, event.id):
            duplicates += 1
            continue
        fold_and_store(tx, LIVE, event, OUTCOME_CODES[event.action.outcome], "events")
        folded += 1
    return {"folded": folded, "duplicates": duplicates, "broken": list(broken)}


def record_verdict(tx: Transaction, decision_id: str, request: FeedbackRequest, caller: Caller) -> dict[str, Any]:
    """`POST /decisions/{id}/feedback`: keep an investigator's verdict. Raises DecisionNotFound."""
    if tx.decisions.get(decision_id) is None:
        raise DecisionNotFound(f"There is no decision {decision_id}, or it was erased.")
    at = now()
    tx.verdicts.append(Verdict(decision_id, request.verdict, request.note, caller.id, at))
    return {"decision_id": decision_id, "verdict": request.verdict, "by": caller.id, "at": at.isoformat()}


def revoke_access(tx: Transaction, request: RevocationRequest, caller: Caller) -> dict[str, Any]:
    """`POST /revocations`: deny a session or an identity from now on, across restarts."""
    at = now()
    tx.sessions.revoke(SessionKey(LIVE, request.identity, request.session), at=at, by=caller.id, reason=request.reason)
    return {"identity": request.identity, "session": request.session, "revoked_at": at.isoformat()}
