"""What the store remembers is exact, all or nothing, and fails by name."""

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
from features.history.population import unmeasured
from serving.decision.inputs import Proof, Revocation, Scope, SessionState
from serving.errors import DecisionNotRecorded, StaleHistory, StaleLayout, StoreUnavailable
from serving.store.database import Connection
from serving.store.schema import SessionKey, metadata
from serving.store.store import MIGRATIONS, Store
from serving.store.verify import verify_log
from serving.times import time_of

ADA = SessionKey("live", "ada", "s1", "key-1")
BUCKET_READ: dict[str, Any] = {"category": "read", "resource_type": "bucket"}


def test_the_migrations_make_the_declared_tables(tmp_path: Path) -> None:
    """After the last migration nothing is left to change, and a second run changes nothing."""
    store = open_store(tmp_path)
    store.migrate()
    with store.reading() as transaction:
        left = compare_metadata(MigrationContext.configure(transaction.connection.core), metadata)

    assert left == []


def test_a_log_of_the_first_schema_is_kept(tmp_path: Path) -> None:
    """A store of an earlier build is brought along with all it holds; its prompts count, and name nothing."""
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
    """The folder is made 0700, and database and write-ahead log are 0600 whatever the umask."""
    previous = os.umask(0)
    try:
        open_store(tmp_path / "home")
    finally:
        os.umask(previous)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "home").iterdir()}

    assert ((tmp_path / "home").stat().st_mode & 0o777, modes) == (
        0o700,
        {FILE: 0o600, f"{FILE}-wal": 0o600, f"{FILE}-shm": 0o600},
    )


def test_commits_are_durable_and_references_hold(tmp_path: Path) -> None:
    """Every connection writes ahead, syncs fully, holds foreign keys, and wipes what is deleted."""
    with open_store(tmp_path).reading() as transaction:
        names = ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
        values = [transaction.connection.core.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]

    assert values == ["wal", 2, 1, 1]


def test_a_writer_takes_its_turn_at_once(tmp_path: Path) -> None:
    """Another process cannot begin to write in between, though this one has written nothing yet."""
    other = open_store(tmp_path, busy_seconds=0.05)

    with open_store(tmp_path).transaction(), pytest.raises(StoreUnavailable, match="locked"), other.transaction():
        pass


def test_a_second_thread_waits_for_its_turn(tmp_path: Path) -> None:
    """Within a process, too, there is one writer; one that waits too long is told so."""
    store = open_store(tmp_path, busy_seconds=0.05)

    with store.transaction(), pytest.raises(StoreUnavailable, match="another thread"), store.transaction():
        pass


def test_readers_are_not_held_up(tmp_path: Path) -> None:
    """While one transaction writes, another sees the store as it was before."""
    store = open_store(tmp_path)
    with store.transaction() as writing:
        fold_once(writing)
        with store.reading() as reading:
            version = reading.histories.read(ADA)[1]

    assert version == 0


def test_a_history_comes_back_to_the_bit(tmp_path: Path) -> None:
    """What was saved is what is read by another process, and its version has moved on."""
    history = History.empty()
    fold(row_of(EVENT), history, 1)
    with open_store(tmp_path).transaction() as transaction:
        transaction.histories.write(ADA, history, 0)
    with open_store(tmp_path).reading() as transaction:
        stored, version = transaction.histories.read(ADA)

    assert (version, *(r.tobytes() for r in (stored.identity, stored.session, stored.credential))) == (
        1,
        *(r.tobytes() for r in (history.identity, history.session, history.credential)),
    )


def test_an_unknown_session_is_nobodys(tmp_path: Path) -> None:
    """Without ids the session and credential records are fresh each time; the identity's is not."""
    store = open_store(tmp_path)
    nobody = EVENT.model_copy(update={"session": type(EVENT.session)(), "credential": type(EVENT.credential)()})
    with store.transaction() as transaction:
        fold_once(transaction, nobody)
        history, _ = transaction.histories.read(SessionKey("live", "ada"))
    fresh = [r.tobytes() == empty(r.dtype).tobytes() for r in (history.identity, history.session, history.credential)]

    assert fresh == [False, True, True]


def test_spaces_are_apart(tmp_path: Path) -> None:
    """A replay in a space of its own never sees nor touches what is live."""
    with open_store(tmp_path).transaction() as transaction:
        fold_once(transaction, namespace="replay:1")
        fold_once(transaction, namespace="replay:1")
        seen = (
            transaction.histories.has_event("replay:1", "ada", "e1"),
            transaction.histories.has_event("live", "ada", "e1"),
        )
        versions = [transaction.histories.read(ADA._replace(namespace=space))[1] for space in ("live", "replay:1")]

    assert (versions, seen) == ([0, 2], (True, False))


