"""Erases what is older than the operator wants to keep. What to erase is read first: writers do not wait for it.

Decisions go by their own time, with their challenges and step-ups; a step-up without a decision goes by its own. Events
and histories go together, once the newest event of their identity is old: the history of an identity that is still
active is computed from all of its events.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import islice

import sqlalchemy as sa
from pydantic import ValidationError

from features.event.schema import Event
from serving.store.database import Connection
from serving.store.places.tables import claim_places, field_presence
from serving.store.privacy.erasure import Reason, Run, Target, erase_rows, kept_revocations
from serving.store.schema import (
    decisions,
    events,
    findings,
    histories,
    identity_types,
    revocations,
    seen_values,
    sessions,
    step_ups,
)
from serving.store.store import Store
from serving.times import microseconds, time_of

MOST_ROWS_PER_RUN = 50_000
"""How much one run erases at most; the next run goes on."""
AGE = re.compile(r"([1-9][0-9]{0,4})d")


def age_of(text: str) -> timedelta:
    """An age in days, such as `400d`. Raises ValueError.

    >>> age_of("400d").days
    400
    """
    match = AGE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not an age: write days, such as 400d")
    return timedelta(days=int(match[1]))


def erase_older(
    store: Store,
    run: Run,
    older_than: timedelta,
    at: datetime,
    why: Reason,
    progress: Callable[[int, int], None] = lambda done, total: None,
    most_rows: int = MOST_ROWS_PER_RUN,
) -> dict[str, int]:
    """Erase what is older, at most so many rows; returns how many were erased of each table."""
    return erase_rows(run, old_rows(store, at - older_than, at, most_rows), why, progress)


def erase_all_older(
    store: Store,
    run: Run,
    older_than: timedelta,
    at: datetime,
    why: Reason,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> int:
    """Erase everything that is older, run after run until one finds nothing; returns how many rows were erased."""
    total = 0
    while erased := sum(erase_older(store, run, older_than, at, why, progress).values()):
        total += erased
    return total


def old_rows(store: Store, before: datetime, at: datetime, most_rows: int = MOST_ROWS_PER_RUN) -> list[Target]:
    """The rows that are older, at most so many. Decisions come first: what belongs to them goes with them."""
    with store.reading() as transaction:
        return list(islice(_old(transaction.connection, microseconds(before), at), most_rows))


def _old(connection: Connection, before: int, at: datetime) -> Iterator[Target]:
    old_decisions = sa.select(decisions.c.id).where(decisions.c.at < before, decisions.c.payload.is_not(None))
    for (id,) in connection.core.execute(old_decisions.order_by(decisions.c.at)):
        yield Target(decisions, (id,))
    kept = sa.select(decisions.c.id).where(decisions.c.id == step_ups.c.decision_id, decisions.c.payload.is_not(None))
    alone = sa.select(step_ups.c.place).where(step_ups.c.at < before, ~kept.exists())
    for (place,) in connection.core.execute(alone):
        yield Target(step_ups, (place,))
    for (place,) in connection.core.execute(sa.select(claim_places.c.place).where(claim_places.c.at < before)):
        yield Target(claim_places, (place,))
    for table, column in ((sessions, sessions.c.valid_until), (findings, findings.c.last_at)):
        for row in connection.core.execute(sa.select(*table.primary_key).where(column < before)):
            yield Target(table, tuple(row))
    last_day = time_of(before).toordinal()
    forgotten = (field_presence.c.day < last_day) & (field_presence.c.identity != "")
    for row in connection.core.execute(sa.select(*field_presence.primary_key).where(forgotten)):
        yield Target(field_presence, tuple(row))
    unused = (seen_values.c.first_at < before) & (sa.func.coalesce(seen_values.c.counted_at, 0) < before)
    for row in connection.core.execute(
        sa.select(*seen_values.primary_key).where(unused, seen_values.c.settled_by.is_(None))
    ):
        yield Target(seen_values, tuple(row))
    yield from _old_revocations(connection, before, at)
    yield from _inactive_identities(connection, before)


def _old_revocations(connection: Connection, before: int, at: datetime) -> Iterator[Target]:
    """Revocations of identities that have none in force and no recent one: a part of them alone would say another
    thing than all together."""
    newest = sa.func.max(revocations.c.at)
    per_identity = sa.select(revocations.c.space, revocations.c.identity_spelling, sa.func.max(revocations.c.identity))
    grouped = per_identity.group_by(revocations.c.space, revocations.c.identity_spelling).having(newest < before)
    for space, spelling, identity in connection.core.execute(grouped).all():
        if kept_revocations(connection, (identity,), at):
            continue
        same = (revocations.c.space == space) & (revocations.c.identity_spelling == spelling)
        for (place,) in connection.core.execute(sa.select(revocations.c.place).where(same)):
            yield Target(revocations, (place,))


def _inactive_identities(connection: Connection, before: int) -> Iterator[Target]:
    grouped = sa.select(events.c.space, events.c.identity, sa.func.max(events.c.place))
    for space, identity, newest in connection.core.execute(grouped.group_by(events.c.space, events.c.identity)).all():
        query = sa.select(events.c.body, events.c.folded_at).where(events.c.place == newest)
        if not _is_older(*connection.core.execute(query).one(), before):
            continue
        for table in (histories, identity_types, seen_values, events):
            same = (table.c.space == space) & (table.c.identity == identity)
            for key in connection.core.execute(sa.select(*table.primary_key).where(same)):
                yield Target(table, tuple(key), newest)


def _is_older(body: str, folded_at: int | None, before: int) -> bool:
    """Whether an event is older, by the time it was folded with; one that cannot be read is kept, for `rebuild` to
    report."""
    try:
        own = Event.model_validate_json(body).time
        return (own if folded_at is None else time_of(folded_at)) < time_of(before)
    except ValidationError:
        return False
