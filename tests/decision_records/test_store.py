"""The store is exact and transactional, and each failure has an error of its own."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import alembic.command
import alembic.config
import numpy as np
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from support.random_events import random_events
from support.recorded_decisions import (
    FILE,
    a_record,
    add_step_up,
    after,
    database_digest,
    open_store,
    record_decisions,
    run_sql,
)
from support.stored_events import EVENT, fold_once, one_request

from features import Event, History, fold, replay, row_of, rows_of, table_of, vector
from features.engine.batch import time_order
from features.history.layout import empty
from features.history.population import empty_population
from serving.decision.inputs import Proof, Revocation, Scope, SessionState
from serving.errors import DecisionNotRecorded, StaleHistory, StaleLayout, StoreUnavailable
from serving.store.chain.verify import verify_log
from serving.store.database import Connection
from serving.store.schema import SessionKey, metadata
from serving.store.store import MIGRATIONS, Store
from serving.times import time_of

ADA = SessionKey("live", "ada", "s1", "key-1")
BUCKET_READ: dict[str, Any] = {"category": "read", "resource_type": "bucket"}


def test_the_migrations_create_the_declared_tables(tmp_path: Path) -> None:
    """After the last migration nothing is left to change, and a second run changes nothing."""
    store = open_store(tmp_path)
    store.migrate()
    with store.reading() as transaction:
        differences = compare_metadata(MigrationContext.configure(transaction.connection.core), metadata)

    assert differences == []


def test_a_database_of_the_first_schema_is_upgraded(tmp_path: Path) -> None:
    """Its content is kept: its prompts count, without a remedy or rule."""
    store = Store(f"sqlite:///{tmp_path / FILE}")
    config = alembic.config.Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with store.database.begin(write=True) as connection:
        config.attributes["connection"] = connection.core
        alembic.command.upgrade(config, "0001")
    run_sql(tmp_path, "INSERT INTO challenges VALUES ('d1', 'live', 'ada', 's1', 'read', 'bucket', 1000000)")
    store.migrate()
    with store.reading() as transaction:
        state = transaction.sessions.state(SessionKey("live", "ada", "s1"), **BUCKET_READ, at=time_of(2_000_000))

    assert state == SessionState(prompts_in_window=1, challenged_at={"d1": time_of(1_000_000)})


def test_only_the_owner_can_read(tmp_path: Path) -> None:
    """The folder is created with mode 0700, database and write-ahead log with 0600, whatever the umask."""
    previous = os.umask(0)
    try:
        open_store(tmp_path / "home")
    finally:
        os.umask(previous)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "home").iterdir()}

    assert (tmp_path / "home").stat().st_mode & 0o777 == 0o700
    assert modes == {FILE: 0o600, f"{FILE}-wal": 0o600, f"{FILE}-shm": 0o600}


def test_every_connection_is_durable_and_checks_foreign_keys(tmp_path: Path) -> None:
    """Write-ahead log, full sync, foreign keys, and secure deletion."""
    with open_store(tmp_path).reading() as transaction:
        names = ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
        values = [transaction.connection.core.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]

    assert values == ["wal", 2, 1, 1]


def test_a_writer_takes_the_lock_at_once(tmp_path: Path) -> None:
    """Another process cannot begin to write, though this one has written nothing yet."""
    other = open_store(tmp_path, busy_seconds=0.05)

    with open_store(tmp_path).transaction(), pytest.raises(StoreUnavailable, match="locked"), other.transaction():
        pass


def test_a_second_writer_in_the_process_waits(tmp_path: Path) -> None:
    """When it waits too long it fails."""
    store = open_store(tmp_path, busy_seconds=0.05)

    with store.transaction(), pytest.raises(StoreUnavailable, match="another thread"), store.transaction():
        pass


def test_a_writer_does_not_block_readers(tmp_path: Path) -> None:
    """They see the store as it was before."""
    store = open_store(tmp_path)
    with store.transaction() as writing:
        fold_once(writing)
        with store.reading() as reading:
            version = reading.histories.read(ADA)[1]

    assert version == 0


def test_a_history_is_read_bit_for_bit(tmp_path: Path) -> None:
    """By another process, and with a new version."""
    history = History.empty()
    fold(row_of(EVENT), history, empty_population(), 1)
    with open_store(tmp_path).transaction() as transaction:
        transaction.histories.write(ADA, history, 0)
    with open_store(tmp_path).reading() as transaction:
        stored, version = transaction.histories.read(ADA)

    assert version == 1
    assert stored.identity.tobytes() == history.identity.tobytes()
    assert stored.session.tobytes() == history.session.tobytes()
    assert stored.credential.tobytes() == history.credential.tobytes()


def test_a_session_without_an_id_is_not_stored(tmp_path: Path) -> None:
    """Nor is a credential without an id; the identity's record is."""
    store = open_store(tmp_path)
    without_ids = EVENT.model_copy(update={"session": type(EVENT.session)(), "credential": type(EVENT.credential)()})
    with store.transaction() as transaction:
        fold_once(transaction, without_ids)
        history, _ = transaction.histories.read(SessionKey("live", "ada"))

    assert history.identity.tobytes() != empty(history.identity.dtype).tobytes()
    assert history.session.tobytes() == empty(history.session.dtype).tobytes()
    assert history.credential.tobytes() == empty(history.credential.dtype).tobytes()


