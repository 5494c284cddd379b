"""API keys identify callers and their scopes; their secrets are not stored."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.recorded_decisions import FILE, open_store, run_sql

from serving.errors import StoreUnavailable
from serving.scopes import SCOPES
from serving.store.api_keys import authenticate, create_key, ensure_key_file, list_keys, revoke_key


def test_a_key_identifies_its_caller_and_scopes(tmp_path: Path) -> None:
    """The caller has the id of the key and the scopes it was created with."""
    store = open_store(tmp_path)
    key = create_key(store, "gateway", ["assure", "score"])
    caller = authenticate(store, f"Bearer {key}")

    assert caller is not None
    assert caller.id == key.split(".")[0]
    assert caller.scopes == {"score", "assure"}


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer .",
        "Basic {key}",
        "{key}",
        "Bearer {id}",
        "Bearer {id}.",
        "Bearer {key}x",
        "Bearer {id}.wrong",
        "Bearer nobody.{secret}",
        "Bearer .{secret}",
        "Bearer {id}.{secret}\x00",
        "Bearer {id}.ü",
    ],
)
def test_any_other_header_identifies_no_caller(tmp_path: Path, header: str | None) -> None:
    """Only a complete key as a bearer token does."""
    store = open_store(tmp_path)
    key = create_key(store, "gateway", ["score"])
    id, _, secret = key.partition(".")

    assert authenticate(store, header and header.format(key=key, id=id, secret=secret)) is None


def test_the_secret_is_not_stored(tmp_path: Path) -> None:
    """Neither the list of keys nor the database file holds it."""
    store = open_store(tmp_path)
    secret = create_key(store, "gateway", ["score"]).partition(".")[2]
    listed = repr(list_keys(store))
    run_sql(tmp_path, "PRAGMA wal_checkpoint(TRUNCATE)")

    assert secret not in listed
    assert secret.encode() not in (tmp_path / FILE).read_bytes()


def test_a_revoked_key_is_refused_at_once(tmp_path: Path) -> None:
    """In every process; revoking it again reports that it was revoked already."""
    store, other = open_store(tmp_path), open_store(tmp_path)
    key = create_key(store, "gateway", ["score"])
    before = authenticate(other, f"Bearer {key}")
    revoked = [revoke_key(store, key.split(".")[0]) for _ in range(2)]

    assert before is not None
    assert revoked == [True, False]
    assert authenticate(other, f"Bearer {key}") is None


def test_an_unknown_scope_is_refused(tmp_path: Path) -> None:
    """A key with a scope that is never checked would look stronger than it is."""
    with pytest.raises(ValueError, match="no such scope: root"):
        create_key(open_store(tmp_path), "gateway", ["score", "root"])


def test_the_first_start_creates_a_key_of_every_scope(tmp_path: Path) -> None:
    """Its file is readable by the owner only."""
    store = open_store(tmp_path)
    path = ensure_key_file(store, tmp_path)
    caller = authenticate(store, f"Bearer {path.read_text().strip()}")

    assert path == tmp_path / "key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert caller is not None
    assert caller.scopes == set(SCOPES)


def test_later_starts_keep_the_key(tmp_path: Path) -> None:
    """Neither a second start nor one after the key was revoked creates another."""
    store = open_store(tmp_path)
    first = ensure_key_file(store, tmp_path).read_text()
    revoke_key(store, first.split(".")[0])
    again = ensure_key_file(open_store(tmp_path), tmp_path).read_text()

    assert again == first
    assert len(list_keys(store)) == 1


@pytest.mark.parametrize("left_over", ["of another database.secret\n", ""])
def test_a_key_of_another_database_is_replaced(tmp_path: Path, left_over: str) -> None:
    """Otherwise a key file left from a deleted database would lock the operator out."""
    (tmp_path / "key").write_text(left_over)
    store = open_store(tmp_path)

    assert authenticate(store, f"Bearer {ensure_key_file(store, tmp_path).read_text().strip()}") is not None


def test_no_caller_is_accepted_without_a_database(tmp_path: Path) -> None:
    """A failing database is an error, never an anonymous caller."""
    store = open_store(tmp_path)
    key = create_key(store, "gateway", ["score"])
    store.close()
    for file in tmp_path.glob(f"{FILE}*"):
        file.write_bytes(b"")

    with pytest.raises(StoreUnavailable):
        authenticate(store, f"Bearer {key}")
