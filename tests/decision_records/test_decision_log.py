"""The decision log keeps every decision in full, can be searched, and shows every change to it."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from support.recorded_decisions import FILE, a_record, after, open_store, record_decisions, run_sql

from features.hashing import sha256
from serving.errors import DecisionNotRecorded
from serving.store.chain.hash_chain import Link, empty_chain, next_tip, recorded_heads
from serving.store.chain.verify import verify_log
from serving.store.schema import SessionKey
from serving.store.store import Store


def erase(store: Store, id: str) -> None:
    with store.transaction() as transaction:
        transaction.decisions.erase(id, at=after(100), by="privacy office", reason="request 7")


def three_chains(folder: Path) -> None:
    """Decisions d1 to d6 of three processes, one after the other; d5 is erased."""
    record_decisions(open_store(folder), 1, 2, 3)
    last = open_store(folder)
    record_decisions(last, 4, 5)
    erase(last, "d5")
    record_decisions(open_store(folder), 6)


def chain_of(folder: Path, id: str) -> str:
    """The chain of a decision."""
    store = open_store(folder)
    with store.reading() as transaction:
        query = f"SELECT chain FROM decisions WHERE id = '{id}'"
        return str(transaction.connection.core.exec_driver_sql(query).scalar())


def test_a_decision_is_read_as_it_was_recorded(tmp_path: Path) -> None:
    """To the microsecond and to the last digit; an unknown id gives None."""
    record = a_record(1, at=after(0.000001), session=None, body={"x": 0.1 + 0.2, "text": "ü\u2028\x00", "none": None})
    store = open_store(tmp_path)
    with store.transaction() as transaction:
        transaction.decisions.append(record)
    with open_store(tmp_path).reading() as transaction:
        stored, unknown = transaction.decisions.get("d1"), transaction.decisions.get("d2")

    assert stored == record
    assert unknown is None


@pytest.mark.parametrize("body", [{"x": math.nan}, {"x": math.inf}, {"x": object()}], ids=["nan", "inf", "object"])
def test_a_body_that_is_not_json_is_refused(tmp_path: Path, body: dict[str, Any]) -> None:
    """It could not be read again."""
    with pytest.raises(DecisionNotRecorded, match="not JSON"):
        record_decisions(open_store(tmp_path), 1, body=body)


def test_a_decision_is_recorded_once(tmp_path: Path) -> None:
    """The same id is refused the second time, and the log continues."""
    store = open_store(tmp_path)
    record_decisions(store, 1)
    with pytest.raises(DecisionNotRecorded):
        record_decisions(store, 1)
    record_decisions(store, 2)

    assert verify_log(store).ok


@pytest.mark.parametrize(
    ("changes", "decision"),
    [
        ({}, ({"ruling": "allow", "number": 1}, "digest-1")),
        ({"since": after(1)}, ({"ruling": "allow", "number": 1}, "digest-1")),
        ({"since": after(2)}, None),
        ({"caller": "other"}, None),
        ({"identity": "bob"}, None),
        ({"event_id": "e2"}, None),
        ({"namespace": "replay:1"}, None),
    ],
)
def test_the_decision_of_a_repeated_request_is_found(tmp_path: Path, changes: dict[str, Any], decision: object) -> None:
    """By caller, identity, event id and namespace, as long as it is recent."""
    store = open_store(tmp_path)
    record_decisions(store, 1)
    request = {"caller": "gateway", "event_id": "e1", "since": after(0)}
    names = {"namespace": "live", "identity": "ada"}
    key = SessionKey(**{name: changes.get(name, value) for name, value in names.items()})
    with store.reading() as transaction:
        record = transaction.decisions.latest_for_event(
            key, **{name: changes.get(name, value) for name, value in request.items()}
        )

    assert (record and (record.body, record.body_digest)) == decision


@pytest.mark.parametrize(
    ("conditions", "ids"),
    [
        ({}, ["d4", "d3", "d2", "d1"]),
        ({"identity": "bob"}, ["d3"]),
        ({"session": "s2"}, ["d2"]),
        ({"ruling": "deny"}, ["d4", "d3"]),
        ({"ruling": "deny", "identity": "ada"}, ["d4"]),
        ({"since": after(2), "until": after(4)}, ["d3", "d2"]),
        ({"limit": 1}, ["d4"]),
        ({"namespace": "replay:1"}, ["d5"]),
    ],
)
def test_decisions_are_found(tmp_path: Path, conditions: dict[str, Any], ids: list[str]) -> None:
    """By identity, session, ruling and time, newest first, in one namespace."""
    store = open_store(tmp_path)
    record_decisions(store, 1)
    record_decisions(store, 2, session="s2")
    record_decisions(store, 3, identity="bob", ruling="deny")
    record_decisions(store, 4, ruling="deny")
    record_decisions(store, 5, space="replay:1")

    with store.reading() as transaction:
        assert [row.id for row in transaction.decisions.search(**conditions)] == ids


def test_pages_continue_after_the_last_row(tmp_path: Path) -> None:
    """None is missed or repeated, even among equal times."""
    store = open_store(tmp_path)
    record_decisions(store, 1, 2, 3, 4, 5, at=after(7))
    ids: list[str] = []
    with store.reading() as transaction:
        page = transaction.decisions.search(limit=2)
        while page:
            ids += [row.id for row in page]
            page = transaction.decisions.search(limit=2, before=page[-1])

    assert ids == ["d5", "d4", "d3", "d2", "d1"]


def test_a_process_has_a_chain_that_records_the_heads_of_others(tmp_path: Path) -> None:
    """The first row of a chain holds the heads of the chains before it."""
    three_chains(tmp_path)
    store = open_store(tmp_path)
    with store.reading() as transaction:
        heads = [(head.chain, head.sequence) for head in recorded_heads(transaction.connection.core)]
    first, second = chain_of(tmp_path, "d1"), chain_of(tmp_path, "d4")

    assert sorted(heads) == sorted([(first, 3), (second, 3)])
    assert len(verify_log(store).heads) == 3


def test_a_chain_that_continued_is_recorded_again(tmp_path: Path) -> None:
    """The next process records its later head."""
    long, short = open_store(tmp_path), open_store(tmp_path)
    record_decisions(long, 1)
    record_decisions(short, 2)
    record_decisions(long, 3)
    record_decisions(open_store(tmp_path), 4)
    with long.reading() as transaction:
        sequences = sorted(head.sequence for head in recorded_heads(transaction.connection.core))

    assert sequences == [1, 1, 2]
    assert verify_log(long).ok


def test_an_untouched_log_verifies(tmp_path: Path) -> None:
    """Every row, head and erasure is what was recorded."""
    three_chains(tmp_path)
    report = verify_log(open_store(tmp_path))

    assert report.ok
    assert report.rows == 10
    assert report.erased == 1
    assert len(report.heads) == 3


TAMPERED = {
    "payload altered": (
        ["UPDATE decisions SET payload = replace(payload, 'allow', 'deny') WHERE id = 'd2'"],
        "payload",
    ),
    "payload of another": (
        [
            "UPDATE decisions SET (payload, salt) = "
            "(SELECT payload, salt FROM decisions WHERE id = 'd1') WHERE id = 'd2'"
        ],
        "payload",
    ),
    "payload removed": (["UPDATE decisions SET payload = NULL, salt = NULL WHERE id = 'd2'"], "no erasure"),
    "ruling column altered": (["UPDATE decisions SET ruling = 'deny' WHERE id = 'd2'"], "another ruling"),
    "identity column altered": (["UPDATE decisions SET identity = 'bob' WHERE id = 'd2'"], "another identity"),
    "time column altered": (["UPDATE decisions SET at = at + 1 WHERE id = 'd2'"], "another at"),
    "version column altered": (["UPDATE decisions SET version = 7 WHERE id = 'd2'"], "another version"),
    "chain row's version altered": (["UPDATE chain_rows SET version = 7 WHERE subject = 'd2'"], "hash"),
    "chain row's digest altered": (["UPDATE chain_rows SET digest = 'x' WHERE subject = 'd2'"], "hash"),
    "chain row's subject altered": (["UPDATE chain_rows SET subject = 'd9' WHERE subject = 'd2'"], "hash"),
    "middle row deleted": (
        ["DELETE FROM decisions WHERE id = 'd2'", "DELETE FROM chain_rows WHERE subject = 'd2'"],
        "missing",
    ),
    "middle row deleted and the rest moved up": (
        [
            "DELETE FROM decisions WHERE id = 'd2'",
            "DELETE FROM chain_rows WHERE subject = 'd2'",
            "UPDATE chain_rows SET sequence = 2 WHERE subject = 'd3'",
            "UPDATE decisions SET sequence = 2 WHERE id = 'd3'",
        ],
        "hash",
    ),
    "decision deleted, chain row left": (["DELETE FROM decisions WHERE id = 'd2'"], "is missing"),
    "chain row deleted, decision left": (["DELETE FROM chain_rows WHERE subject = 'd3'"], "in no chain"),
    "first row deleted": (["DELETE FROM chain_rows WHERE kind = 'start'"], "missing"),
    "tail of an older chain deleted": (
        ["DELETE FROM decisions WHERE id = 'd3'", "DELETE FROM chain_rows WHERE subject = 'd3'"],
        "another chain recorded",
    ),
    "rows swapped": (
        [
            "UPDATE chain_rows SET sequence = 99 WHERE subject = 'd2'",
            "UPDATE chain_rows SET sequence = 2 WHERE subject = 'd1'",
            "UPDATE chain_rows SET sequence = 1 WHERE subject = 'd2'",
        ],
        "hash",
    ),
    "heads altered": (["UPDATE chain_rows SET body = '{\"heads\": []}' WHERE kind = 'start'"], "its body"),
    "erasure altered": (["UPDATE chain_rows SET body = '{}' WHERE kind = 'erasure'"], "its body"),
    "decision inserted": (
        [
            "CREATE TEMP TABLE copy AS SELECT * FROM decisions WHERE id = 'd2'",
            "UPDATE copy SET id = 'd8', sequence = 8",
            "INSERT INTO decisions SELECT * FROM copy",
        ],
        "in no chain",
    ),
}


@pytest.mark.parametrize("kind", TAMPERED)
def test_every_change_is_found(tmp_path: Path, kind: str) -> None:
    """No decision can be changed, moved, removed or added unnoticed."""
    three_chains(tmp_path)
    statements, word = TAMPERED[kind]
    run_sql(tmp_path, *statements)
    report = verify_log(open_store(tmp_path))

    assert any(word in str(each) for each in report.breaks), report.breaks


def forge(folder: Path, *, rehashed: int) -> None:
    """Replace d2 with fitting columns, salt and digest, and compute the hashes of so many rows anew."""
    store, forgery = open_store(folder), a_record(2, body={"ruling": "allow", "number": 22})
    payload, salt = forgery.payload(), b"s" * 16
    chain = chain_of(folder, "d2")
    with store.transaction() as transaction:
        execute = transaction.connection.core.exec_driver_sql
        execute("UPDATE decisions SET payload = ?, salt = ? WHERE id = 'd2'", (payload, salt))
        digest = sha256(salt + payload.encode())
        execute("UPDATE chain_rows SET digest = ? WHERE subject = 'd2'", (digest,))
        query = "SELECT kind, subject, digest, version, body, hash FROM chain_rows WHERE chain = ? ORDER BY sequence"
        rows = execute(query, (chain,))
        tip = empty_chain(chain)
        for number, (*link, hash) in enumerate(rows.fetchall()):
            tip = replace(next_tip(tip, Link(*link)), **({} if 2 <= number < 2 + rehashed else {"hash": hash}))
            execute("UPDATE chain_rows SET hash = ? WHERE chain = ? AND sequence = ?", (tip.hash, chain, number))


@pytest.mark.parametrize(
    ("rehashed", "sequence", "reason"),
    [(0, 2, "its hash"), (1, 3, "its hash"), (2, 3, "another chain recorded this row")],
    ids=["its own hash left", "the next row left", "the whole chain forged"],
)
def test_a_forged_decision_is_found(tmp_path: Path, rehashed: int, sequence: int, reason: str) -> None:
    """By the next row, or in the end by the chain that recorded this one's head."""
    three_chains(tmp_path)
    forge(tmp_path, rehashed=rehashed)
    report = verify_log(open_store(tmp_path))

    assert [each.sequence for each in report.breaks] == [sequence]
    assert report.breaks[0].reason.startswith(reason)