def test_namespaces_are_separate(tmp_path: Path) -> None:
    """A replay in its own namespace neither sees nor changes the live one."""
    with open_store(tmp_path).transaction() as transaction:
        fold_once(transaction, namespace="replay:1")
        fold_once(transaction, namespace="replay:1")
        names = ("live", "replay:1")
        stored = [transaction.histories.has_event(name, "ada", "e1") for name in names]
        versions = [transaction.histories.read(ADA._replace(namespace=name))[1] for name in names]

    assert stored == [False, True]
    assert versions == [0, 2]


@pytest.mark.parametrize("version", [0, 1, 3])
def test_a_stale_history_is_not_written(tmp_path: Path, version: int) -> None:
    """Only the reader of the latest version may write the next."""
    with open_store(tmp_path).transaction() as transaction:
        fold_once(transaction)
        fold_once(transaction)
        with pytest.raises(StaleHistory):
            transaction.histories.write(ADA, History.empty(), version)


def test_another_layout_is_refused(tmp_path: Path) -> None:
    """Its bytes are never reinterpreted; the error names the command that helps."""
    store = open_store(tmp_path)
    with store.transaction() as transaction:
        fold_once(transaction)
    run_sql(tmp_path, "UPDATE histories SET layout = 'sha256:other'")

    with store.reading() as transaction, pytest.raises(StaleLayout, match="rebuild"):
        transaction.histories.read(ADA)


def test_stored_histories_give_the_features_of_a_replay(tmp_path: Path) -> None:
    """Bit for bit, from JSON through events and stored bytes."""
    table = table_of(random_events(400, seed=5, identities=6))
    order = time_order(rows_of(table))
    population, online = empty_population(), []
    store = open_store(tmp_path)
    events = random_events(400, seed=5, identities=6)
    codes = {None: 0, "success": 1, "failure": 2, "denied": 3}
    for place in order:
        event = Event.model_validate_json(events[place].model_dump_json())
        with store.transaction() as transaction:
            history, _ = transaction.histories.read(
                SessionKey("live", event.identity.id, event.session.id, event.credential.id)
            )
            online.append(vector(row_of(event), history, population))
            fold_once(transaction, event, outcome=codes[event.action.outcome])

    assert np.array(online).tobytes() == replay(table, population)[order].tobytes()


def test_a_session_state_holds_revocation_expiry_and_prompts(tmp_path: Path) -> None:
    """Revocation, expiry, prompts of the identity, and what this session was asked for this scope."""
    store = open_store(tmp_path)
    record_decisions(store, 1, ruling="step_up")
    record_decisions(store, 2, ruling="step_up", category="export")
    record_decisions(store, 3, ruling="step_up", session="s2")
    record_decisions(store, 4, ruling="allow")
    with store.transaction() as transaction:
        transaction.sessions.set_valid_until(SessionKey("live", "ada", "s1"), after(50))
        transaction.sessions.set_valid_until(SessionKey("live", "ada", "s1"), after(60))
        transaction.revocations.revoke(SessionKey("live", "ada", "s1"), at=after(5), by="idp", reason="lost laptop")
        state = transaction.sessions.state(SessionKey("live", "ada", "s1"), **BUCKET_READ, at=after(10))

    revocation = Revocation("s1", after(5), "idp", "lost laptop")
    assert state == SessionState(revocation, valid_until=after(60), prompts_in_window=3, challenged_at={"d1": after(1)})


def test_session_state_is_not_shared(tmp_path: Path) -> None:
    """Neither another identity, another namespace, nor a session without an id inherits anything."""
    store = open_store(tmp_path)
    record_decisions(store, 1, ruling="step_up")
    with store.transaction() as transaction:
        transaction.sessions.set_valid_until(SessionKey("live", "ada", None), after(50))
        transaction.revocations.revoke(SessionKey("live", "ada", "s1"), at=after(5), by="idp", reason="lost laptop")
        others = [SessionKey("live", "bob", "s1"), SessionKey("replay:1", "ada", "s1")]
        states = [transaction.sessions.state(key, **BUCKET_READ, at=after(10)) for key in others]
        without_id = transaction.sessions.state(SessionKey("live", "ada", None), **BUCKET_READ, at=after(10))

    assert states == [SessionState(), SessionState()]
    assert without_id == SessionState(session_revoked_at=after(5), prompts_in_window=1)