@pytest.mark.parametrize("version", [0, 1, 3])
def test_a_history_that_moved_on_is_not_overwritten(tmp_path: Path, version: int) -> None:
    """Only who read the latest version may write the next."""
    with open_store(tmp_path).transaction() as transaction:
        fold_once(transaction)
        fold_once(transaction)
        with pytest.raises(StaleHistory):
            transaction.histories.write(ADA, History.empty(), version)


def test_another_builds_layout_is_refused(tmp_path: Path) -> None:
    """Bytes of another layout are named, never reinterpreted."""
    store = open_store(tmp_path)
    with store.transaction() as transaction:
        fold_once(transaction)
    run_sql(tmp_path, "UPDATE histories SET layout = 'sha256:other'")

    with store.reading() as transaction, pytest.raises(StaleLayout, match="rebuild"):
        transaction.histories.read(ADA)


def test_stored_histories_give_the_bits_of_the_batch(tmp_path: Path) -> None:
    """From JSON through the event and stored bytes, every feature is what replay gives for the whole log."""
    table = table_of(random_events(400, seed=5, identities=6))
    order = time_order(rows_of(table))
    population, online = unmeasured(), []
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
        transaction.sessions.revoke(SessionKey("live", "ada", "s1"), at=after(5), by="idp", reason="lost laptop")
        state = transaction.sessions.state(SessionKey("live", "ada", "s1"), **BUCKET_READ, at=after(10))

    assert state == SessionState(Revocation("s1", after(5), "idp", "lost laptop"), after(60), 3, {"d1": after(1)})


def test_nothing_is_known_of_a_stranger(tmp_path: Path) -> None:
    """Neither another identity, another space, nor a session without an id inherits anything."""
    store = open_store(tmp_path)
    record_decisions(store, 1, ruling="step_up")
    with store.transaction() as transaction:
        transaction.sessions.set_valid_until(SessionKey("live", "ada", None), after(50))
        transaction.sessions.revoke(SessionKey("live", "ada", "s1"), at=after(5), by="idp", reason="lost laptop")
        strangers = [SessionKey("live", "bob", "s1"), SessionKey("replay:1", "ada", "s1")]
        states = [transaction.sessions.state(key, **BUCKET_READ, at=after(10)) for key in strangers]
        nameless = transaction.sessions.state(SessionKey("live", "ada", None), **BUCKET_READ, at=after(10))

    assert (*states, nameless) == (SessionState(), SessionState(), SessionState(prompts_in_window=1))


@pytest.mark.parametrize(("session", "revoked"), [("s1", True), ("s2", True), (None, True)])
def test_a_revoked_identity_is_revoked_in_every_session(tmp_path: Path, session: str | None, revoked: bool) -> None:
    """Revoking without a session denies all of them, those without an id included."""
    with open_store(tmp_path).transaction() as transaction:
        transaction.sessions.revoke(SessionKey("live", "ada", None), at=after(5), by="idp", reason="left the company")
        state = transaction.sessions.state(SessionKey("live", "ada", session), **BUCKET_READ, at=after(10))

    assert (state.revocation is not None) == revoked


@pytest.mark.parametrize(("seconds", "prompts"), [(0.5, 0), (1, 1), (3, 3), (12, 1), (3605, 0)])
def test_prompts_are_counted_in_their_window(tmp_path: Path, seconds: float, prompts: int) -> None:
    """Those of the last ten seconds, the one at this very moment included, later ones not."""
    store = open_store(tmp_path)
    record_decisions(store, 1, 2, 3, ruling="step_up")
    with store.reading() as transaction:
        state = transaction.sessions.state(
            SessionKey("live", "ada", "s1"), **BUCKET_READ, at=after(seconds), window_seconds=10
        )

    assert state.prompts_in_window == prompts


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
def test_a_proof_is_a_completed_step_up_that_lasts(
    tmp_path: Path, changes: dict[str, Any], seconds: float, counts: bool
) -> None:
    """A proof comes back whole, from its report until it expires."""
    proof = Proof(
        after(9),
        "authentication",
        amr=("hwk", "pin"),
        scope=Scope("read", "bucket"),
        expires_at=after(30),
        decision_id="d1",
        source="step_up",
        trust_at_completion=0.71,
    )
    with open_store(tmp_path).transaction() as transaction:
        add_step_up(transaction, **({"proof": proof} | changes))
        found = transaction.sessions.proofs(SessionKey("live", "ada", "s1"), after(seconds))
        others = transaction.sessions.proofs(SessionKey("live", "ada", "s2"), after(20)) + transaction.sessions.proofs(
            SessionKey("live", "ada", None), after(20)
        )

    assert (found, others) == ((proof,) if counts else (), ())


