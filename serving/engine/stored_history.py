"""How events change the history of an identity, its session and its credential."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from features.arrays import Array
from features.engine.online import fold
from features.event.identifiers import comparable_id
from features.event.numpy_row import row_of
from features.event.schema import Event
from features.history.layout import History
from features.history.population import Snapshot
from features.history.update import DENIED, FAILURE, SUCCESS, UNKNOWN
from serving.errors import InvalidField
from serving.store.histories import time_to_fold
from serving.store.schema import SessionKey
from serving.store.store import Transaction

OUTCOME_CODES = {None: UNKNOWN, "success": SUCCESS, "failure": FAILURE, "denied": DENIED}


def key_of(namespace: str, event: Event) -> SessionKey:
    """Where the store keeps the history that an event belongs to."""
    return SessionKey(namespace, event.identity.id, event.session.id, event.credential.id)


def fold_and_store(tx: Transaction, namespace: str, event: Event, outcome: int, source: str, snapshot: Snapshot) -> int:
    """Fold one event into its stored history and keep the event; returns the identity's new version."""
    history, version = tx.histories.read(key_of(namespace, event))
    return store_folded(tx, namespace, event, outcome, source, snapshot, history, version)


def store_folded(
    tx: Transaction,
    namespace: str,
    event: Event,
    outcome: int,
    source: str,
    snapshot: Snapshot,
    history: History,
    version: int,
    arrived_at: datetime | None = None,
) -> int:
    """The same with its history, as it was read at `version`. An event with `arrived_at` ages by that."""
    as_aged = event.model_copy(update={"time": time_to_fold(event, arrived_at)})
    fold(row_of(as_aged), history, snapshot.population, outcome)
    version = tx.histories.write(key_of(namespace, event), history, version)
    tx.histories.append_event(
        namespace,
        event,
        outcome=outcome,
        source=source,
        version=version,
        arrived_at=arrived_at,
        population=tx.populations.number_of(snapshot),
    )
    return version


def inline_history(past_events: Iterable[Event], event: Event, population: Array) -> History:
    """The history that a request's own past events give, folded in their order of time.

    Raises InvalidField for an event of another identity, or one that is not before the event to decide.
    """
    history = History.empty()
    for position, past in sorted(enumerate(past_events), key=lambda each: each[1].time):
        if comparable_id(past.identity.id) != comparable_id(event.identity.id):
            raise InvalidField(f"history.{position}.identity.id", "is another identity than the event's")
        if past.time >= event.time:
            raise InvalidField(f"history.{position}.time", "is not before the event's")
        same_session = event.session.id is not None and past.session.id == event.session.id
        same_credential = event.credential.id is not None and past.credential.id == event.credential.id
        scratch = History.empty()
        session = history.session if same_session else scratch.session
        credential = history.credential if same_credential else scratch.credential
        records = History(history.identity, session, credential)
        fold(row_of(past), records, population, OUTCOME_CODES[past.action.outcome])
    return history