def test_a_missing_chain_is_found(tmp_path: Path) -> None:
    """A later chain recorded its head."""
    three_chains(tmp_path)
    first = chain_of(tmp_path, "d1")
    run_sql(tmp_path, *(f"DELETE FROM {table} WHERE chain = '{first}'" for table in ("decisions", "chain_rows")))
    report = verify_log(open_store(tmp_path))

    assert [(each.chain, each.sequence) for each in report.breaks] == [(first, 3)]


def test_an_altered_log_still_takes_decisions(tmp_path: Path) -> None:
    """New decisions are recorded, and the alteration is still found."""
    three_chains(tmp_path)
    run_sql(tmp_path, "UPDATE chain_rows SET body = 'nonsense' WHERE kind = 'start'")
    store = open_store(tmp_path)
    record_decisions(store, 7)
    with store.reading() as transaction:
        decision = transaction.decisions.get("d7")

    assert decision == a_record(7)
    assert not verify_log(store).ok


def test_an_erased_decision_is_gone_but_proved(tmp_path: Path) -> None:
    """Neither the database nor its file holds the identity, and the chain still verifies."""
    store = open_store(tmp_path)
    record_decisions(store, 1, 3)
    record_decisions(store, 2, identity="erika.mustermann", ruling="step_up", body={"note": "erika.mustermann " * 500})
    erase(store, "d2")
    with store.reading() as transaction:
        decision = transaction.decisions.get("d2")
        listed = [(row.id, row.identity, row.erased) for row in transaction.decisions.search(ruling="step_up")]
    report = verify_log(store)
    run_sql(tmp_path, "PRAGMA wal_checkpoint(TRUNCATE)")

    assert decision is None
    assert listed == [("d2", None, True)]
    assert b"erika.mustermann" not in (tmp_path / FILE).read_bytes()
    assert report.ok
    assert report.erased == 1


@pytest.mark.parametrize("id", ["never-made", "d1"])
def test_a_decision_cannot_be_erased_twice(tmp_path: Path, id: str) -> None:
    """An unknown or erased decision raises KeyError, and no second erasure is recorded."""
    store = open_store(tmp_path)
    record_decisions(store, 1)
    erase(store, "d1")
    with pytest.raises(KeyError):
        erase(store, id)

    assert verify_log(store).erased == 1


def test_signals_are_stored_with_their_decision(tmp_path: Path) -> None:
    """In the same row, so they are durable together or not at all."""
    record_decisions(open_store(tmp_path), 1, outbox='[{"event":"session-revoked"}]')
    with open_store(tmp_path).reading() as transaction:
        outbox = transaction.connection.core.exec_driver_sql("SELECT outbox FROM decisions").scalar()

    assert outbox == '[{"event":"session-revoked"}]'


def test_times_keep_their_microsecond() -> None:
    """A payload's time is a whole number of microseconds, whatever its time zone."""
    record = a_record(1, at=datetime.fromisoformat("2026-03-02T10:00:00.123457+01:00"))

    assert '"at":1772442000123457' in record.payload()
