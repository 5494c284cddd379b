"""API keys of callers, and the scopes each key has. Only a digest of each secret is stored."""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam

from features.hashing import sha256
from serving.scopes import SCOPES
from serving.store.chain.linked_rows import KEY, KEY_REVOKED
from serving.store.database import Connection, Statement, insert_into
from serving.store.schema import keys
from serving.store.store import Store
from serving.times import microseconds, now, time_of


@dataclass(frozen=True)
class Caller:
    """The caller of a request: the key's id and its scopes."""

    id: str
    scopes: frozenset[str]


@dataclass(frozen=True)
class Key:
    """A key without its secret."""

    id: str
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    revoked_at: datetime | None


_INSERT = insert_into(keys)
_FIND = Statement(sa.select(keys.c.digest, keys.c.scopes, keys.c.revoked_at).where(keys.c.id == bindparam("id")))
_LIST = Statement(sa.select(keys).order_by(keys.c.created_at, keys.c.id))
_REVOKE = Statement(
    sa.update(keys).where(keys.c.id == bindparam("of_id"), keys.c.revoked_at.is_(None)), ("revoked_at",)
)


def create_key(store: Store, name: str, scopes: Iterable[str]) -> str:
    """Create a key and return it as `id.secret`; its secret cannot be read again.

    Raises ValueError for an unknown scope.
    """
    granted = sorted(set(scopes), key=[*SCOPES, *scopes].index)
    if unknown := [scope for scope in granted if scope not in SCOPES]:
        raise ValueError(f"no such scope: {', '.join(unknown)}; choose from {', '.join(SCOPES)}")
    id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
    row: dict[str, Any] = {"id": id, "name": name, "digest": sha256(secret.encode()), "scopes": " ".join(granted)}
    with store.transaction() as transaction:
        row |= {"created_at": microseconds(now()), "revoked_at": None}
        transaction.connection.change(_INSERT, **row)
        transaction.chain.append(KEY.link_of(row))
    return f"{id}.{secret}"


def list_keys(store: Store) -> tuple[Key, ...]:
    """Every key ever created, oldest first."""
    with store.reading() as transaction:
        rows = transaction.connection.rows(_LIST)
    return tuple(
        Key(id, name, tuple(scopes.split()), time_of(created), None if revoked is None else time_of(revoked))
        for id, name, _, scopes, created, revoked in rows
    )


def revoke_key(store: Store, id: str) -> bool:
    """Revoke a key; False when there is no such key or it is revoked already."""
    with store.transaction() as transaction:
        revoked = {"id": id, "revoked_at": microseconds(now())}
        if transaction.connection.change(_REVOKE, of_id=id, revoked_at=revoked["revoked_at"]) != 1:
            return False
        transaction.chain.append(KEY_REVOKED.link_of(revoked))
        return True


def authenticate(store: Store, header: str | None) -> Caller | None:
    """The caller an `Authorization` header identifies; None when its key is unknown or revoked.

    Raises StoreUnavailable.
    """
    scheme, _, key = (header or "").partition(" ")
    id, _, secret = key.strip().partition(".")
    if scheme.lower() != "bearer" or not secret:
        return None
    with store.reading() as transaction:
        return _caller(transaction.connection, id, secret)


def active_caller(store: Store, id: str) -> Caller | None:
    """The caller a key stands for, by the key's id; None when it is unknown or revoked. Raises StoreUnavailable."""
    with store.reading() as transaction:
        row = transaction.connection.first(_FIND, id=id)
    return Caller(id, frozenset(row[1].split())) if row and row[2] is None else None


def _caller(connection: Connection, id: str, secret: str) -> Caller | None:
    digest, scopes, revoked_at = connection.first(_FIND, id=id) or ("", "", None)
    matches = hmac.compare_digest(digest, sha256(secret.encode()))
    return Caller(id, frozenset(scopes.split())) if matches and revoked_at is None else None


def ensure_key_file(store: Store, home: Path) -> Path:
    """Create the key file of a first start, and return its path: one key of every scope, readable by the owner only.

    A file whose key this database knows is kept, even if the key is revoked.
    """
    path = home / "key"
    known = {key.id for key in list_keys(store)}
    if not path.exists() or path.read_text().partition(".")[0] not in known:
        _write_private(path, create_key(store, "made at first start", SCOPES) + "\n")
    return path


def _write_private(path: Path, text: str) -> None:
    """Write a file that no other user can read at any moment."""
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(text)
    temporary.replace(path)
