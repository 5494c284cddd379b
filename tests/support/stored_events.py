"""Events that change a stored history, as requests do."""

from __future__ import annotations

from support.recorded_decisions import a_record, after

from features import Event, fold, row_of
from features.history.population import empty_population
from serving.store.schema import SessionKey
from serving.store.store import Transaction

EVENT = Event.model_validate(
    {
        "id": "e1",
        "time": "2026-03-02T09:00:00Z",
        "identity": {"id": "ada", "type": "human"},
        "session": {"id": "s1"},
        "action": {"name": "s3:GetObject", "category": "read"},
        "credential": {"id": "key-1"},
    }
)


def fold_once(transaction: Transaction, event: Event = EVENT, namespace: str = "live", outcome: int = 1) -> int:
    """Read a history, fold an event into it, keep both; returns the identity's new version."""
    key = SessionKey(namespace, event.identity.id, event.session.id, event.credential.id)
    history, version = transaction.histories.read(key)
    fold(row_of(event), history, empty_population(), outcome)
    version = transaction.histories.write(key, history, version)
    transaction.histories.append_event(namespace, event, outcome=outcome, source="score", version=version)
    return version


def one_request(transaction: Transaction) -> None:
    """A request that changes a history, keeps its event and an expiry, and records a decision."""
    version = fold_once(transaction)
    transaction.sessions.set_valid_until(SessionKey("live", "ada", "s1"), after(60), "d1")
    transaction.decisions.append(a_record(1, ruling="step_up", version=version))