def failing_at(monkeypatch: pytest.MonkeyPatch, number: int, *, rolled_back: bool = False) -> None:
    """Let the statement of this number fail as a disk does; SQLite may have undone the transaction by itself."""
    execute, done = Connection._execute, [0]

    def _execute(self: Connection, text: str, values: Any = ()) -> None:
        done[0] += 1
        if done[0] == number and rolled_back:
            self.core.connection.rollback()
        execute(self, "SELECT no_such_column" if done[0] == number else text, () if done[0] == number else values)

    monkeypatch.setattr(Connection, "_execute", _execute)


def test_a_decision_and_its_history_land_together_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever statement fails, not a bit of the store has changed; once none does, all has."""
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
        landed = transaction.histories.read(ADA)[1], transaction.decisions.get("d1") is not None

    assert (failed, landed, verify_log(store).ok) == (number - 1, (1, True), True)


@pytest.mark.parametrize("moment", ["before the decision", "before the commit"])
def test_a_killed_process_leaves_nothing_half_done(tmp_path: Path, moment: str) -> None:
    """A process that dies within a transaction has changed nothing."""
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

    assert (done.returncode, database_digest(tmp_path)) == (-9, before)


def test_one_bad_request_does_not_undo_its_group(tmp_path: Path) -> None:
    """A part that raises is undone alone; the others of its transaction are kept, chain and all."""
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
        kept = [transaction.decisions.get(f"d{number}") is not None for number in (1, 2, 3)]

    assert (kept, verify_log(store).ok) == ([True, False, True], True)


def test_a_database_that_failed_once_fails_for_the_rest_of_the_transaction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite may have rolled back by itself: nothing after it may be kept, even if the failure was caught."""
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


def test_several_writers_do_not_get_in_each_others_way(tmp_path: Path) -> None:
    """Two processes' stores, two threads each: every fold and every decision is there, and the log verifies."""
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

    assert (version, report.ok, report.rows, len(report.heads)) == (80, True, 82, 2)


def no_room(store: Store) -> None:
    """Let the database file grow no further."""
    with store.reading() as transaction:
        pages = transaction.connection.core.exec_driver_sql("PRAGMA page_count").scalar()
        transaction.connection.core.exec_driver_sql(f"PRAGMA max_page_count={pages}")


def test_a_full_disk_is_said_and_survived(tmp_path: Path) -> None:
    """A decision there is no room for is not recorded; when there is room again, the log goes on and verifies."""
    store = open_store(tmp_path)
    record_decisions(store, 1)
    no_room(store)
    with pytest.raises(DecisionNotRecorded, match="full"):
        record_decisions(store, 2, body={"padding": "x" * 100_000})
    store.close()
    record_decisions(store, 3)
    report = verify_log(store)

    assert (report.ok, report.rows) == (True, 4)


@pytest.mark.parametrize("interruption", [sqlite3.OperationalError("I/O error"), KeyboardInterrupt()], ids=repr)
def test_a_commit_in_doubt_is_not_built_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interruption: BaseException
) -> None:
    """When a commit fails though it may have happened, nothing is answered, and the log goes on in a new chain."""
    store = open_store(tmp_path)
    record_decisions(store, 1)

    def committed_but(connection: sqlite3.Connection) -> None:
        connection.commit()
        raise interruption

    with monkeypatch.context() as patch:
        patch.setattr(store.database.engine.dialect, "do_commit", committed_but)
        with pytest.raises((DecisionNotRecorded, KeyboardInterrupt)):
            record_decisions(store, 2)
    record_decisions(store, 3)
    report = verify_log(store)

    assert (report.ok, report.rows, len(report.heads)) == (True, 5, 2)


def garbage(folder: Path) -> None:
    """Something that is no database."""
    (folder / FILE).write_bytes(b"not a database, but long enough to be looked at" * 100)


def folder_in_the_way(folder: Path) -> None:
    """A folder where the file should be."""
    (folder / FILE).mkdir()


def file_in_the_way(folder: Path) -> None:
    """A file where the folder should be."""
    folder.rmdir()
    folder.write_text("")


def from_the_future(folder: Path) -> None:
    """A schema of a later build."""
    open_store(folder)
    run_sql(folder, "UPDATE alembic_version SET version_num = '9999'")


@pytest.mark.parametrize("fault", [garbage, folder_in_the_way, file_in_the_way, from_the_future])
def test_a_store_that_cannot_be_opened_is_unavailable(tmp_path: Path, fault: Callable[[Path], None]) -> None:
    """Whatever is wrong with the file, it surfaces as one named error."""
    (tmp_path / "home").mkdir()
    fault(tmp_path / "home")

    with pytest.raises(StoreUnavailable):
        open_store(tmp_path / "home")


def test_a_store_without_tables_is_unavailable(tmp_path: Path) -> None:
    """A look at a database nobody migrated is not an SQL error."""
    store = Store(f"sqlite:///{tmp_path / FILE}")

    with pytest.raises(StoreUnavailable, match="no such table"), store.reading() as transaction:
        transaction.connection.core.execute(sa.select(metadata.tables["events"]))
