"""Recomputes the counts of prompts from the challenges, and compares them with what is stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import sqlalchemy as sa

from serving.store.prompts.counts import CHALLENGES, Count, counts_of
from serving.store.schema import SessionKey, challenges, prompt_counts
from serving.store.store import Store

_ROWS_AT_ONCE = 1_000


class CountDifference(NamedTuple):
    """A count that is not what the challenges give."""

    namespace: str
    identity: str
    counted: Count
    stored: int
    given: int

    def __str__(self) -> str:
        return (
            f"{self.namespace} {self.identity}: {self.counted.counter} of minute {self.counted.minute} stands at "
            f"{self.stored}, and the challenges give {self.given}"
        )


def count_all(connection: sa.Connection) -> None:
    """Count every challenge; nothing may be counted yet."""
    for space, identity in connection.execute(sa.select(challenges.c.space, challenges.c.identity).distinct()).all():
        _write(connection, SessionKey(space, identity), _given(connection, SessionKey(space, identity)))


def differing_counts(connection: sa.Connection) -> Iterator[CountDifference]:
    """Every count that differs, identity by identity."""
    for key in _identities(connection):
        yield from _differences(connection, key)


def recount_prompts(store: Store, *, write: bool) -> tuple[CountDifference, ...]:
    """Recompute the counts of every identity and report each difference; `write` replaces those that differ.

    Each identity is a transaction of its own.
    """
    with store.reading() as transaction:
        identities = _identities(transaction.connection.core)
    differences: list[CountDifference] = []
    for key in identities:
        with store.transaction() if write else store.reading() as transaction:
            core = transaction.connection.core
            differ = list(_differences(core, key))
            differences += differ
            if differ and write:
                core.execute(sa.delete(prompt_counts).where(*_of(prompt_counts, key)))
                _write(core, key, _given(core, key))
    return tuple(differences)


def _identities(connection: sa.Connection) -> list[SessionKey]:
    counted = sa.select(prompt_counts.c.space, prompt_counts.c.identity)
    named = sa.union(sa.select(challenges.c.space, challenges.c.identity), counted)
    return [SessionKey(space, identity) for space, identity in connection.execute(named)]


def _of(table: sa.Table, key: SessionKey) -> tuple[sa.ColumnElement[bool], ...]:
    return table.c.space == key.namespace, table.c.identity == key.identity


def _given(connection: sa.Connection, key: SessionKey) -> Counter[Count]:
    """The counts that the challenges of an identity give."""
    counts: Counter[Count] = Counter()
    for row in connection.execute(CHALLENGES.where(*_of(challenges, key))).mappings():
        if _is_sound(row):
            counts.update(counts_of(row))
    return counts


def _is_sound(row: Mapping[Any, Any]) -> bool:
    """Whether a challenge is of the types that the service writes; `verify` names one that is not."""
    texts = (row["category"], row["resource_type"], row["remedy"], row["asked_by"])
    return isinstance(row["asked_at"], int) and all(isinstance(text, str | None) for text in texts)


def _differences(connection: sa.Connection, key: SessionKey) -> Iterator[CountDifference]:
    columns = (prompt_counts.c.scope, prompt_counts.c.minute, prompt_counts.c.counter, prompt_counts.c.times)
    rows = connection.execute(sa.select(*columns).where(*_of(prompt_counts, key)))
    stored, given = {Count(*count): times for *count, times in rows}, _given(connection, key)
    for count in sorted(stored.keys() | given.keys(), key=str):
        if stored.get(count) != given.get(count):
            yield CountDifference(key.namespace, key.identity, count, stored.get(count, 0), given.get(count, 0))


def _write(connection: sa.Connection, key: SessionKey, counts: Mapping[Count, int]) -> None:
    about = {"space": key.namespace, "identity": key.identity}
    rows = [{**about, **count._asdict(), "times": times} for count, times in counts.items()]
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        connection.execute(sa.insert(prompt_counts), rows[start : start + _ROWS_AT_ONCE])