@pytest.mark.parametrize("session", ["s1", "s2", None])
def test_a_revoked_identity_is_revoked_in_every_session(tmp_path: Path, session: str | None) -> None:
    """Including sessions without an id."""
    with open_store(tmp_path).transaction() as transaction:
        transaction.revocations.revoke(
            SessionKey("live", "ada", None), at=after(5), by="idp", reason="left the company"
        )
        state = transaction.sessions.state(SessionKey("live", "ada", session), **BUCKET_READ, at=after(10))

    assert state.revocation is not None


@pytest.mark.parametrize(
    ("changes", "seconds", "counts"),
    [
        ({}, 20, True),
        ({}, 5, False),
        ({}, 30, False),
        ({"result": "failed"}, 20, False),
        ({"result": "abandoned", "proof": None}, 20, False),
    ],
    ids=["completed", "not yet reported", "expired", "failed", "abandoned"],
)
def test_a_completed_step_up_is_a_proof_until_it_expires(
    tmp_path: Path, changes: dict[str, Any], seconds: float, counts: bool
) -> None:
    """From its report on, for its own session."""
    proof = Proof(
        after(9),
        "interactive_mfa",
        amr=("hwk", "pin"),
        scope=Scope("read", "bucket"),
        expires_at=after(30),
        decision_id="d1",
        source="step_up",
        trust_at_completion=0.71,
    )
    with open_store(tmp_path).transaction() as transaction:
        add_step_up(transaction, **({"proof": proof} | changes))
        proofs = transaction.sessions.proofs(SessionKey("live", "ada", "s1"), after(seconds))
        others = transaction.sessions.proofs(SessionKey("live", "ada", "s2"), after(20)) + transaction.sessions.proofs(
            SessionKey("live", "ada", None), after(20)
        )

    assert proofs == ((proof,) if counts else ())
    assert others == ()


def failing_at(monkeypatch: pytest.MonkeyPatch, number: int, *, rolled_back: bool = False) -> None:
    """Let the statement of this number fail as on a broken disk; SQLite may have rolled back by itself."""
    execute, done = Connection._execute, [0]

    def _execute(self: Connection, text: str, values: Any = ()) -> None:
        done[0] += 1
        if done[0] == number and rolled_back:
            self.core.connection.rollback()
        execute(self, "SELECT no_such_column" if done[0] == number else text, () if done[0] == number else values)

    monkeypatch.setattr(Connection, "_execute", _execute)


def test_a_decision_and_its_history_are_written_together_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever statement fails, nothing in the store has changed; when none fails, everything is written."""
    store = open_store(tmp_path)
    record_decisions(store, 9)
    before, failed = database_digest(tmp_path), 0
    for number in range(1, 100):
        with monkeypatch.context() as patch:
            failing_at(patch, number)
            try:
                with store.transaction() as transaction:
                    one_request(transaction)
                break
            except StoreUnavailable:
                failed += database_digest(tmp_path) == before
    with store.reading() as transaction:
        version, decision = transaction.histories.read(ADA)[1], transaction.decisions.get("d1")

    assert failed == number - 1
    assert version == 1
    assert decision is not None
    assert verify_log(store).ok


@pytest.mark.parametrize("moment", ["before the decision", "before the commit"])
def test_a_killed_process_leaves_nothing_half_done(tmp_path: Path, moment: str) -> None:
    """A process that is killed within a transaction has changed nothing."""
    open_store(tmp_path)
    before = database_digest(tmp_path)
    last = "fold_once(transaction)" if moment == "before the decision" else "one_request(transaction)"
    code = f"""
import os, pathlib
from support.recorded_decisions import open_store
from support.stored_events import fold_once, one_request
with open_store(pathlib.Path({str(tmp_path)!r})).transaction() as transaction:
    {last}
    os.kill(os.getpid(), 9)
