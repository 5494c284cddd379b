"""Attacker: whoever can write the database file. Aim: a past that did not happen.

`verify` names the row, or says what it cannot know: a rewritten chain is found by an anchor only, and histories by
comparing them with their events.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support.chained_store import full_store
from support.recorded_decisions import FILE, open_store

from features.hashing import sha256
from features.history.population import empty_population
from serving.store.chain.anchors import append_anchor, chain_heads, make_anchor, read_anchors
from serving.store.chain.hash_chain import Link, empty_chain, next_tip
from serving.store.chain.linked_rows import LINKED
from serving.store.chain.signing_key import ensure_signing_key, public_key_of
from serving.store.chain.verify import verify_log
from serving.store.prompts.recount import recount_prompts
from serving.store.rebuild import rebuild_histories
from serving.store.schema import metadata

NOT_COVERED = {
    "findings": "counts shown to people; no ruling reads them",
    "field_presence": "running counts, which change with every request",
    "histories": "compared with the events by --histories",
    "events": "compared with the histories by --histories",
    "populations": "compared with their digests at each use and by --histories; the chains name each in force",
}
"""Tables of which the chains hold nothing."""
FREE_COLUMNS = {"decisions": {"outbox"}, "feedback": {"place"}}
"""Columns that nothing proves: signals still to be sent; the place of a verdict, whose time is in its payload."""
CHAINED = [table for table in metadata.sorted_tables if table.name not in NOT_COVERED]


def found_by(folder: Path, anchors: Path | None = None) -> list[str]:
    """What `verify` names, with anchors or without."""
    store = open_store(folder)
    kept, key = None, None
    if anchors is not None:
        kept, key = read_anchors(anchors), public_key_of(ensure_signing_key(anchors.with_name("signing-key.pem")))
    return [str(each) for each in verify_log(store, anchors=kept, public_key=key).breaks]


def anchored_store(folder: Path) -> Path:
    """A full store, and an anchor of it that is kept elsewhere."""
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    store = full_store(folder)
    append_anchor(
        make_anchor(chain_heads(store), ensure_signing_key(elsewhere / "signing-key.pem")), elsewhere / "anchors"
    )
    return elsewhere / "anchors"


def write(folder: Path, change: Callable[[sqlite3.Connection], object]) -> None:
    """Change the file itself, without foreign keys."""
    with closing(sqlite3.connect(folder / FILE)) as database, database:
        database.row_factory = sqlite3.Row
        change(database)


def rename_chain(folder: Path, table: str) -> None:
    """Give a table's rows another chain."""
    write(folder, lambda database: database.execute(f"UPDATE {table} SET chain = 'ff' || chain"))


def another(value: Any) -> Any:
    """Another value of the same type."""
    if isinstance(value, int):
        return value + 1
    if isinstance(value, bytes):
        return value + b"x"
    return "x" if value is None else f"{value}x"


