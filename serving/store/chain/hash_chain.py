"""The hash chain: each row's hash covers the row before it, so a change inside a chain is found by `verify`.

Every process writes a chain of its own, so that no writer waits for another. The first row of a chain holds the heads
of the other chains. Whoever can write the whole database can compute every hash anew, or cut off the rows after the
newest recorded head: only anchors (`anchors.py`), signed and kept elsewhere, show that.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from features.hashing import sha256
from serving.store.database import Connection, insert_into
from serving.store.schema import chain_rows
from serving.times import microseconds, now

START, DECISION, ERASURE, FEEDBACK = "start", "decision", "erasure", "feedback"
POLICY, CATALOGUES, POPULATION, SESSION_RENEWAL = "policy", "catalogues", "population", "session_renewal"


@dataclass(frozen=True)
class Tip:
    """The last row of a chain, which the next row's hash covers."""

    chain: str
    sequence: int
    hash: str


@dataclass(frozen=True)
class Link:
    """The content of a row, without its hash and position."""

    kind: str
    subject: str
    digest: str
    version: int = 0
    body: str | None = None


_INSERT = insert_into(chain_rows)


def hash_of(before: Tip, link: Link) -> str:
    """The hash of the row that follows `before`; JSON keeps its parts distinct."""
    parts = [before.hash, before.sequence + 1, link.kind, link.subject, link.digest, link.version]
    return sha256(json.dumps(parts, default=repr).encode())


def empty_chain(chain: str) -> Tip:
    """The tip of a chain without rows."""
    return Tip(chain, -1, "")


def next_tip(before: Tip, link: Link) -> Tip:
    """The tip after a link is added."""
    return replace(before, sequence=before.sequence + 1, hash=hash_of(before, link))


def add(connection: Connection, before: Tip, link: Link) -> Tip:
    """Insert the next row of a chain."""
    tip = next_tip(before, link)
    connection.change(_INSERT, **vars(tip), **vars(link))
    return tip


class ChainWriter:
    """This process's chain within one transaction. A chain begins with its first row."""

    def __init__(self, connection: Connection, tip: Tip | None, in_force: Mapping[str, str] | None = None) -> None:
        self._connection = connection
        self.tip = tip
        self.in_force = dict(in_force or {}) if tip else {}
        """The digest that this chain recorded last, for policy, catalogues and population."""
        self.records = 0
        """How many decisions and verdicts were appended."""

    def append(self, link: Link) -> Tip:
        """Write the next row of the chain; returns the chain's new tip."""
        self.tip = add(self._connection, self.tip or start(self._connection), link)
        return self.tip

    def append_body(self, kind: str, subject: str, body: Mapping[str, Any]) -> Tip:
        """Write a row that holds what it says itself, in its body."""
        text = json.dumps(body, ensure_ascii=False)
        return self.append(Link(kind, subject, sha256(text.encode()), body=text))

    def put_in_force(self, digests: Mapping[str, str | None]) -> None:
        """Record policy, catalogues and population in force from now on, each where it is not the one recorded
        last.

        Called before each decision, so that a decision always follows what it was made by.
        """
        for kind, digest in digests.items():
            if digest is not None and self.in_force.get(kind) != digest:
                self.append_body(kind, digest, {"at": microseconds(now()), "digest": digest})
                self.in_force[kind] = digest


def start(connection: Connection) -> Tip:
    """Begin a chain; its first row holds every head that no earlier first row holds."""
    return add(connection, *first_row(connection.core))


def first_row(core: sa.Connection, **more: Any) -> tuple[Tip, Link]:
    """A new chain and its first row, whose body may say more."""
    recorded = set(recorded_heads(core))
    new = [vars(head) for head in heads(core) if head not in recorded]
    body = json.dumps({"at": microseconds(now()), "heads": new} | more)
    chain = secrets.token_hex(16)
    return empty_chain(chain), Link(START, chain, sha256(body.encode()), body=body)


def heads(core: sa.Connection) -> Iterator[Tip]:
    """The last row of every chain."""
    last = sa.select(chain_rows.c.chain, sa.func.max(chain_rows.c.sequence).label("sequence"))
    ends = last.group_by(chain_rows.c.chain).subquery()
    last_row = (chain_rows.c.chain == ends.c.chain) & (chain_rows.c.sequence == ends.c.sequence)
    for row in core.execute(sa.select(chain_rows).join(ends, last_row)):
        yield Tip(row.chain, row.sequence, row.hash)


def recorded_heads(core: sa.Connection) -> Iterator[Tip]:
    """Every head that a chain's first row holds; a first row that cannot be read holds none."""
    for body in core.scalars(sa.select(chain_rows.c.body).where(chain_rows.c.kind == START)):
        try:
            yield from [Tip(**head) for head in json.loads(body)["heads"]]
        except (TypeError, ValueError, KeyError):
            continue
