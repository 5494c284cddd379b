"""Personal data can be erased, exported and kept no longer than wanted; the hash chains stay valid."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.chained_store import full_store
from support.recorded_decisions import FILE, a_record, after, open_store
from support.stored_events import EVENT

from features import Event
from features.history.population import empty_population, no_population
from serving.engine.stored_history import fold_and_store
from serving.store.chain.verify import verify_log
from serving.store.privacy.erasure import (
    NAMING,
    Reason,
    erase_rows,
    kept_revocations,
    rows_naming,
    spellings,
)
from serving.store.privacy.export import export_decisions, export_identity
from serving.store.privacy.retention import age_of, erase_older
from serving.store.rebuild import rebuild_histories
from serving.store.schema import SessionKey, metadata
from serving.store.store import Store
from serving.times import now

WHY = Reason("privacy office", "request 7")


def in_transaction(store: Store) -> Any:
    """Runs each chunk in a transaction of its own."""

    def run(work: Any) -> Any:
        with store.transaction() as transaction:
            return work(transaction)

    return run


def erase(store: Store, identity: str) -> dict[str, int]:
    with store.reading() as transaction:
        names = spellings(transaction.connection, identity)
        found = rows_naming(transaction.connection, names, now())
    return erase_rows(in_transaction(store), [each for rows in found.values() for each in rows], WHY)


def counts(folder: Path) -> dict[str, int]:
    """How many rows each table has; decisions that were erased are not counted."""
    with closing(sqlite3.connect(folder / FILE)) as database:
        return {
            table: database.execute(
                f"SELECT count(*) FROM {table} WHERE {'payload IS NOT NULL' if table == 'decisions' else 'true'}"
            ).fetchone()[0]
            for table in metadata.tables
        }


def test_every_table_that_names_an_identity_is_erased_and_exported() -> None:
    """A new table with an identity must join the list."""
    assert {table.name for table in metadata.tables.values() if "identity" in table.c} == {t.name for t in NAMING}


@pytest.mark.parametrize("spelling", ["ada", "ADA", " \uff21da "])
def test_an_erased_identity_is_gone_from_the_file(tmp_path: Path, spelling: str) -> None:
    """In any spelling; others stay, both chains and histories verify, and the erasure is recorded with who and why."""
    store = full_store(tmp_path)
    erased = erase(store, spelling)
    report = verify_log(store)
    with closing(sqlite3.connect(tmp_path / FILE)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        dump = "\n".join(database.iterdump())
        bodies = [json.loads(b) for (b,) in database.execute("SELECT body FROM chain_rows WHERE kind = 'erasure'")]

    assert erased == {
        "decisions": 2,
        "step_ups": 1,
        "histories": 3,
        "events": 1,
        "sessions": 1,
        "identity_types": 1,
        "field_presence": 1,
        "claim_places": 1,
        "seen_values": 1,
    }
    assert report.breaks == ()
    assert rebuild_histories(store, empty_population(), write=False) == ()
    assert b'"ada"' not in (tmp_path / FILE).read_bytes()
    assert "'ada'" not in dump
    assert {(body["by"], body["reason"]) for body in bodies} == {("privacy office", "request 7")}
    assert counts(tmp_path)["revocations"] == 3


def test_a_revocation_in_force_outlives_the_erasure(tmp_path: Path) -> None:
    """Without it the identity would be let in again; one that was lifted is erased."""
    store = full_store(tmp_path)
    erase(store, "mallory")
    erase(store, "bob")
    with store.reading() as transaction:
        still_denied = transaction.revocations.denials(SessionKey("live", "mallory"), now()).revocation
        kept = [kept_revocations(transaction.connection, (name,), now()) for name in ("mallory", "bob")]

    assert still_denied is not None
    assert kept == [1, 0]
    assert verify_log(store).ok


def test_an_erasure_that_ends_half_way_verifies_and_goes_on(tmp_path: Path) -> None:
    """Each chunk records what it erased; the next call finds the rest."""
    store = full_store(tmp_path)
    with store.reading() as transaction:
        found = rows_naming(transaction.connection, ("ada",), now())
    targets = [each for rows in found.values() for each in rows]
    for target in targets:
        erase_rows(in_transaction(store), [target], WHY)
        assert verify_log(store).breaks == ()

    assert erase(store, "ada") == {}


def test_one_decision_is_erased_with_what_belongs_to_it(tmp_path: Path) -> None:
    """Its step-up and challenge go too; the end of the session that it gave is still known."""
    store = full_store(tmp_path)
    before = counts(tmp_path)
    with store.transaction() as transaction:
        transaction.decisions.erase("d2", at=now(), by="privacy office", reason="request 8")
    after_it = counts(tmp_path)

    assert {name: before[name] - after_it[name] for name in before if before[name] > after_it[name]} == {
        "decisions": 1,
        "challenges": 1,
        "prompt_counts": 4,
        "step_ups": 1,
        "findings": 1,
    }
    assert verify_log(store).breaks == ()


def test_an_export_holds_every_row_of_an_identity(tmp_path: Path) -> None:
    """With the name of its table, times in ISO 8601, and no salt."""
    store = full_store(tmp_path)
    rows = list(export_identity(store, ("ada",)))
    tables = [row["table"] for row in rows]
    decision = next(row for row in rows if row["table"] == "decisions")

    assert {name: tables.count(name) for name in dict.fromkeys(tables)} == {
        "decisions": 2,
        "histories": 3,
        "events": 1,
        "sessions": 1,
        "step_ups": 1,
        "challenges": 1,
        "prompt_counts": 4,
        "findings": 1,
        "identity_types": 1,
        "field_presence": 1,
        "claim_places": 1,
        "seen_values": 1,
        "feedback": 1,
    }
    assert decision["at"] == after(1).isoformat()
    assert decision["payload"]["body"]["number"] == 1
    assert [row for row in rows if "salt" in row] == []
    assert json.loads(json.dumps(rows)) == rows


@pytest.mark.parametrize(
    ("since", "until", "ids"),
    [(None, None, ["d1", "d2", "d3"]), (2, None, ["d2", "d3"]), (None, 2, ["d1"]), (2, 3, ["d2"]), (9, None, [])],
)
def test_decisions_are_exported_by_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, since: float | None, until: float | None, ids: list[str]
) -> None:
    """From a time on, before another, over any number of pages; an erased one is in its place without content."""
    monkeypatch.setattr("serving.store.privacy.export.PAGE", 1)
    store = full_store(tmp_path)
    erase(store, "bob")
    rows = list(export_decisions(store, after(since) if since else None, after(until) if until else None))

    assert [row["id"] for row in rows] == ids
    assert [row["id"] for row in rows if row["payload"] is None] == [id for id in ids if id == "d3"]


def test_what_is_too_old_is_erased(tmp_path: Path) -> None:
    """Decisions by their time; identities without newer events with their histories; active ones keep theirs."""
    store = full_store(tmp_path)
    late = EVENT.model_dump(mode="json") | {"id": "late", "time": "2027-06-01T00:00:00Z"}
    with store.transaction() as transaction:
        fold_and_store(transaction, "live", Event.model_validate(late), 1, "score", no_population())
        transaction.decisions.append(a_record(4, at=Event.model_validate(late).time))
    at = Event.model_validate(late).time + timedelta(days=1)
    erase_older(store, in_transaction(store), age_of("400d"), at, WHY)
    with store.reading() as transaction:
        stored = [transaction.decisions.get(f"d{number}") is not None for number in (1, 2, 3, 4)]
    left = counts(tmp_path)

    assert stored == [False, False, False, True]
    assert {name: left[name] for name in ("events", "histories", "sessions", "step_ups", "findings")} == {
        "events": 2,
        "histories": 3,
        "sessions": 0,
        "step_ups": 0,
        "findings": 0,
    }
    assert verify_log(store).breaks == ()
    assert rebuild_histories(store, empty_population(), write=False) == ()


def test_an_identity_that_acts_meanwhile_is_kept(tmp_path: Path) -> None:
    """Its history is not erased because it was inactive when the run began."""
    store = full_store(tmp_path)
    acted: list[Any] = []

    def run(work: Any) -> Any:
        with store.transaction() as transaction:
            if not acted:
                event = EVENT.model_dump(mode="json") | {"id": "now", "time": now().isoformat()}
                acted.append(
                    fold_and_store(transaction, "live", Event.model_validate(event), 1, "score", no_population())
                )
            return work(transaction)

    erase_older(store, run, age_of("1d"), now(), WHY)

    assert counts(tmp_path)["events"] == 2
    assert rebuild_histories(store, empty_population(), write=False) == ()


def test_a_run_is_bounded_and_the_next_goes_on(tmp_path: Path) -> None:
    """So many rows at most, decisions first."""
    store = full_store(tmp_path)
    runs = [
        sum(erase_older(store, in_transaction(store), age_of("1d"), now(), WHY, most_rows=2).values())
        for _ in range(30)
    ]

    assert runs[0] in (2, 3)
    assert runs[-1] == 0
    assert verify_log(store).breaks == ()
    assert rebuild_histories(store, empty_population(), write=False) == ()


def test_no_chunk_erases_for_long(tmp_path: Path) -> None:
    """A thousand decisions are erased in many transactions, so that other writers come in between."""
    store = open_store(tmp_path)
    with store.transaction() as transaction:
        for number in range(1_000):
            transaction.decisions.append(a_record(number, body={"note": "x" * 2_000}))
    chunks: list[int] = []

    def run(work: Any) -> Any:
        with store.transaction() as transaction:
            erased = work(transaction)
            chunks.append(erased.get("decisions", 0))
            return erased

    erase_older(store, run, age_of("1d"), now(), WHY)

    assert sum(chunks) == 1_000
    assert len(chunks) >= 50
    assert max(chunks) <= 20
    assert verify_log(store).erased == 1_000


@pytest.mark.parametrize("text", ["400", "0d", "-1d", "d", "1w", "400 d", ""])
def test_an_age_is_a_number_of_days(text: str) -> None:
    """Anything else is refused, with an example."""
    with pytest.raises(ValueError, match="such as 400d"):
        age_of(text)


def test_a_failed_chunk_erases_nothing(tmp_path: Path) -> None:
    """What was erased and its record are one transaction."""
    store = full_store(tmp_path)
    before = counts(tmp_path)

    def run(work: Any) -> Any:
        with store.transaction() as transaction:
            work(transaction)
            raise KeyError("stopped")

    with store.reading() as transaction:
        targets = [each for rows in rows_naming(transaction.connection, ("ada",), now()).values() for each in rows]
    with pytest.raises(KeyError):
        erase_rows(run, targets, WHY)

    assert counts(tmp_path) == before