def columns() -> list[tuple[str, str]]:
    """Every column of every table that the chains cover."""
    return [
        (table.name, column.name)
        for table in CHAINED
        for column in table.c
        if column.name not in FREE_COLUMNS.get(table.name, ())
    ]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The file of a full store."""
    folder = tmp_path_factory.mktemp("original")
    full_store(folder).close()
    write(folder, lambda database: database.execute("PRAGMA wal_checkpoint(TRUNCATE)"))
    return (folder / FILE).read_bytes()


def breaks_after(folder: Path, original: bytes, statement: str, values: tuple[Any, ...]) -> list[str] | None:
    """What `verify` names after one change to a copy; None when the schema itself refuses the change."""
    folder.mkdir()
    (folder / FILE).write_bytes(original)
    try:
        write(folder, lambda database: database.execute(statement, values))
    except sqlite3.IntegrityError:
        return None
    return found_by(folder)


def rows_of(original: bytes, folder: Path, table: str, column: str = "rowid") -> list[tuple[int, Any]]:
    """The rows of a table: their rowid and a column."""
    (folder / FILE).write_bytes(original)
    with closing(sqlite3.connect(folder / FILE)) as database:
        return database.execute(f"SELECT rowid, {column} FROM {table}").fetchall()


@pytest.mark.parametrize(("table", "column"), columns())
def test_a_changed_column_is_found(tmp_path: Path, original: bytes, table: str, column: str) -> None:
    """Whichever column of whichever row is changed, emptied, or filled with what is no text and no number."""
    rows = rows_of(original, tmp_path, table, column)
    forgeries = [
        (rowid, forged)
        for rowid, value in rows
        for forged in dict.fromkeys((another(value), None, b"\xff"))
        if forged != value
    ]
    update = f"UPDATE {table} SET {column} = ? WHERE rowid = ?"
    found = [
        breaks_after(tmp_path / str(number), original, update, (forged, rowid))
        for number, (rowid, forged) in enumerate(forgeries)
    ]

    assert any(found)
    assert [forgery for forgery, breaks in zip(forgeries, found, strict=True) if breaks == []] == []


@pytest.mark.parametrize("table", [table.name for table in CHAINED])
def test_a_removed_row_is_found(tmp_path: Path, original: bytes, table: str) -> None:
    """Each row of the table, one at a time."""
    rows = rows_of(original, tmp_path, table)
    delete = f"DELETE FROM {table} WHERE rowid = ?"
    found = [breaks_after(tmp_path / str(rowid), original, delete, (rowid,)) for rowid, _ in rows]

    assert found
    assert all(found)


@pytest.mark.parametrize("table", [table.name for table in CHAINED if table.name != "chain_rows"])
def test_an_added_row_is_found(tmp_path: Path, table: str) -> None:
    """A copy of a row under another key."""
    full_store(tmp_path)

    def insert(database: sqlite3.Connection) -> None:
        row = dict(database.execute(f"SELECT * FROM {table}").fetchone())
        key = list(metadata.tables[table].primary_key)[-1].name
        row[key] = another(row[key]) if not isinstance(row[key], int) else row[key] + 1000
        if table in ("decisions", "feedback"):
            row["sequence"] += 1000
        marks = ", ".join("?" * len(row))
        database.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", tuple(row.values()))

    write(tmp_path, insert)

    assert found_by(tmp_path)


def truncate(folder: Path, kept: int) -> None:
    """Cut the chain off after so many rows, and remove from the tables what the rows say that are gone."""

    def cut(database: sqlite3.Connection) -> None:
        gone = database.execute("SELECT * FROM chain_rows WHERE sequence >= ?", (kept,)).fetchall()
        database.execute("DELETE FROM chain_rows WHERE sequence >= ?", (kept,))
        database.execute("DELETE FROM feedback WHERE sequence >= ?", (kept,))
        database.execute("DELETE FROM decisions WHERE sequence >= ?", (kept,))
        database.execute("DELETE FROM challenges WHERE decision_id NOT IN (SELECT id FROM decisions)")
        for row in gone:
            _undo(database, row)

    write(folder, cut)
    recount_prompts(open_store(folder), write=True)


def _undo(database: sqlite3.Connection, row: sqlite3.Row) -> None:
    if row["kind"] in ("revocation", "revocation_lifted"):
        database.execute("DELETE FROM revocations WHERE place = ?", (row["subject"],))
    elif row["kind"] == "step_up":
        database.execute("DELETE FROM step_ups WHERE place = ?", (row["subject"],))
    elif row["kind"] == "session_renewal":
        database.execute("UPDATE sessions SET valid_until = 1772442060000000")
    elif row["kind"] == "identity_type" and row["version"] == 3:
        database.execute("UPDATE identity_types SET fixed = NULL, fixed_by = NULL, declared = 'human'")
    elif row["kind"] == "identity_type":
        database.execute("DELETE FROM identity_types")
    elif row["kind"] == "claim_place":
        database.execute("DELETE FROM claim_places WHERE place = ?", (row["subject"],))
    elif row["kind"] == "seen_value":
        database.execute("DELETE FROM seen_values")
    elif row["kind"] == "key":
        database.execute("DELETE FROM keys WHERE id = ?", (row["subject"],))
    elif row["kind"] == "key_revoked":
        database.execute("UPDATE keys SET revoked_at = NULL WHERE id = ?", (row["subject"],))
    elif row["kind"] == "decision":
        database.execute("DELETE FROM sessions WHERE ? = 'd1'", (row["subject"],))


@pytest.mark.parametrize("kept", range(1, 20))
def test_a_cut_off_end_is_found_with_an_anchor_only(tmp_path: Path, kept: int) -> None:
    """Without one the rest is a log like any other; the output says so."""
    anchors = anchored_store(tmp_path)
    truncate(tmp_path, kept)

    assert found_by(tmp_path) == []
    assert any("is missing" in each for each in found_by(tmp_path, anchors))


def rehash(folder: Path, forge: Callable[[sqlite3.Connection], None]) -> None:
    """Forge something, then compute every digest and every hash anew, as somebody who knows the code would."""

    def rewrite(database: sqlite3.Connection) -> None:
        forge(database)
        digests = {}
        for table, subject in (("decisions", "id"), ("feedback", "decision_id")):
            for row in database.execute(f"SELECT * FROM {table} WHERE payload IS NOT NULL"):
                digests[table.removesuffix("s"), row[subject]] = sha256(row["salt"] + row["payload"].encode())
        for linked in LINKED:
            for row in map(dict, database.execute(f"SELECT * FROM {linked.table.name}").fetchall()):
                if linked.applies(row):
                    digests[linked.kind, linked.subject_of(row)] = linked.digest_of(row)
        tip = None
        for row in database.execute("SELECT * FROM chain_rows ORDER BY chain, sequence").fetchall():
            tip = empty_chain(row["chain"]) if row["sequence"] == 0 or tip is None else tip
            digest = sha256(row["body"].encode()) if row["body"] else digests[row["kind"], row["subject"]]
            latest = row["kind"] != "identity_type" or row["version"] == 3
            link = Link(row["kind"], row["subject"], digest if latest else row["digest"], row["version"], row["body"])
            tip = next_tip(tip, link)
            database.execute(
                "UPDATE chain_rows SET digest = ?, hash = ? WHERE chain = ? AND sequence = ?",
                (link.digest, tip.hash, tip.chain, tip.sequence),
            )

    write(folder, rewrite)


FORGERIES = {
    "decisions": 'UPDATE decisions SET payload = replace(payload, \'"ruling":"deny"\', \'"ruling":"allow"\'), '
    "ruling = 'allow', session = session WHERE id = 'd3'",
    "feedback": "UPDATE feedback SET payload = replace(payload, 'owner', 'intruder')",
    "revocations": "UPDATE revocations SET reason = 'a mistake' WHERE place = 3",
    "step_ups": "UPDATE step_ups SET expires_at = 4102444800000000",
    "keys": "UPDATE keys SET scopes = 'score assure admin'",
    "identity_types": "UPDATE identity_types SET fixed = 'human'",
    "sessions": "UPDATE sessions SET valid_until = 4102444800000000",
    "chain_rows": "UPDATE chain_rows SET body = replace(body, 'second', 'forged') WHERE kind = 'policy'",
}


@pytest.mark.parametrize("table", FORGERIES)
def test_a_rehashed_database_is_found_with_an_anchor_only(tmp_path: Path, table: str) -> None:
    """Everything fits together again, but the rows have other hashes than the anchor holds."""
    anchors = anchored_store(tmp_path)

    def forge(database: sqlite3.Connection) -> None:
        assert database.execute(FORGERIES[table]).rowcount >= 1
        if table == "sessions":
            body = "UPDATE chain_rows SET body = '{\"valid_until\": 4102444800000000}' WHERE kind = 'session_renewal'"
            database.execute(body)

    rehash(tmp_path, forge)

    assert found_by(tmp_path) == []
    assert any("another hash" in each for each in found_by(tmp_path, anchors))


BODIES = ("[]", "{}", "5", "null", "x", '{"rows": 5}', '{"rows": {"keys": 5}, "valid_until": 5}', '{"rows": ["keys"]}')


@pytest.mark.parametrize(
    "body", [*BODIES, '{"session_ends": 5, "migration": 5}', '{"valid_until": [[]]}', '{"heads": 5}']
)
@pytest.mark.parametrize("kind", ["start", "policy", "session_renewal", "erasure"])
def test_no_body_stops_verify(tmp_path: Path, original: bytes, kind: str, body: str) -> None:
    """Whatever somebody writes into a row of a chain is named, and the rest is read."""
    (tmp_path / FILE).write_bytes(original)
    sets = "kind = 'erasure', body = ?" if kind == "erasure" else "body = ?"
    where = "policy" if kind == "erasure" else kind
    write(tmp_path, lambda database: database.execute(f"UPDATE chain_rows SET {sets} WHERE kind = '{where}'", (body,)))

    assert any("its body is not what was recorded" in each for each in found_by(tmp_path))


def test_a_whole_chain_that_is_replaced_is_found_with_an_anchor(tmp_path: Path) -> None:
    """Also under another name: the row that the anchor names is missing."""
    anchors = anchored_store(tmp_path)
    for table in ("chain_rows", "decisions", "feedback"):
        rename_chain(tmp_path, table)
    rehash(tmp_path, lambda database: None)

    assert any("is missing" in each for each in found_by(tmp_path, anchors))


def test_an_anchor_signed_by_another_key_is_said(tmp_path: Path) -> None:
    """Whoever rewrites the database may sign an anchor, but not with the key whose public part is noted elsewhere."""
    anchors = anchored_store(tmp_path)
    forged = make_anchor(chain_heads(open_store(tmp_path)), ensure_signing_key(tmp_path / "own-key.pem"))
    append_anchor(forged, anchors)

    assert ["signed by another key" in each for each in found_by(tmp_path, anchors)] == [True]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (r'"rows": \d+', '"rows": 1', "signature"),
        ('"heads"', '"hea', "not an anchor"),
        (r'"sequence": \d+', '"sequence": 1', "signature"),
    ],
)
def test_an_altered_anchor_is_said(tmp_path: Path, old: str, new: str, reason: str) -> None:
    """An anchor counts only as it was signed."""
    anchors = anchored_store(tmp_path)
    altered, times = re.subn(old, new, anchors.read_text())
    assert times == 1
    anchors.write_text(altered)

    assert any(reason in each for each in found_by(tmp_path, anchors))


def test_an_untouched_database_fits_its_anchors(tmp_path: Path) -> None:
    """Also once more was recorded, by this process or by another."""
    anchors = anchored_store(tmp_path)
    for number in (7, 8):
        store = open_store(tmp_path)
        with store.transaction() as tx:
            tx.chain.put_in_force({"policy": f"sha256:{number}"})
        append_anchor(
            make_anchor(chain_heads(store), ensure_signing_key(anchors.with_name("signing-key.pem"))), anchors
        )

    assert found_by(tmp_path, anchors) == []


HISTORY_FORGERIES = {
    "histories": "UPDATE histories SET record = zeroblob(length(record)) WHERE kind = 'identity'",
    "histories removed": "DELETE FROM histories WHERE identity = 'bob'",
    "events": "UPDATE events SET outcome = 4 WHERE identity = 'ada'",
    "events removed": "DELETE FROM events WHERE identity = 'ada'",
    "events added": "INSERT INTO events (space, identity, version, outcome, source, body) "
    "SELECT space, identity, 2, outcome, source, body FROM events WHERE identity = 'ada'",
}


@pytest.mark.parametrize("forgery", HISTORY_FORGERIES)
def test_a_history_is_compared_with_its_events(tmp_path: Path, forgery: str) -> None:
    """No chain holds them; --histories finds what is changed on one side."""
    store = full_store(tmp_path)
    assert rebuild_histories(store, empty_population(), write=False) == ()
    write(tmp_path, lambda database: database.execute(HISTORY_FORGERIES[forgery]))

    assert found_by(tmp_path) == []
    assert rebuild_histories(open_store(tmp_path), empty_population(), write=False) != ()


def test_every_table_is_covered_or_said_not_to_be() -> None:
    """A new table has a place in one of the two lists, and a row in the full store."""
    covered = {linked.table.name for linked in LINKED} | {
        "chain_rows",
        "decisions",
        "feedback",
        "challenges",
        "prompt_counts",
        "sessions",
    }

    assert covered | NOT_COVERED.keys() == metadata.tables.keys()
