"""The decision log is whole, can be searched, and shows every change that was not its own."""

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
from serving.store.hash_chain import Link, empty_chain, next_tip, recorded_heads
from serving.store.schema import SessionKey
from serving.store.store import Store
from serving.store.verify import verify_log


def erased(store: Store, id: str) -> None:
    """Erase one decision the proper way."""
    with store.transaction() as transaction:
        transaction.decisions.erase(id, at=after(100), by="privacy office", reason="request 7")


def three_chains(folder: Path) -> None:
    """Decisions d1 to d6 by three processes, one after the other; d5 is erased."""
    record_decisions(open_store(folder), 1, 2, 3)
    last = open_store(folder)
    record_decisions(last, 4, 5)
    erased(last, "d5")
    record_decisions(open_store(folder), 6)


def chain_of(folder: Path, id: str) -> str:
    """The chain a decision is in."""
    store = open_store(folder)
    with store.reading() as transaction:
        query = f"SELECT chain FROM decisions WHERE id = '{id}'"
        return str(transaction.connection.core.exec_driver_sql(query).scalar())


def test_a_decision_comes_back_whole(tmp_path: Path) -> None:
    """What is read is what was recorded, to the microsecond and to the last digit."""
    made = a_record(1, at=after(0.000001), session=None, body={"x": 0.1 + 0.2, "text": "ü\u2028\x00", "none": None})
    store = open_store(tmp_path)
    with store.transaction() as transaction:
        transaction.decisions.append(made)
    with open_store(tmp_path).reading() as transaction:
        found = transaction.decisions.get("d1"), transaction.decisions.get("d2")

    assert found == (made, None)


@pytest.mark.parametrize("body", [{"x": math.nan}, {"x": math.inf}, {"x": object()}], ids=["nan", "inf", "object"])
def test_what_is_not_json_is_not_recorded(tmp_path: Path, body: dict[str, Any]) -> None:
    """A body nobody could read again is refused by name."""
    with pytest.raises(DecisionNotRecorded, match="not JSON"):
        record_decisions(open_store(tmp_path), 1, body=body)


def test_a_decision_is_recorded_once(tmp_path: Path) -> None:
    """The same id twice is refused, and the log goes on."""
    store = open_store(tmp_path)
    record_decisions(store, 1)
    with pytest.raises(DecisionNotRecorded):
        record_decisions(store, 1)
    record_decisions(store, 2)

    assert verify_log(store).ok


@pytest.mark.parametrize(
    ("asked", "found"),
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
def test_the_same_request_twice_is_recognised(tmp_path: Path, asked: dict[str, Any], found: object) -> None:
    """By caller, identity, event id and space, as long as it is recent."""
    store = open_store(tmp_path)
    record_decisions(store, 1)
    request = {"caller": "gateway", "event_id": "e1", "since": after(0)}
    names = {"namespace": "live", "identity": "ada"}
    key = SessionKey(**{name: asked.get(name, value) for name, value in names.items()})
    with store.reading() as transaction:
        decision = transaction.decisions.latest_for_event(
            key, **{name: asked.get(name, value) for name, value in request.items()}
        )

    assert (decision and (decision.body, decision.body_digest)) == found


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
    """By identity, session, ruling and time, newest first, within one space."""
    store = open_store(tmp_path)
    record_decisions(store, 1)
    record_decisions(store, 2, session="s2")
    record_decisions(store, 3, identity="bob", ruling="deny")
    record_decisions(store, 4, ruling="deny")
    record_decisions(store, 5, space="replay:1")

    with store.reading() as transaction:
        assert [row.id for row in transaction.decisions.search(**conditions)] == ids


def test_pages_follow_one_another(tmp_path: Path) -> None:
    """Paging by the last row misses none and repeats none, even among equal times."""
    store = open_store(tmp_path)
    record_decisions(store, 1, 2, 3, 4, 5, at=after(7))
    ids: list[str] = []
    with store.reading() as transaction:
        page = transaction.decisions.search(limit=2)
        while page:
            ids += [row.id for row in page]
            page = transaction.decisions.search(limit=2, before=page[-1])

    assert ids == ["d5", "d4", "d3", "d2", "d1"]


def test_a_process_has_one_chain_and_holds_the_others_heads(tmp_path: Path) -> None:
    """Each start adds one chain, whose first row holds where the chains before it had ended."""
    three_chains(tmp_path)
    store = open_store(tmp_path)
    with store.reading() as transaction:
        held = [(head.chain, head.sequence) for head in recorded_heads(transaction.connection)]
    first, second = chain_of(tmp_path, "d1"), chain_of(tmp_path, "d4")

    assert (sorted(held), len(verify_log(store).heads)) == (sorted([(first, 3), (second, 3)]), 3)


def test_a_chain_that_went_on_is_held_anew(tmp_path: Path) -> None:
    """A process that outlives another's start is held at its later end by the next one."""
    long, short = open_store(tmp_path), open_store(tmp_path)
    record_decisions(long, 1)
    record_decisions(short, 2)
    record_decisions(long, 3)
    record_decisions(open_store(tmp_path), 4)
    with long.reading() as transaction:
        sequences = sorted(head.sequence for head in recorded_heads(transaction.connection))

    assert (sequences, verify_log(long).ok) == ([1, 1, 2], True)


def test_an_untouched_log_verifies(tmp_path: Path) -> None:
    """Every row, head and erasure of an honest log is found to be what was written."""
    three_chains(tmp_path)
    report = verify_log(open_store(tmp_path))

    assert (report.ok, report.rows, report.erased, len(report.heads)) == (True, 10, 1, 3)


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
    "decision slipped in": (
        [
            "CREATE TEMP TABLE copy AS SELECT * FROM decisions WHERE id = 'd2'",
            "UPDATE copy SET id = 'd8', sequence = 8",
            "INSERT INTO decisions SELECT * FROM copy",
        ],
        "in no chain",
    ),
}


