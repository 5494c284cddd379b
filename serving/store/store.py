"""The store: histories, events, decisions, findings, verdicts, proofs and revocations, in transactions.

Everything belongs to a namespace: live, or that of a replay. Several requests may share a write transaction, and
`Transaction.part` keeps one that fails from undoing the others. Nothing is durable before the transaction has ended, so
nothing may be answered before. Ids are text, times are aware datetimes, and every failure is a ServingError.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import alembic.command
import alembic.config
import alembic.util

from serving.errors import DecisionNotRecorded, StoreUnavailable
from serving.store.chain.hash_chain import ChainWriter, Tip
from serving.store.database import Connection, Database, failure_message
from serving.store.decision_log import DecisionLog
from serving.store.findings import Findings
from serving.store.histories import Histories
from serving.store.identity_types import IdentityTypes
from serving.store.places.claim_places import ClaimPlaces
from serving.store.places.field_presence import FieldPresence
from serving.store.places.proven_places import ProvenPlaces
from serving.store.populations.snapshots import Populations
from serving.store.revocations import Revocations
from serving.store.seen_values import SeenValues
from serving.store.session_state import Sessions
from serving.store.verdicts import Verdicts

MIGRATIONS = Path(__file__).parent / "migrations"


class Transaction:
    """One transaction: `Store.transaction` begins one to write, `Store.reading` one to read."""

    def __init__(
        self, connection: Connection, tip: Tip | None = None, in_force: Mapping[str, str] | None = None
    ) -> None:
        self.connection = connection
        self.chain = ChainWriter(connection, tip, in_force)
        self.histories = Histories(connection)
        self.revocations = Revocations(connection, self.chain)
        self.sessions = Sessions(connection, self.chain)
        self.decisions = DecisionLog(connection, self.chain)
        self.populations = Populations(connection)
        self.proven_places = ProvenPlaces(connection)
        self.claim_places = ClaimPlaces(connection, self.chain)
        self.field_presence = FieldPresence(connection)
        self.findings = Findings(connection)
        self.identity_types = IdentityTypes(connection, self.chain)
        self.seen_values = SeenValues(connection, self.chain)
        self.verdicts = Verdicts(connection, self.chain)

    @contextmanager
    def part(self) -> Iterator[None]:
        """One request of a group: when it raises, only what it wrote is undone."""
        tip, in_force = self.chain.tip, dict(self.chain.in_force)
        try:
            with self.connection.savepoint():
                yield
        except BaseException:
            self.chain.tip, self.chain.in_force = tip, in_force
            raise


class Store:
    """The database of one deployment, with this process's hash chain. Safe to use from several threads."""

    def __init__(self, url: str, *, busy_seconds: float = 5.0) -> None:
        self.database = Database(url, busy_seconds)
        self._busy_seconds = busy_seconds
        self._lock = threading.Lock()
        self._tip: Tip | None = None
        self._in_force: Mapping[str, str] = {}

    def migrate(self) -> None:
        """Create the schema, or upgrade it to this version's; the file is readable by its owner only.

        Raises StoreUnavailable, also when the schema is that of a later version.
        """
        config = alembic.config.Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        with self._named_errors():
            self.database.prepare_file()
            with self.database.begin(write=True) as connection:
                config.attributes["connection"] = connection.core
                _upgrade(config)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """One write transaction: all of it is durable when the block ends, none of it when the block raises.

        Raises StoreUnavailable, or DecisionNotRecorded when it held decisions. It cannot be nested.
        """
        with self._write_lock(), self._named_errors():
            transaction = None
            failures: tuple[type[Exception], ...] = (StoreUnavailable, *self.database.errors)
            try:
                with self.database.begin(write=True) as connection:
                    transaction = Transaction(connection, self._tip, self._in_force)
                    yield transaction
                    self._tip = None  # until the commit is confirmed, the chain's end is unknown: do not continue it
            except failures as error:
                if transaction and transaction.chain.records:
                    self._tip = None
                    raise DecisionNotRecorded(str(error)) from error
                raise
            self._tip, self._in_force = transaction.chain.tip, transaction.chain.in_force

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """One read transaction on a snapshot; it does not block writers. Raises StoreUnavailable."""
        with self._named_errors(), self.database.begin(write=False) as connection:
            yield Transaction(connection)

    def close(self) -> None:
        """Close every connection."""
        self.database.engine.dispose()

    @contextmanager
    def _write_lock(self) -> Iterator[None]:
        """Allow one writer at a time in this process; the database itself keeps other processes out."""
        if not self._lock.acquire(timeout=self._busy_seconds):
            raise StoreUnavailable(f"another thread has been writing for more than {self._busy_seconds} s")
        try:
            yield
        finally:
            self._lock.release()

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except self.database.errors as error:
            raise StoreUnavailable(failure_message(error)) from error


def _upgrade(config: alembic.config.Config) -> None:
    try:
        alembic.command.upgrade(config, "head")
    except alembic.util.CommandError as error:
        raise StoreUnavailable(
            f"the schema cannot be upgraded to this version's: {error}. A later version of session-trust wrote this "
            "database: use that version, or name another database in SESSION_TRUST_DATABASE_URL"
        ) from error
