"""Exports what is stored: everything about one identity, or the decision log of a range of time, row by row.

The log is read in pages, each in a read transaction of its own: an export of a year holds nothing up.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from serving.store.database import Connection
from serving.store.privacy.erasure import NAMING
from serving.store.schema import decisions, feedback
from serving.store.store import Store
from serving.times import microseconds, time_of

PAGE = 500
_NOT_EXPORTED = {"salt", "outbox"}
_JSON = {"payload", "body", "proof", "made_on", "sessions"}
_TIMES = {"at", "asked_at", "expires_at", "valid_until", "first_at", "last_at", "arrived_at", "folded_at"}


def export_identity(store: Store, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Every row that is stored about an identity, under any of its spellings, with the name of its table."""
    with store.reading() as transaction:
        for table, query in _queries_about(names):
            yield from _rows(transaction.connection, table, query)


def count_of_identity(store: Store, names: Sequence[str]) -> int:
    """How many rows `export_identity` gives."""
    with store.reading() as transaction:
        return sum(_count(transaction.connection, query) for _, query in _queries_about(names))


def _queries_about(names: Sequence[str]) -> Iterator[tuple[sa.Table, sa.Select[Any]]]:
    for table in NAMING:
        yield table, sa.select(table).where(table.c.identity.in_(names))
    verdicts = sa.select(feedback).join(decisions, decisions.c.id == feedback.c.decision_id)
    yield feedback, verdicts.where(decisions.c.identity.in_(names))


def _count(connection: Connection, query: sa.Select[Any]) -> int:
    return connection.core.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0


def export_decisions(store: Store, since: datetime | None, until: datetime | None) -> Iterator[dict[str, Any]]:
    """Every decision, namespace by namespace in the order of time and id; one that was erased has no payload.

    `since` is included, `until` is not.
    """
    with store.reading() as transaction:
        spaces = sorted(transaction.connection.core.scalars(sa.select(decisions.c.space).distinct()))
    for space in spaces:
        yield from _pages(store, [decisions.c.space == space, *_in_range(since, until)])


def count_decisions(store: Store, since: datetime | None, until: datetime | None) -> int:
    """How many rows `export_decisions` gives."""
    with store.reading() as transaction:
        return _count(transaction.connection, sa.select(decisions.c.id).where(*_in_range(since, until)))


def _in_range(since: datetime | None, until: datetime | None) -> list[sa.ColumnElement[bool]]:
    """The conditions of a range of time."""
    from_then_on = [] if since is None else [decisions.c.at >= microseconds(since)]
    return from_then_on + ([] if until is None else [decisions.c.at < microseconds(until)])


def _pages(store: Store, conditions: Sequence[sa.ColumnElement[bool]]) -> Iterator[dict[str, Any]]:
    last: tuple[int, str] | None = None
    place = sa.tuple_(decisions.c.at, decisions.c.id)
    while True:
        query = sa.select(decisions).where(*conditions).order_by(decisions.c.at, decisions.c.id).limit(PAGE)
        if last is not None:
            query = query.where(decisions.c.at >= last[0], place > sa.tuple_(*last))
        with store.reading() as transaction:
            rows = transaction.connection.core.execute(query).mappings().all()
        for row in rows:
            yield _exported("decisions", row)
        if len(rows) < PAGE:
            return
        last = (rows[-1]["at"], rows[-1]["id"])


def _rows(connection: Connection, table: sa.Table, query: sa.Select[Any]) -> Iterator[dict[str, Any]]:
    for row in connection.core.execute(query.order_by(*table.primary_key)).mappings():
        yield _exported(table.name, row)


def _exported(table: str, row: Mapping[Any, Any]) -> dict[str, Any]:
    values = {name: _value(name, value) for name, value in row.items() if name not in _NOT_EXPORTED}
    return {"table": table, **values}


def _value(name: str, value: Any) -> Any:
    """A column as JSON: times in ISO 8601, JSON as such, bytes in base64."""
    if value is None:
        return None
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if name in _TIMES and isinstance(value, int):
        return time_of(value).isoformat()
    if name in _JSON:
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value
