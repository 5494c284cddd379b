"""Rows that are older than their links: the migration links them as it finds them, and `verify` counts them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import alembic.command
import alembic.config
import pytest
from support.recorded_decisions import FILE, open_store, run_sql

from serving.store.chain.verify import VerifyReport, verify_log
from serving.store.store import MIGRATIONS, Store

EARLIER = (
    "INSERT INTO revocations (space, identity, session, at, by, reason) VALUES ('live', 'Ada', 's1', 1, 'soc', 'lost')",
    "INSERT INTO step_ups (space, identity, session, version, decision_id, result, at) "
    "VALUES ('live', 'ada', 's1', 1, 'd1', 'failed', 1)",
    "INSERT INTO sessions VALUES ('live', 'ada', 's1', 90)",
    "INSERT INTO keys VALUES ('k1', 'gateway', 'digest', 'score', 1, NULL)",
    "INSERT INTO keys VALUES ('k2', 'gone', 'digest', 'score', 1, 2)",
)
"""What a database of 0.2 holds without links: a revocation, a step-up, a session that a proof extended, two keys."""


def upgraded(folder: Path) -> VerifyReport:
    """The report on a database of 0.2 once it was upgraded."""
    store = Store(f"sqlite:///{folder / FILE}")
    config = alembic.config.Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with store.database.begin(write=True) as connection:
        config.attributes["connection"] = connection.core
        alembic.command.upgrade(config, "0002")
    run_sql(folder, *EARLIER)
    store.migrate()
    return verify_log(store)


def test_earlier_rows_are_linked_and_counted(tmp_path: Path) -> None:
    """Each has a link, in a chain whose first row names the migration; a second start adds none."""
    report = upgraded(tmp_path)
    again = verify_log(open_store(tmp_path))

    assert report.breaks == ()
    assert (report.earlier, report.rows) == (5, 6)
    assert (again.earlier, again.rows) == (5, 6)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE revocations SET session = 's2'",
        "DELETE FROM step_ups",
        "UPDATE sessions SET valid_until = 91",
        "UPDATE keys SET revoked_at = NULL WHERE id = 'k2'",
        "INSERT INTO keys VALUES ('k3', 'mine', 'digest', 'admin', 1, NULL)",
        "INSERT INTO revocations (space, identity, at, by, reason, lifts) VALUES ('live', 'Ada', 2, 'x', 'y', 1)",
    ],
)
def test_a_change_since_the_upgrade_is_found(tmp_path: Path, statement: str) -> None:
    """As of any other row; starting the service again does not make it good."""
    upgraded(tmp_path)
    run_sql(tmp_path, statement)

    assert len(verify_log(open_store(tmp_path)).breaks) == 1


def test_a_new_database_has_no_earlier_rows(tmp_path: Path) -> None:
    """Its chains begin with the first thing that is recorded."""
    open_store(tmp_path)
    with closing(sqlite3.connect(tmp_path / FILE)) as database:
        rows = database.execute("SELECT count(*) FROM chain_rows").fetchone()[0]

    assert rows == 0


def test_identities_of_earlier_releases_came_first_in_their_spelling(tmp_path: Path) -> None:
    """One that has a history and never declared a type is found by it as well; each has its link."""
    store = Store(f"sqlite:///{tmp_path / FILE}")
    config = alembic.config.Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with store.database.begin(write=True) as connection:
        config.attributes["connection"] = connection.core
        alembic.command.upgrade(config, "0005")
    run_sql(tmp_path, "INSERT INTO histories VALUES ('live', 'Ada', 'identity', '', 1, 'layout', x'00')")
    store.migrate()
    with store.transaction() as tx:
        found = [tx.identity_types.known_spelling("live", each) for each in ("Ada", "ADA", "ada", "eve")]
        tx.identity_types.declare("live", "Ada", "human", fixing=None)

    assert found == ["Ada", "Ada", "Ada", "eve"]
    assert verify_log(store).breaks == ()
