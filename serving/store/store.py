"""What the service remembers: histories, events, decisions, proofs, revocations, in one transaction per group.

Everything is keyed under a space. Several requests may share a write transaction (`Transaction.part` keeps one that
fails from undoing the others); nothing is durable, and so nothing may be answered, before the transaction has ended.
Ids are text, times are aware datetimes. Whatever the database does surfaces as a ServingError.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import alembic.command
import alembic.config
import alembic.util

from serving.errors import DecisionNotRecorded, StoreUnavailable
from serving.store.database import Connection, Database, said
from serving.store.decision_log import DecisionLog
from serving.store.findings import Findings
from serving.store.hash_chain import ChainWriter, Tip
from serving.store.histories import Histories
from serving.store.session_state import Sessions
from serving.store.verdicts import Verdicts

MIGRATIONS = Path(__file__).parent / "migrations"


class Transaction:
    """One transaction on the store: begun by `Store.transaction` to write, by `Store.reading` to read."""

    def __init__(self, connection: Connection, tip: Tip | None) -> None:
        self.connection = connection
        self.chain = ChainWriter(connection, tip)
        self.histories = Histories(connection)
        self.sessions = Sessions(connection)
        self.decisions = DecisionLog(connection, self.chain)
        self.findings = Findings(connection)
        self.verdicts = Verdicts(connection, self.chain)

    @contextmanager
    def part(self) -> Iterator[None]:
        """One request of a group: when it raises, only what it wrote is undone."""
        tip = self.chain.tip
        try:
            with self.connection.savepoint():
                yield
        except BaseException:
            self.chain.tip = tip
            raise


class Store:
    """The database of one deployment, and this process's chain in it. Safe to use from several threads."""

    def __init__(self, url: str, *, busy_seconds: float = 5.0) -> None:
        self.database = Database(url, busy_seconds)
        self._busy_seconds = busy_seconds
        self._turn = threading.Lock()
        self._tip: Tip | None = None

    def migrate(self) -> None:
        """Bring the schema to this build's, from nothing if need be; the file is its owner's alone.

        Raises StoreUnavailable, also when the schema is that of a later build.
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
        """One write transaction: all of it is durable when the block has ended, or none of it when anything raises.

        Raises StoreUnavailable, or DecisionNotRecorded when it held decisions. Not to be nested.
        """
        with self._our_turn(), self._named_errors():
            transaction = None
            failures: tuple[type[Exception], ...] = (StoreUnavailable, *self.database.errors)
            try:
                with self.database.begin(write=True) as connection:
                    transaction = Transaction(connection, self._tip)
                    yield transaction
                    self._tip = None  # until the commit is known, a chain's end is in doubt and not to be continued
            except failures as error:
                if transaction and transaction.chain.records:
                    self._tip = None
                    raise DecisionNotRecorded(str(error)) from error
                raise
            self._tip = transaction.chain.tip

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """One moment of the store, to look at; writers are not held up. Raises StoreUnavailable."""
        with self._named_errors(), self.database.begin(write=False) as connection:
            yield Transaction(connection, None)

    def close(self) -> None:
        """Close every connection."""
        self.database.engine.dispose()

    @contextmanager
    def _our_turn(self) -> Iterator[None]:
        """One writer at a time in this process; others are kept out by the database itself."""
        if not self._turn.acquire(timeout=self._busy_seconds):
            raise StoreUnavailable(f"another thread has been writing for more than {self._busy_seconds} s")
        try:
            yield
        finally:
            self._turn.release()

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except self.database.errors as error:
            raise StoreUnavailable(said(error)) from error


def _upgrade(config: alembic.config.Config) -> None:
    try:
        alembic.command.upgrade(config, "head")
    except alembic.util.CommandError as error:
        raise StoreUnavailable(f"the schema cannot be brought to this build's: {error}") from error
