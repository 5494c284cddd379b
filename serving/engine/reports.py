"""What other systems report besides step-ups: shipped events, revocations, verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import perf_counter
from typing import Any

from features.enrichment.ip_lookup import fill_event
from features.event.schema import Event
from features.history.update import SUCCESS
from serving.contracts.requests import FeedbackRequest, RevocationRequest
from serving.decision.untrusted_claims import believed
from serving.engine.new_values import learn_shipped, signed_in_here
from serving.engine.stored_history import OUTCOME_CODES, key_of, store_folded
from serving.errors import DecisionNotFound, RevocationNotFound
from serving.model.active import ActiveConfiguration
from serving.store.api_keys import Caller
from serving.store.histories import SHIPPED
from serving.store.schema import LIVE, SessionKey
from serving.store.store import Transaction
from serving.store.verdicts import Verdict
from serving.times import now

CHUNK_SECONDS, LEAST_CHUNK_SECONDS = 0.015, 0.004
"""How long one transaction folds shipped events at most, and at least, before it lets other requests in."""
HELD_SECONDS = 0.03
"""How long a chunk should hold the engine with its commit. One event begun just before the end, and a machine that is
busy otherwise, add to it: it stays below 50 ms (scripts/bench batches)."""


def chunk_seconds(commit_seconds: float) -> float:
    """How long to fold events where a commit takes so long: on a slow disk less, so that nobody waits longer.

    >>> chunk_seconds(0.002), chunk_seconds(0.02), chunk_seconds(0.5)
    (0.015, 0.01, 0.004)
    """
    return min(CHUNK_SECONDS, max(LEAST_CHUNK_SECONDS, round(HELD_SECONDS - commit_seconds, 6)))


SIGN_IN_HOURS = 24
"""Of sign-ins that are older nobody needs the place: no floor accepts a claim of so old a one."""


@dataclass(frozen=True)
class Ingested:
    """How far a batch of shipped events has come."""

    done: int = 0
    folded: int = 0
    duplicates: int = 0


@dataclass(frozen=True)
class Shipment:
    """Shipped events as they are folded, and what their caller may say of them."""

    events: Sequence[Event]
    fixing: str | None
    """The importer or key that may fix an identity's type; None for a caller that only declares it."""
    assured: bool
    """Whether the caller may assert facts about authentication."""
    read_from_log: bool
    """Whether an importer made the events of a log's records."""
    arrived_at: datetime | None
    """When they came, by which they age; None for an operator's import, whose events age by their own time."""


def prepare_shipment(
    events: Sequence[Event], caller: Caller, source: str | None, active: ActiveConfiguration
) -> Shipment:
    """Shipped events without claims this caller may not make, enriched from their addresses.

    An importer's rules fix the types of identities, and so does a caller that may assert facts. Only an operator's key
    (scope admin) is believed how old an event is: whoever influences a log could make its habits old.
    """
    assured = "assure" in caller.scopes
    return Shipment(
        [fill_event(believed(event, caller.scopes)[0], active.networks) for event in events],
        f"importer {source}" if source else f"key {caller.id}" if assured else None,
        assured,
        source is not None,
        None if "admin" in caller.scopes else now(),
    )


def ingest_chunk(
    tx: Transaction,
    shipment: Shipment,
    before: Ingested,
    active: ActiveConfiguration,
    seconds: float = CHUNK_SECONDS,
) -> Ingested:
    """Fold the next events of a batch in the order they arrived, by their outcome, for so many seconds.

    An event that is stored already is a duplicate and changes nothing.
    """
    began, events, recent = perf_counter(), shipment.events, now() - timedelta(hours=SIGN_IN_HOURS)
    done, folded, duplicates = before.done, before.folded, before.duplicates
    while done < len(events) and (done == before.done or perf_counter() - began < seconds):
        event = tx.identity_types.as_known(LIVE, events[done])
        done += 1
        if _is_stored(tx, event, shipment):
            duplicates += 1
            continue
        tx.identity_types.declare(LIVE, event.identity.id, event.identity.type, fixing=shipment.fixing)
        if shipment.assured and event.time > recent:
            tx.claim_places.add_sign_in(LIVE, event)
        _fold_shipped(tx, event, shipment, active)
        folded += 1
    return Ingested(done, folded, duplicates)


def _is_stored(tx: Transaction, event: Event, shipment: Shipment) -> bool:
    """Whether an event was stored before. An id in our own form is its caller's promise; one in a log is compared."""
    if shipment.read_from_log:
        return tx.histories.is_repeated(LIVE, event)
    return event.id is not None and tx.histories.has_event(LIVE, event.identity.id, event.id)


def _fold_shipped(tx: Transaction, event: Event, shipment: Shipment, active: ActiveConfiguration) -> None:
    """Fold one event. Only what succeeded becomes a habit, so only then its network, device and client are kept."""
    history, version = tx.histories.read(key_of(LIVE, event))
    outcome = OUTCOME_CODES[event.action.outcome]
    if outcome == SUCCESS:
        at = shipment.arrived_at or event.time
        proven = signed_in_here(event, active.policy, assured=shipment.assured)
        by_operator = shipment.arrived_at is None
        learn_shipped(tx, LIVE, event, history, active, at=at, proven=proven, by_operator=by_operator)
    store_folded(tx, LIVE, event, outcome, SHIPPED, active.snapshot, history, version, shipment.arrived_at)


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
    key = SessionKey(LIVE, request.identity, request.session)
    tx.revocations.revoke(key, at=at, by=caller.id, reason=request.reason)
    return {"identity": request.identity, "session": request.session, "revoked_at": at.isoformat()}


def lift_revocation(tx: Transaction, request: RevocationRequest, caller: Caller) -> dict[str, Any]:
    """`POST /revocations/lift`: end a revocation. Raises RevocationNotFound."""
    at = now()
    key = SessionKey(LIVE, request.identity, request.session)
    if not tx.revocations.lift(key, at=at, by=caller.id, reason=request.reason):
        what = f"session {request.session}" if request.session else "the identity as a whole"
        raise RevocationNotFound(f"No revocation of {what} is in force for {request.identity}.")
    return {"identity": request.identity, "session": request.session, "lifted_at": at.isoformat()}
