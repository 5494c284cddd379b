"""Rows of tables that have a link of their own in the hash chain: revocations, step-ups, keys, types of identities,
places of claims, values they were seen with.

A link holds the digest of its row and no content of it. Where a row names an identity the digest is salted, and the
salt stands in the row: once the row is erased, nobody can tell from the chain what it said.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from features.event.identifiers import comparable_id
from features.hashing import sha256
from serving.store.chain.hash_chain import ChainWriter, Link
from serving.store.database import Connection, Statement
from serving.store.places.tables import claim_places
from serving.store.schema import identity_types, keys, revocations, seen_values, step_ups

Row = Mapping[Any, Any]


@dataclass(frozen=True, eq=False)
class LinkedRows:
    """Rows of one table that have links of one kind; `covered` are the columns whose content the link proves."""

    kind: str
    table: sa.Table
    covered: tuple[str, ...]
    subject_of: Callable[[Row], str]
    """What the link names its row by; never an identity."""
    applies: Callable[[Row], bool] = lambda row: True
    version_of: Callable[[Row], int] = lambda row: 0
    """Grows with each change of a row that may change; the link of the highest version counts."""

    agrees: Callable[[Row], bool] = lambda row: True
    """Whether the columns that follow from covered ones do, in place of a digest of them."""

    def digest_of(self, row: Row) -> str:
        """The digest of a row. A column that is null or at its default is left out, so that a later version can add
        columns without changing it."""
        said = {
            name: row[name]
            for name in self.covered
            if row.get(name) is not None and row[name] != _default_of(self.table.c[name])
        }
        text = json.dumps([self.table.name, said], ensure_ascii=False, sort_keys=True, default=repr)
        return sha256(bytes_of(row.get("salt") or b"") + text.encode())

    def link_of(self, row: Row) -> Link:
        """The link of a row as it is now."""
        return Link(self.kind, self.subject_of(row), self.digest_of(row), self.version_of(row))


def _default_of(column: sa.Column[Any]) -> Any:
    default = getattr(column.server_default, "arg", None)
    if default is None:
        return None
    return int(default) if isinstance(column.type, sa.Integer) else str(default)


def _all_but(table: sa.Table, *names: str) -> tuple[str, ...]:
    return tuple(column.name for column in table.c if column.name not in names)


def bytes_of(value: str | bytes) -> bytes:
    """The bytes of a column, whichever type somebody has written there."""
    return value if isinstance(value, bytes) else str(value).encode()


def _place(row: Row) -> str:
    return str(row["place"])


def _hidden(row: Row) -> str:
    return sha256(b"subject" + bytes_of(row["salt"] or b""))[:32]


def _changes(row: Row) -> int:
    """How often a row was written; somebody else may have written something else there."""
    return row["changes"] if isinstance(row["changes"], int) else -1


def _declarations(row: Row) -> int:
    """How often the type of an identity was declared or fixed: neither is ever taken back."""
    return len(str(row["declared"]).split()) + (row["fixed"] is not None)


def _is_spelt_so(row: Row) -> bool:
    return isinstance(row["identity"], str) and row["spelling"] == comparable_id(row["identity"])


REVOCATION = LinkedRows("revocation", revocations, _all_but(revocations, "salt"), _place, lambda row: not row["lifts"])
LIFTED = LinkedRows(
    "revocation_lifted", revocations, _all_but(revocations, "salt"), _place, lambda row: bool(row["lifts"])
)
STEP_UP = LinkedRows("step_up", step_ups, _all_but(step_ups, "salt"), _place)
CLAIM_PLACE = LinkedRows("claim_place", claim_places, _all_but(claim_places, "salt"), _place)
KEY = LinkedRows("key", keys, _all_but(keys, "revoked_at"), lambda row: str(row["id"]))
KEY_REVOKED = LinkedRows(
    "key_revoked",
    keys,
    ("id", "revoked_at"),
    lambda row: str(row["id"]),
    lambda row: row["revoked_at"] is not None,
)
IDENTITY_TYPE = LinkedRows(
    "identity_type",
    identity_types,
    _all_but(identity_types, "salt", "spelling"),
    _hidden,
    version_of=_declarations,
    agrees=_is_spelt_so,
)
SEEN_VALUE = LinkedRows("seen_value", seen_values, _all_but(seen_values, "salt"), _hidden, version_of=_changes)
LINKED = (REVOCATION, LIFTED, STEP_UP, KEY, KEY_REVOKED, IDENTITY_TYPE, SEEN_VALUE, CLAIM_PLACE)


def new_salt() -> bytes:
    """The salt of a row that names an identity."""
    return secrets.token_bytes(16)


def insert_placed(table: sa.Table) -> Statement:
    """An INSERT of every column except the autoincremented `place`, which it returns."""
    return Statement(sa.insert(table).inline().returning(table.c.place), _all_but(table, "place"))


def add_placed(
    connection: Connection, chain: ChainWriter, linked: LinkedRows, statement: Statement, values: Row
) -> None:
    """Insert a row with its salt, and its link, in the same transaction."""
    row = {name: values.get(name) for name in statement.columns or ()} | {"salt": new_salt()}
    place = (connection.first(statement, **row) or (0,))[0]
    chain.append(linked.link_of(row | {"place": place}))
