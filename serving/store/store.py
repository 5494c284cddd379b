"""What the service remembers: histories, events, decisions, proofs, revocations, in one transaction per group.

Everything is keyed under a space. Several requests may share a write transaction (`Transaction.part` keeps one that
fails from undoing the others); nothing is durable, and so nothing may be answered, before the transaction has ended.
Ids are text, times are aware datetimes. Whatever the database does surfaces as a ServingError.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import alembic.command
import alembic.config
import alembic.util

from features.event.schema import Event
from features.history.layout import History
from serving.decision.decide import Proof, Standing
from serving.decision.findings import Finding
from serving.decision.inputs import Prompt
from serving.errors import DecisionNotRecorded, StoreUnavailable
from serving.store import decision_log, findings, hash_chain, histories, session_state, verdicts
from serving.store.database import Connection, Database, said
from serving.store.decision_log import DecisionRecord
from serving.store.hash_chain import Tip
from serving.store.schema import LIVE, Who
from serving.store.verdicts import Verdict

MIGRATIONS = Path(__file__).parent / "migrations"


class Transaction:
    """One transaction on the store: begun by `Store.transaction` to write, by `Store.reading` to look."""

    def __init__(self, connection: Connection, tip: Tip | None) -> None:
        self.connection = connection
        self.tip = tip
        self.records = 0

    @contextmanager
    def part(self) -> Iterator[None]:
        """One request of a group: when it raises, only what it wrote is undone."""
        tip = self.tip
        try:
            with self.connection.savepoint():
                yield
        except BaseException:
            self.tip = tip
            raise

    def history(self, space: str, identity: str, session: str | None, credential: str | None) -> tuple[History, int]:
        """What is remembered, and the identity's version: 0 when it was never seen.

        An unknown session or credential gives an empty record. Raises StaleLayout when another build wrote it.
        """
        return histories.read(self.connection, Who(space, identity, session, credential))

    def save_history(
        self, space: str, identity: str, session: str | None, credential: str | None, history: History, version: int
    ) -> int:
        """Write a history read at `version`; returns the new version. Raises StaleHistory when it has moved on."""
        return histories.write(self.connection, Who(space, identity, session, credential), history, version)

    def append_event(self, space: str, event: Event, outcome: int, source: str, version: int | None) -> None:
        """Keep an event as it was folded, with the version the fold gave; None when it was not folded."""
        histories.append_event(self.connection, space, event, outcome=outcome, source=source, version=version)

    def event_seen(self, space: str, identity: str, event_id: str) -> bool:
        """Whether an event of this identity with this id was kept before."""
        return histories.event_seen(self.connection, space, identity, event_id)

    def append_decision(self, record: DecisionRecord, prompt: Prompt | None = None) -> None:
        """Record a decision in this process's chain; a step-up is noted as asked, as this prompt.

        Raises DecisionNotRecorded when its body is not JSON.
        """
        self.records += 1
        self.tip = decision_log.append(self.connection, self._chain(), record, prompt)

    def keep_findings(
        self, space: str, identity: str, decision_id: str, at: datetime, shown: Iterable[Finding]
    ) -> None:
        """Note what a decision of this transaction shows an operator."""
        findings.keep(self.connection, space, identity, decision_id, at, shown)

    def decision(self, id: str) -> DecisionRecord | None:
        """A decision, or None when it was never recorded or has been erased."""
        return decision_log.get(self.connection, id)

    def earlier(
        self, caller: str, identity: str, event_id: str, since: datetime, *, space: str = LIVE
    ) -> tuple[Mapping[str, Any], str] | None:
        """The body and request digest of this caller's newest decision about the same event, made since then."""
        found_ = decision_log.earlier(self.connection, caller, Who(space, identity), event_id=event_id, since=since)
        return (found_.body, found_.body_digest) if found_ else None

    def add_feedback(self, said: Verdict) -> None:
        """Keep what an investigator says of a decision, in this process's chain."""
        self.records += 1
        self.tip = verdicts.append(self.connection, self._chain(), said)

    def erase_decision(self, id: str, *, at: datetime, by: str, reason: str) -> None:
        """Erase a decision's payload and whom it was about; raises KeyError when there is none."""
        self.tip = decision_log.erase(self.connection, self._chain(), id, at=at, by=by, reason=reason)

    def standing(
        self,
        space: str,
        identity: str,
        session: str | None,
        category: str | None,
        resource_type: str | None,
        at: datetime,
        *,
        window_seconds: float = 3600.0,
    ) -> Standing:
        """What is known of an identity and session at a time: revocation, expiry, and what it was asked.

        `window_seconds` is how far back prompts are counted.
        """
        return session_state.standing(
            self.connection,
            Who(space, identity, session),
            category=category,
            resource_type=resource_type,
            at=at,
            window_seconds=window_seconds,
        )

    def set_valid_until(self, space: str, identity: str, session: str | None, valid_until: datetime) -> None:
        """Let a session go on until then without fresh proof; a session without an id has nothing to keep."""
        session_state.set_valid_until(self.connection, Who(space, identity, session), valid_until)

    def add_step_up(
        self,
        space: str,
        identity: str,
        session: str | None,
        *,
        decision_id: str | None,
        result: str,
        proof: Proof | None,
        at: datetime,
        version: int,
    ) -> None:
        """Keep what became of a challenge: `completed` with its proof, `failed` or `abandoned`."""
        session_state.add_step_up(
            self.connection,
            Who(space, identity, session),
            decision_id=decision_id,
            result=result,
            proof=proof,
            at=at,
            version=version,
        )

    def proofs(self, space: str, identity: str, session: str | None, at: datetime) -> tuple[Proof, ...]:
        """Completed step-ups of a session reported by then and not yet expired, oldest first."""
        return session_state.proofs(self.connection, Who(space, identity, session), at)

    def answered(self, decision_id: str) -> bool:
        """Whether a challenge was met before."""
        return session_state.answered(self.connection, decision_id)

    def revoke(self, space: str, identity: str, session: str | None, *, at: datetime, by: str, reason: str) -> None:
        """Deny a session everything from now on, or the whole identity when no session is given."""
        session_state.revoke(self.connection, Who(space, identity, session), at=at, by=by, reason=reason)

    def _chain(self) -> Tip:
        return self.tip or hash_chain.start(self.connection)


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
                if transaction and transaction.records:
                    self._tip = None
                    raise DecisionNotRecorded(str(error)) from error
                raise
            self._tip = transaction.tip

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
        raise StoreUnavailable(
            f"the database cannot be brought to this version's schema: {error}. A later version of session-trust wrote "
            "it: use that version, or name another database in SESSION_TRUST_DATABASE_URL"
        ) from error
