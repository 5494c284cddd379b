"""The same request of the same caller, again: it gets the same answer for a while, by the server's clock.

An answer is repeated only while everything it rests on gives it again: the request is decided again first, by what is
known now of policy, catalogues, model, history, revocations, proofs and challenges. An allow must need no proof, since
a proof may have ended or been taken back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from serving.decision.decision import Decision
from serving.decision.inputs import Proof
from serving.engine.score_context import ScoreContext
from serving.errors import RequestConflict
from serving.store.decision_log import DecisionRecord
from serving.store.schema import SessionKey
from serving.store.store import Transaction

REPEAT_WINDOW = timedelta(minutes=5)
"""How long the same request of the same caller gets the same decision, by the server's clock."""
_NEVER_RECEIVED = datetime.min.replace(tzinfo=UTC).isoformat()
"""Records of 0.2 do not say when they were received, so they are not repeated."""
_RESTS_ON = ("ruling", "because", "degraded", "model_asks", "model_would_ask", "threshold", "action", "versions")
"""Members of an answer that must be the same."""


def earlier_decision(tx: Transaction, context: ScoreContext) -> DecisionRecord | None:
    """The decision this caller got for the same event a moment ago. Raises RequestConflict for one with other content.

    One whose challenge was completed is left out: then the request is decided by the proof.
    """
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
    return None if tx.sessions.completion(earlier.id) else earlier


def repeated_answer(
    earlier: DecisionRecord,
    context: ScoreContext,
    proofs: Sequence[Proof],
    decide: Callable[[Sequence[Proof]], Decision],
) -> dict[str, Any] | None:
    """The earlier answer, if deciding the request again gives it again; None if anything it rests on has changed.

    `decide` is the decision by what is known now, with these proofs.
    """
    answer: dict[str, Any] = earlier.body["answer"]
    if _is_over(answer, context.at) or answer["ignored_claims"] != list(context.ignored_claims):
        return None
    again = decide(() if answer["ruling"] == "allow" else proofs).wire()
    same = all(again[name] == answer[name] for name in _RESTS_ON)
    return answer if same and _asked(again) == _asked(answer) else None


def _is_over(answer: dict[str, Any], at: datetime) -> bool:
    """Whether what an answer says has ended: the session that it allowed, or the challenge that it made."""
    trust = answer["trust"] or {}
    ends = trust.get("valid_until") if answer["ruling"] == "allow" else answer["challenge_expires_at"]
    return ends is not None and datetime.fromisoformat(ends) <= at


def _asked(answer: dict[str, Any]) -> tuple[Any, ...]:
    """The floors that ask for proof or were given one, and the remedies that are offered. Undecided floors ask nothing,
    and the request itself may have brought what they did not know."""
    decided = (floor for floor in answer["floors"] if floor["status"] in ("applied", "satisfied"))
    floors = [(floor["id"], floor["status"], floor["requires"]) for floor in decided]
    return floors, [remedy["type"] for remedy in answer["remedies"]]
