"""Stores and decision records for tests: real SQLite files, and decisions that differ only in what a test is about."""

from __future__ import annotations

import hashlib
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from serving.store.decision_log import DecisionRecord
from serving.store.schema import SessionKey
from serving.store.store import Store, Transaction

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
FILE = "session-trust.db"


def opened(folder: Path, **options: Any) -> Store:
    """A migrated store in a folder; a second call stands for another process."""
    store = Store(f"sqlite:///{folder / FILE}", **options)
    store.migrate()
    return store


def after(seconds: float) -> datetime:
    """A time of the tests' day."""
    return START + timedelta(seconds=seconds)


def record(number: int, **changes: Any) -> DecisionRecord:
    """The decision `d<number>`, made that many seconds into the day."""
    made: dict[str, Any] = {
        "id": f"d{number}",
        "space": "live",
        "caller": "gateway",
        "identity": "ada",
        "session": "s1",
        "event_id": f"e{number}",
        "body_digest": f"digest-{number}",
        "category": "read",
        "resource_type": "bucket",
        "ruling": "allow",
        "at": after(number),
        "version": number,
        "body": {"ruling": "allow", "number": number},
    }
    return DecisionRecord(**(made | changes))


def recorded(store: Store, *numbers: int, **changes: Any) -> None:
    """Record decisions of these numbers, each in a transaction of its own."""
    for number in numbers:
        with store.transaction() as transaction:
            transaction.decisions.append(record(number, **changes))


def step_up(transaction: Transaction, **changes: Any) -> None:
    """Keep what became of decision d1."""
    made: dict[str, Any] = {"decision_id": "d1", "result": "completed", "proof": None, "at": after(10), "version": 1}
    transaction.sessions.add_step_up(SessionKey("live", "ada", "s1"), **(made | changes))


def sql(folder: Path, *statements: str) -> None:
    """What somebody with the file in his hands can do: anything, and without foreign keys."""
    connection = sqlite3.connect(folder / FILE)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def contents(folder: Path) -> str:
    """A digest of every row of every table."""
    connection = sqlite3.connect(folder / FILE)
    dump = "\n".join(connection.iterdump())
    connection.close()
    return hashlib.sha256(dump.encode()).hexdigest()
