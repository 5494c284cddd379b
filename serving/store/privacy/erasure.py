"""Erases rows in small transactions, and records in the hash chain what was erased, when, why and who did it.

The chain holds digests only, salted where a row names an identity: after an erasure it still fits together, and nobody
can tell from it what was erased.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import Any

import sqlalchemy as sa

from features.event.identifiers import comparable_id
from serving.store.chain.hash_chain import ERASURE
from serving.store.chain.linked_rows import IDENTITY_TYPE, SEEN_VALUE
from serving.store.database import Connection
from serving.store.places.tables import claim_places, field_presence
from serving.store.schema import (
    challenges,
    decisions,
    events,
    findings,
    histories,
    identity_types,
    prompt_counts,
    revocations,
    seen_values,
    sessions,
    step_ups,
)
from serving.store.store import Transaction
from serving.times import microseconds, now

CHUNK_SECONDS = 0.01
MOST_ROWS_PER_CHUNK = 20
"""How long one transaction erases, and how much, before it lets other writers in. With the commit, which writes zeros
over what was erased, they wait for less than 50 ms."""

Run = Callable[[Callable[[Transaction], Any]], Any]
"""Does some work in a write transaction."""

NAMING = (
    decisions,
    histories,
    events,
    sessions,
    step_ups,
    challenges,
    prompt_counts,
    findings,
    identity_types,
    field_presence,
    claim_places,
    seen_values,
    revocations,
)
"""The tables whose rows name an identity, in the order they are erased."""


@dataclass(frozen=True)
class Reason:
    """Who erases something, and why."""

    by: str
    reason: str


@dataclass(frozen=True)
class Target:
    """One row to erase, by its primary key. `newest` is the last event of a history whose identity may act meanwhile:
    the history is kept if another event came."""

    table: sa.Table
    key: tuple[Any, ...]
    newest: int | None = None


def spellings(connection: Connection, identity: str) -> tuple[str, ...]:
    """Every stored spelling of an identity, in any table and namespace."""
    wanted = comparable_id(identity)
    stored = {name for table in NAMING for name in connection.core.scalars(sa.select(table.c.identity).distinct())}
    return tuple(sorted(name for name in stored if name is not None and comparable_id(name) == wanted))


def rows_naming(connection: Connection, names: Sequence[str], at: datetime) -> dict[str, list[Target]]:
    """What would be erased of an identity, by table. Revocations that still deny something are not among it."""
    targets = {table.name: list(_targets(connection, table, table.c.identity.in_(names))) for table in NAMING}
    if kept_revocations(connection, names, at):
        targets["revocations"] = []
    return targets


def kept_revocations(connection: Connection, names: Sequence[str], at: datetime) -> int:
    """How many rows of revocations must stay: without them a revoked identity or session would be let in again."""
    query = sa.select(revocations.c.space).where(revocations.c.identity.in_(names))
    spaces = list(connection.core.scalars(query))
    log = Transaction(connection).revocations
    return len(spaces) if any(log.is_binding(space, name, at) for space in set(spaces) for name in names) else 0


def _targets(connection: Connection, table: sa.Table, condition: Any) -> Iterator[Target]:
    if table is decisions:
        condition &= decisions.c.payload.is_not(None)
    key = list(table.primary_key)
    for row in connection.core.execute(sa.select(*key).where(condition).order_by(*key)):
        yield Target(table, tuple(row))


def erase_rows(
    run: Run, targets: Sequence[Target], why: Reason, progress: Callable[[int, int], None] = lambda done, total: None
) -> dict[str, int]:
    """Erase rows, a chunk in each transaction; returns how many were erased of each table."""
    pending, erased, total = deque(targets), dict[str, int](), len(targets)
    while pending:
        for name, count in run(lambda tx: erase_chunk(tx, pending, why)).items():
            erased[name] = erased.get(name, 0) + count
        progress(total - len(pending), total)
    return erased


def erase_chunk(tx: Transaction, pending: deque[Target], why: Reason) -> dict[str, int]:
    """Erase the first of the pending rows for `CHUNK_SECONDS` at most, and record it; returns how many of each table.

    A transaction that fails erases nothing, and what it took from `pending` is then still to be done by another call.
    """
    until = perf_counter() + CHUNK_SECONDS
    taken = _Erasing(tx)
    for _ in range(min(MOST_ROWS_PER_CHUNK, len(pending))):
        if taken.counts and perf_counter() > until:
            break
        taken.erase(pending.popleft())
    taken.record(why)
    return taken.counts


class _Erasing:
    """The erasures of one transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self.counts: dict[str, int] = {}
        self._rows: dict[str, list[str]] = {}
        """The rows that have links, by table."""
        self._valid_until: list[int] = []

    def erase(self, target: Target) -> None:
        """Erase one row, if it is still there."""
        table, core = target.table, self._tx.connection.core
        if table is decisions:
            self._erase_decision(str(target.key[0]))
            return
        if target.newest is not None and self._has_newer_events(target):
            return
        same = sa.and_(*(column == value for column, value in zip(table.primary_key, target.key, strict=True)))
        linked = self._link_subject(table, target, same)
        if core.execute(sa.delete(table).where(same)).rowcount:
            self._count(table.name, linked)

    def record(self, why: Reason) -> None:
        """Write the link that says what was erased; a chunk that erased nothing has none."""
        if not self.counts:
            return
        subject = next((ids[0] for ids in self._rows.values() if ids), "rows")
        about: Mapping[str, Any] = {"at": microseconds(now()), "by": why.by, "reason": why.reason}
        what = {"rows": self._rows, "counts": self.counts, "valid_until": self._valid_until}
        self._tx.chain.append_body(ERASURE, subject, {**about, **what})

    def _erase_decision(self, id: str) -> None:
        try:
            ends, places = self._tx.decisions.remove_content(id)
        except KeyError:
            return
        self._valid_until += ends
        self._count("decisions", id)
        for place in places:
            self._count("step_ups", str(place))

    def _has_newer_events(self, target: Target) -> bool:
        space, identity = self._identity_of(target)
        newest = sa.select(sa.func.max(events.c.place)).where(events.c.space == space, events.c.identity == identity)
        return bool((self._tx.connection.core.scalar(newest) or 0) > (target.newest or 0))

    def _identity_of(self, target: Target) -> tuple[str, str]:
        if target.table is not events:
            return target.key[0], target.key[1]
        of_event = sa.select(events.c.space, events.c.identity).where(events.c.place == target.key[0])
        row = self._tx.connection.core.execute(of_event).first()
        return (row.space, row.identity) if row else ("", "")

    def _link_subject(self, table: sa.Table, target: Target, same: Any) -> str | None:
        """What the row's link names it by; None in tables without links."""
        if table in (step_ups, revocations, claim_places):
            return str(target.key[0])
        if table in (identity_types, seen_values):
            row = self._tx.connection.core.execute(sa.select(table).where(same)).mappings().first()
            linked = IDENTITY_TYPE if table is identity_types else SEEN_VALUE
            return linked.subject_of(row) if row else None
        return None

    def _count(self, table: str, linked: str | None) -> None:
        self.counts[table] = self.counts.get(table, 0) + 1
        if linked is not None:
            self._rows.setdefault(table, []).append(linked)
