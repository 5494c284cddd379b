"""Keys say who calls and what for; their secrets are kept nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.recorded_decisions import FILE, open_store, run_sql

from serving.errors import StoreUnavailable
from serving.scopes import SCOPES
from serving.store.api_keys import authenticate, create_key, ensure_key_file, list_keys, revoke_key


def test_a_key_speaks_for_its_scopes(tmp_path: Path) -> None:
    """Whoever shows a key is its id, with the scopes it was made for."""
    store = open_store(tmp_path)
    key = create_key(store, "gateway", ["assure", "score"])
    caller = authenticate(store, f"Bearer {key}")

    assert caller and (caller.id, caller.scopes) == (key.split(".")[0], frozenset({"score", "assure"}))


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
def test_anything_else_speaks_for_nobody(tmp_path: Path, header: str | None) -> None:
    """Only a whole key, as a bearer token, is somebody."""
    store = open_store(tmp_path)
    key = create_key(store, "gateway", ["score"])
    id, _, secret = key.partition(".")

    assert authenticate(store, header and header.format(key=key, id=id, secret=secret)) is None


def test_the_secret_is_kept_nowhere(tmp_path: Path) -> None:
    """Neither the listing nor the database file holds what was handed out."""
    store = open_store(tmp_path)
    secret = create_key(store, "gateway", ["score"]).partition(".")[2]
    listed = repr(list_keys(store))
    run_sql(tmp_path, "PRAGMA wal_checkpoint(TRUNCATE)")

    assert (secret in listed, secret.encode() in (tmp_path / FILE).read_bytes()) == (False, False)


def test_a_revoked_key_is_worthless_at_once(tmp_path: Path) -> None:
    """In every process, and revoking it again says that there was nothing to do."""
    store, other = open_store(tmp_path), open_store(tmp_path)
    key = create_key(store, "gateway", ["score"])
    before = authenticate(other, f"Bearer {key}")
    revoked = [revoke_key(store, key.split(".")[0]) for _ in range(2)]

    assert (before is not None, revoked, authenticate(other, f"Bearer {key}")) == (True, [True, False], None)


def test_an_unknown_scope_is_refused(tmp_path: Path) -> None:
    """A key with a scope nobody checks would look stronger than it is."""
    with pytest.raises(ValueError, match="no such scope: root"):
        create_key(open_store(tmp_path), "gateway", ["score", "root"])


def test_the_first_start_makes_one_key_of_every_scope(tmp_path: Path) -> None:
    """The file is its owner's alone, holds one line, and opens everything."""
    store = open_store(tmp_path)
    path = ensure_key_file(store, tmp_path)
    caller = authenticate(store, f"Bearer {path.read_text().strip()}")

    assert caller and (path, path.stat().st_mode & 0o777, caller.scopes) == (tmp_path / "key", 0o600, frozenset(SCOPES))


def test_later_starts_leave_the_key_as_it_is(tmp_path: Path) -> None:
    """Neither a second start nor one after the key was revoked makes another."""
    store = open_store(tmp_path)
    first = ensure_key_file(store, tmp_path).read_text()
    revoke_key(store, first.split(".")[0])
    again = ensure_key_file(open_store(tmp_path), tmp_path).read_text()

    assert (again, len(list_keys(store))) == (first, 1)


@pytest.mark.parametrize("left_over", ["of another database.secret\n", ""])
def test_a_key_of_another_database_is_replaced(tmp_path: Path, left_over: str) -> None:
    """A key file that outlived its database would lock its owner out."""
    (tmp_path / "key").write_text(left_over)
    store = open_store(tmp_path)

    assert authenticate(store, f"Bearer {ensure_key_file(store, tmp_path).read_text().strip()}") is not None


def test_without_a_store_nobody_is_let_in(tmp_path: Path) -> None:
    """A database that fails is an error, never a caller without a name."""
    store = open_store(tmp_path)
    key = create_key(store, "gateway", ["score"])
    store.close()
    for file in tmp_path.glob(f"{FILE}*"):
        file.write_bytes(b"")

    with pytest.raises(StoreUnavailable):
        authenticate(store, f"Bearer {key}")
