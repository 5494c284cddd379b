"""Bearer keys: who may call, and for what. Only a digest of each secret is kept."""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import bindparam

from features.hashing import sha256
from serving.store.database import Connection, Statement, inserting
from serving.store.schema import keys
from serving.store.store import Store
from serving.times import microseconds, now, time_of

SCOPES = ("score", "events", "assure", "investigate", "admin")
"""What a key may be good for: asking, shipping logs, asserting proof, reading decisions, and all the rest."""


@dataclass(frozen=True)
class Caller:
    """Who calls, and what for."""

    id: str
    scopes: frozenset[str]


@dataclass(frozen=True)
class Key:
    """A key as it is listed: never its secret."""

    id: str
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    revoked_at: datetime | None


_INSERT = inserting(keys)
_FIND = Statement(
    sa.select(keys.c.digest, keys.c.scopes, keys.c.revoked_at).where(keys.c.id == bindparam("id")),
)
_LIST = Statement(sa.select(keys).order_by(keys.c.created_at, keys.c.id))
_REVOKE = Statement(
    sa.update(keys).where(keys.c.id == bindparam("of_id"), keys.c.revoked_at.is_(None)), ("revoked_at",)
)


def create_key(store: Store, name: str, scopes: Iterable[str]) -> str:
    """Make a key and return it: `id.secret`, which nobody can read again. Raises ValueError for an unknown scope."""
    wanted = sorted(set(scopes), key=[*SCOPES, *scopes].index)
    if unknown := [scope for scope in wanted if scope not in SCOPES]:
        raise ValueError(f"no such scope: {', '.join(unknown)}; there are {', '.join(SCOPES)}")
    id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
    made = {"id": id, "name": name, "digest": sha256(secret.encode()), "scopes": " ".join(wanted)}
    with store.transaction() as transaction:
        transaction.connection.change(_INSERT, **made, created_at=microseconds(now()), revoked_at=None)
    return f"{id}.{secret}"


def list_keys(store: Store) -> tuple[Key, ...]:
    """Every key there ever was, oldest first."""
    with store.reading() as transaction:
        rows = transaction.connection.rows(_LIST)
    return tuple(
        Key(id, name, tuple(scopes.split()), time_of(created), None if revoked is None else time_of(revoked))
        for id, name, _, scopes, created, revoked in rows
    )


def revoke_key(store: Store, id: str) -> bool:
    """Make a key worthless from now on; False when there is none or it is so already."""
    with store.transaction() as transaction:
        return transaction.connection.change(_REVOKE, of_id=id, revoked_at=microseconds(now())) == 1


def authenticate(store: Store, header: str | None) -> Caller | None:
    """Who an `Authorization` header speaks for, or None. Raises StoreUnavailable."""
    scheme, _, key = (header or "").partition(" ")
    id, _, secret = key.strip().partition(".")
    if scheme.lower() != "bearer" or not secret:
        return None
    with store.reading() as transaction:
        return _caller(transaction.connection, id, secret)


def _caller(connection: Connection, id: str, secret: str) -> Caller | None:
    found = connection.first(_FIND, id=id)
    digest, scopes, revoked_at = found or ("", "", None)
    matches = hmac.compare_digest(digest, sha256(secret.encode()))
    return Caller(id, frozenset(scopes.split())) if matches and revoked_at is None else None


def ensure_keys(store: Store, home: Path) -> Path:
    """Make the key file of a first start: one key of every scope, readable by its owner only. Returns its path.

    A file whose key this database knows is left as it is, revoked or not.
    """
    path = home / "key"
    known = {key.id for key in list_keys(store)}
    if not path.exists() or path.read_text().partition(".")[0] not in known:
        _write_private(path, create_key(store, "made at first start", SCOPES) + "\n")
    return path


def _write_private(path: Path, text: str) -> None:
    """Write a file that nobody else could ever read, not even while it is written."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(text)
    new.replace(path)