"""
    here = Path(__file__)
    paths = f"{here.parent}:{here.parents[1]}:{here.parents[2]}"
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": paths}, check=False)

    assert done.returncode == -9
    assert database_digest(tmp_path) == before


def test_a_failing_request_does_not_undo_its_group(tmp_path: Path) -> None:
    """A part that raises is undone alone; the others and the chain are kept."""
    store = open_store(tmp_path)
    with store.transaction() as transaction:
        for number in (1, 2, 3):
            try:
                with transaction.part():
                    transaction.decisions.append(a_record(number))
                    if number == 2:
                        raise KeyError(number)
            except KeyError:
                continue
    with store.reading() as transaction:
        recorded = [transaction.decisions.get(f"d{number}") is not None for number in (1, 2, 3)]

    assert recorded == [True, False, True]
    assert verify_log(store).ok


def test_after_a_failure_the_rest_of_the_transaction_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite may have rolled back by itself: nothing later may be kept, even if the failure was caught."""
    store = open_store(tmp_path)
    before = database_digest(tmp_path)
    with monkeypatch.context() as patch:
        failing_at(patch, 2, rolled_back=True)
        with pytest.raises(DecisionNotRecorded), store.transaction() as transaction:
            for number in (1, 2):
                try:
                    with transaction.part():
                        transaction.decisions.append(a_record(number))
                except StoreUnavailable:
                    continue

    assert database_digest(tmp_path) == before


def test_writers_of_several_processes_and_threads_lose_nothing(tmp_path: Path) -> None:
    """Every update and every decision is stored, and the log verifies."""
    stores = [open_store(tmp_path, busy_seconds=30.0) for _ in range(2)]

    def write(thread: int) -> None:
        for number in range(20):
            with stores[thread % 2].transaction() as transaction:
                version = fold_once(transaction)
                transaction.decisions.append(a_record(100 * thread + number, version=version))

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, range(4)))
    with stores[0].reading() as transaction:
        version = transaction.histories.read(ADA)[1]
    report = verify_log(stores[0])

    assert version == 80
    assert report.ok
    assert report.rows == 82
    assert len(report.heads) == 2


def fill_disk(store: Store) -> None:
    """Do not let the database file grow further."""
    with store.reading() as transaction:
        pages = transaction.connection.core.exec_driver_sql("PRAGMA page_count").scalar()
        transaction.connection.core.exec_driver_sql(f"PRAGMA max_page_count={pages}")


def test_a_full_disk_is_reported_and_survived(tmp_path: Path) -> None:
    """A decision without space is not recorded; with space again, the log continues and verifies."""
    store = open_store(tmp_path)
    record_decisions(store, 1)
    fill_disk(store)
    with pytest.raises(DecisionNotRecorded, match="full"):
        record_decisions(store, 2, body={"padding": "x" * 100_000})
    store.close()
    record_decisions(store, 3)
    report = verify_log(store)

    assert report.ok
    assert report.rows == 4


@pytest.mark.parametrize("interruption", [sqlite3.OperationalError("I/O error"), KeyboardInterrupt()], ids=repr)
def test_a_chain_is_not_continued_after_an_uncertain_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interruption: BaseException
) -> None:
    """When a commit fails though it may have happened, nothing is answered, and the log continues in a new chain."""
    store = open_store(tmp_path)
    record_decisions(store, 1)

    def commit_and_raise(connection: sqlite3.Connection) -> None:
        connection.commit()
        raise interruption

    with monkeypatch.context() as patch:
        patch.setattr(store.database.engine.dialect, "do_commit", commit_and_raise)
        with pytest.raises((DecisionNotRecorded, KeyboardInterrupt)):
            record_decisions(store, 2)
    record_decisions(store, 3)
    report = verify_log(store)

    assert report.ok
    assert report.rows == 5
    assert len(report.heads) == 2


def not_a_database(folder: Path) -> None:
    """A file that is not a database."""
    (folder / FILE).write_bytes(b"not a database, but long enough to be read as one" * 100)


def folder_in_the_way(folder: Path) -> None:
    """A folder where the file should be."""
    (folder / FILE).mkdir()


def file_in_the_way(folder: Path) -> None:
    """A file where the folder should be."""
    folder.rmdir()
    folder.write_text("")


def later_schema(folder: Path) -> None:
    """A schema of a later version."""
    open_store(folder)
    run_sql(folder, "UPDATE alembic_version SET version_num = '9999'")


@pytest.mark.parametrize("fault", [not_a_database, folder_in_the_way, file_in_the_way, later_schema])
def test_a_store_that_cannot_be_opened_is_unavailable(tmp_path: Path, fault: Callable[[Path], None]) -> None:
    """Whatever is wrong with the file, the error is the same."""
    (tmp_path / "home").mkdir()
    fault(tmp_path / "home")

    with pytest.raises(StoreUnavailable):
        open_store(tmp_path / "home")


def test_a_store_without_tables_is_unavailable(tmp_path: Path) -> None:
    """Reading a database without tables is not an SQL error."""
    store = Store(f"sqlite:///{tmp_path / FILE}")

    with pytest.raises(StoreUnavailable, match="no such table"), store.reading() as transaction:
        transaction.connection.core.execute(sa.select(metadata.tables["events"]))