@pytest.mark.parametrize("kind", TAMPERED)
def test_what_was_changed_is_found(tmp_path: Path, kind: str) -> None:
    """Whoever holds the file cannot change, move, remove or add a decision unseen."""
    three_chains(tmp_path)
    statements, word = TAMPERED[kind]
    run_sql(tmp_path, *statements)
    report = verify_log(open_store(tmp_path))

    assert any(word in str(found) for found in report.breaks), report.breaks


def forged(folder: Path, *, rehashed: int) -> None:
    """Let d2 say another thing, its columns, salt and digest all fitting, and the hashes of so many rows anew."""
    store, lie = open_store(folder), a_record(2, body={"ruling": "allow", "number": 22})
    payload, salt = lie.payload(), b"s" * 16
    chain = chain_of(folder, "d2")
    with store.transaction() as transaction:
        execute = transaction.connection.core.exec_driver_sql
        execute("UPDATE decisions SET payload = ?, salt = ? WHERE id = 'd2'", (payload, salt))
        digest = sha256(salt + payload.encode())
        execute("UPDATE chain_rows SET digest = ? WHERE subject = 'd2'", (digest,))
        wanted = "SELECT kind, subject, digest, version, body, hash FROM chain_rows WHERE chain = ? ORDER BY sequence"
        rows = execute(wanted, (chain,))
        tip = empty_chain(chain)
        for number, (*link, hash) in enumerate(rows.fetchall()):
            tip = replace(next_tip(tip, Link(*link)), **({} if 2 <= number < 2 + rehashed else {"hash": hash}))
            execute("UPDATE chain_rows SET hash = ? WHERE chain = ? AND sequence = ?", (tip.hash, chain, number))


@pytest.mark.parametrize(
    ("rehashed", "sequence", "reason"),
    [(0, 2, "its hash"), (1, 3, "its hash"), (2, 3, "another chain recorded this row")],
    ids=["its own hash left", "the next row left", "the whole chain forged"],
)
def test_a_forger_must_rewrite_everything_after(tmp_path: Path, rehashed: int, sequence: int, reason: str) -> None:
    """A decision forged to fit is betrayed by the next row, or in the end by the chain that holds this one's head."""
    three_chains(tmp_path)
    forged(tmp_path, rehashed=rehashed)
    report = verify_log(open_store(tmp_path))

    assert [(found.sequence, found.reason.startswith(reason)) for found in report.breaks] == [(sequence, True)]


def test_a_whole_older_chain_cannot_disappear(tmp_path: Path) -> None:
    """A chain that a later one holds is missed even when nothing of it is left."""
    three_chains(tmp_path)
    first = chain_of(tmp_path, "d1")
    run_sql(tmp_path, *(f"DELETE FROM {table} WHERE chain = '{first}'" for table in ("decisions", "chain_rows")))
    report = verify_log(open_store(tmp_path))

    assert [(found.chain, found.sequence) for found in report.breaks] == [(first, 3)]


def test_an_altered_log_still_takes_decisions(tmp_path: Path) -> None:
    """What somebody did to the past does not stop the present from being recorded, nor hide what was done."""
    three_chains(tmp_path)
    run_sql(tmp_path, "UPDATE chain_rows SET body = 'nonsense' WHERE kind = 'start'")
    store = open_store(tmp_path)
    record_decisions(store, 7)
    with store.reading() as transaction:
        found = transaction.decisions.get("d7")

    assert (found, verify_log(store).ok) == (a_record(7), False)


def test_an_erased_decision_is_gone_but_proved(tmp_path: Path) -> None:
    """Neither the database nor its file holds who it was about, and the chain still verifies."""
    store = open_store(tmp_path)
    record_decisions(store, 1, 3)
    record_decisions(store, 2, identity="erika.mustermann", ruling="step_up", body={"note": "erika.mustermann " * 500})
    erased(store, "d2")
    with store.reading() as transaction:
        found = transaction.decisions.get("d2")
        listed = [(row.id, row.identity, row.erased) for row in transaction.decisions.search(ruling="step_up")]
    report = verify_log(store)
    run_sql(tmp_path, "PRAGMA wal_checkpoint(TRUNCATE)")
    left = b"erika.mustermann" in (tmp_path / FILE).read_bytes()

    assert (found, listed, left, report.ok, report.erased) == (None, [("d2", None, True)], False, True, 1)


@pytest.mark.parametrize("id", ["never-made", "d1"])
def test_there_is_nothing_to_erase_twice(tmp_path: Path, id: str) -> None:
    """An unknown or already erased decision is said to be so, and no second erasure is recorded."""
    store = open_store(tmp_path)
    record_decisions(store, 1)
    erased(store, "d1")
    with pytest.raises(KeyError):
        erased(store, id)

    assert verify_log(store).erased == 1


def test_signals_wait_beside_their_decision(tmp_path: Path) -> None:
    """What is to be sent is kept in the same row, so it is durable with the decision or not at all."""
    record_decisions(open_store(tmp_path), 1, outbox='[{"event":"session-revoked"}]')
    with open_store(tmp_path).reading() as transaction:
        waiting = transaction.connection.core.exec_driver_sql("SELECT outbox FROM decisions").scalar()

    assert waiting == '[{"event":"session-revoked"}]'


def test_times_keep_their_microsecond() -> None:
    """A payload's time is a whole number of microseconds, whatever its zone was."""
    made = a_record(1, at=datetime.fromisoformat("2026-03-02T10:00:00.123457+01:00"))

    assert '"at":1772442000123457' in made.payload()
