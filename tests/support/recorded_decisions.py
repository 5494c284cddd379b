"""Stores and decision records for tests: real SQLite files, and decisions that differ only in what a test names."""

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


def open_store(folder: Path, **options: Any) -> Store:
    """A migrated store in a folder; a second call stands for a second process."""
    store = Store(f"sqlite:///{folder / FILE}", **options)
    store.migrate()
    return store


def after(seconds: float) -> datetime:
    """The time so many seconds after START."""
    return START + timedelta(seconds=seconds)


def a_record(number: int, **changes: Any) -> DecisionRecord:
    """The decision `d<number>`, made so many seconds after START."""
    values: dict[str, Any] = {
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
    return DecisionRecord(**(values | changes))


def record_decisions(store: Store, *numbers: int, **changes: Any) -> None:
    """Record decisions of these numbers, each in a transaction of its own."""
    for number in numbers:
        with store.transaction() as transaction:
            transaction.decisions.append(a_record(number, **changes))


def add_step_up(transaction: Transaction, **changes: Any) -> None:
    """Record the result of the challenge of decision d1."""
    values: dict[str, Any] = {"decision_id": "d1", "result": "completed", "proof": None, "at": after(10), "version": 1}
    transaction.sessions.add_step_up(SessionKey("live", "ada", "s1"), **(values | changes))


def run_sql(folder: Path, *statements: str) -> None:
    """Run SQL on the file itself, without foreign keys, as anyone who can write the file could."""
    connection = sqlite3.connect(folder / FILE)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def database_digest(folder: Path) -> str:
    """A digest of every row of every table."""
    connection = sqlite3.connect(folder / FILE)
    dump = "\n".join(connection.iterdump())
    connection.close()
    return hashlib.sha256(dump.encode()).hexdigest()
