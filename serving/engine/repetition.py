"""The same request of the same caller, again: it gets the same answer for a while, by the server's clock."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from serving.decision.lowest_trust import trust_counted_in
from serving.engine.score_context import ScoreContext
from serving.errors import RequestConflict
from serving.model.active import ActiveConfiguration
from serving.store.schema import LIVE, SessionKey
from serving.store.store import Transaction

REPEAT_WINDOW = timedelta(minutes=5)
"""How long the same request of the same caller gets the same decision, by the server's clock."""
_NEVER_RECEIVED = datetime.min.replace(tzinfo=UTC).isoformat()
"""Records of 0.2 do not say when they were received, so they are not repeated."""


def earlier_decision(tx: Transaction, context: ScoreContext, active: ActiveConfiguration) -> dict[str, Any] | None:
    """The decision this caller got for the same event a moment ago, unless a version or a revocation has changed."""
    event = context.event
    if event.id is None:
        return None
    key = SessionKey(context.namespace, event.identity.id)
    since = context.at - REPEAT_WINDOW
    earlier = tx.decisions.latest_for_event(key, caller=context.caller.id, event_id=event.id, since=since)
    if earlier is None or datetime.fromisoformat(earlier.body.get("received_at", _NEVER_RECEIVED)) < since:
        return None
    if earlier.body_digest != context.body_digest:
        raise RequestConflict(f"Event {event.id!r} was sent before with other content.")
    response: dict[str, Any] = earlier.body["answer"]
    if _rests_on_a_proof(response) or tx.sessions.completion(earlier.id) is not None:
        return None
    unchanged = response["versions"] == asdict(active.versions)
    own = SessionKey(LIVE if context.beside_live else context.namespace, event.identity.id, event.session.id)
    revocation = tx.sessions.state(own, category=None, resource_type=None, at=context.at).revocation
    return response if unchanged and (revocation is None or response["ruling"] == "deny") else None


def _rests_on_a_proof(answer: dict[str, Any]) -> bool:
    """Whether an allow needed a proof, which may have ended or been taken back since: it is decided again."""
    trust, threshold = trust_counted_in(answer), answer["threshold"]
    doubted = trust is None or threshold is None or trust < threshold
    satisfied = any(floor.get("status") == "satisfied" for floor in answer["floors"])
    return answer["ruling"] == "allow" and (satisfied or doubted)
