"""The networks, devices and clients each identity was seen with, and what is kept of one while it is new.

One row for each value. It is new until it is settled: by a proof made there, by a sign-in with strong factors, by being
allowed on three different days, or because the identity used it before there was this table. A row is written when
something of it changes: a first use, a lower trust, one more session or day, the end of being new.

Days are different if they begin at least 24 hours apart, whatever the calendar says: two uses beside a midnight are no
two days.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy import bindparam

from features.arrays import Array
from features.history.layout import IDENTITY, LAYOUT, SESSION
from serving.decision.lowest_trust import ENOUGH_DAYS
from serving.decision.places.named_values import kind_of
from serving.errors import StaleHistory
from serving.store.chain.hash_chain import ChainWriter
from serving.store.chain.linked_rows import SEEN_VALUE, new_salt
from serving.store.database import Connection, Statement, insert_into
from serving.store.schema import seen_values
from serving.times import microseconds, time_of

BY_DAYS, BY_HISTORY = "days", "history"
DAY = timedelta(hours=24)
"""How long after a use that counts as a day the next one does."""
MOST_SESSIONS = 8
"""How many sessions of a new value are named; where there are more, it counts in every session."""
MOST_NEW = 200
"""How many new values are read of an identity that withholds something: those with the lowest trust."""
CLEARLY = 1.05
"""By what factor the odds of an attack must rise, or a lifetime fall, for a lower trust to be written: else it would be
with every request, as time passes."""
MOST_NAMED = 4
"""How many values one request can name: network, device, client, and what is withheld."""
_NAMES = tuple(f"value_{number}" for number in range(MOST_NAMED))
_COLUMNS = (
    "first_at",
    "lowest_trust",
    "lowest_trust_as_sent",
    "shortest_seconds",
    "counted_at",
    "days",
    "sessions",
    "settled_by",
    "earlier",
    "changes",
    "salt",
)
_OF_IDENTITY = (seen_values.c.space == bindparam("of_space")) & (seen_values.c.identity == bindparam("of_identity"))
_NAMED = sa.or_(*(seen_values.c.value == bindparam(name) for name in _NAMES))
_READ = sa.select(seen_values.c.value, *(seen_values.c[name] for name in _COLUMNS)).where(_OF_IDENTITY)
_FIND = Statement(_READ.where(_NAMED))
_FIND_AND_NEW = Statement(
    sa.union_all(
        _READ.where(_NAMED),
        sa.select(
            _READ.where(seen_values.c.settled_by.is_(None), seen_values.c.lowest_trust.is_not(None))
            .order_by(seen_values.c.lowest_trust)
            .limit(MOST_NEW)
            .subquery()
        ),
    )
)
_SETTLED_BY = Statement(_READ.where(seen_values.c.settled_by == bindparam("settled_by")))
_INSERT = insert_into(seen_values)
_UPDATE = Statement(
    sa.update(seen_values).where(
        _OF_IDENTITY, seen_values.c.value == bindparam("of_value"), seen_values.c.changes == bindparam("of_changes")
    ),
    _COLUMNS,
)


@dataclass(frozen=True)
class SeenValue:
    """What is known of one value of an identity: since when, and while it is new the lowest trust there."""

    value: str
    first_at: datetime
    trust: float | None = None
    trust_as_sent: float | None = None
    seconds: float | None = None
    counted_at: datetime | None = None
    """When the last use that counts as a day was allowed."""
    days: int = 0
    sessions: tuple[str, ...] | None = ()
    """The sessions that used it; None where there were more than are named."""
    settled_by: str | None = None
    earlier: bytes | None = field(default=None, repr=False)
    """The histories before its first use, while it is new; see `packed_histories`."""
    changes: int = 0
    salt: bytes = field(default_factory=new_salt)

    @property
    def kind(self) -> str:
        """What kind of value it is."""
        return kind_of(self.value)

    @property
    def is_new(self) -> bool:
        """Whether it is still new to the identity."""
        return self.settled_by is None

    def used_in(self, session: str) -> bool:
        """Whether a session may have used it while it was new."""
        return self.sessions is None or session in self.sessions

    def with_use(self, session: str, trust: float | None, as_sent: float | None, seconds: float | None) -> SeenValue:
        """After one more use while it is new: the lowest of each number, an unknown or hardly lower one changes
        nothing."""
        if not self.is_new:
            return self
        sessions = self.sessions
        if sessions is not None and session not in sessions:
            sessions = (*sessions, session) if len(sessions) < MOST_SESSIONS else None
        return replace(
            self,
            trust=_lowest_trust(self.trust, trust),
            trust_as_sent=_lowest_trust(self.trust_as_sent, as_sent),
            seconds=_shortest(self.seconds, seconds),
            sessions=sessions,
        )

    def with_day(self, at: datetime) -> SeenValue:
        """After a use that was allowed and counts: on enough different days it is no longer new."""
        if not self.is_new or (self.counted_at is not None and at < self.counted_at + DAY):
            return self
        counted = replace(self, counted_at=at, days=self.days + 1)
        return counted.settled(BY_DAYS) if counted.days >= ENOUGH_DAYS else counted

    def settled(self, by: str) -> SeenValue:
        """No longer new, for good: what it was like before is not needed any more."""
        return replace(self, settled_by=by, earlier=None)


def packed_histories(identity: Array, session: Array) -> bytes:
    """The histories of an identity and a session, of shape (1,) each, with their layout; a kilobyte or so."""
    return zlib.compress(LAYOUT.encode() + identity.tobytes() + session.tobytes(), 1)


def unpacked_histories(packed: bytes) -> tuple[Array, Array] | None:
    """Both histories again; None where another build's layout wrote them."""
    whole, start = zlib.decompress(packed), len(LAYOUT.encode())
    if whole[:start] != LAYOUT.encode() or len(whole) != start + IDENTITY.itemsize + SESSION.itemsize:
        return None
    records = np.frombuffer(whole, np.uint8, offset=start).copy()
    return records[: IDENTITY.itemsize].view(IDENTITY), records[IDENTITY.itemsize :].view(SESSION)


def _lowest_trust(before: float | None, now: float | None) -> float | None:
    if before is None or now is None:
        return now if before is None else before
    return now if (1.0 - now) * before > CLEARLY * (1.0 - before) * now else before


def _shortest(before: float | None, now: float | None) -> float | None:
    if before is None or now is None:
        return now if before is None else before
    return now if now * CLEARLY < before else before


class SeenValues:
    """The values that identities were seen with, within one transaction."""

    def __init__(self, connection: Connection, chain: ChainWriter) -> None:
        self._connection = connection
        self._chain = chain

    def find(
        self, space: str, identity: str, values: Sequence[str], *, and_new: bool = False
    ) -> Mapping[str, SeenValue]:
        """What is known of these values, at most MOST_NAMED, in one SELECT; those never seen are left out.

        With `and_new` also of the identity's new values, MOST_NEW at most: those with the lowest trust.
        """
        names = dict(zip(_NAMES, [*values, *[None] * (MOST_NAMED - len(values))], strict=True))
        statement = _FIND_AND_NEW if and_new else _FIND
        rows = self._connection.rows(statement, of_space=space, of_identity=identity, **names)
        return {row[0]: _seen(row) for row in rows}

    def put(self, space: str, identity: str, before: SeenValue | None, after: SeenValue) -> None:
        """Write what has changed, if anything has. Raises StaleHistory when another writer has changed it since."""
        if after == before:
            return
        row = _row(replace(after, changes=after.changes + 1))
        if before is None:
            written = self._connection.insert_if_absent(
                _INSERT, space=space, identity=identity, value=after.value, **row
            )
        else:
            of = {"of_space": space, "of_identity": identity, "of_value": after.value, "of_changes": before.changes}
            written = self._connection.change(_UPDATE, **of, **row) == 1
        if not written:
            raise StaleHistory(f"what is known of {after.value!r} of {identity!r} has changed")
        self._chain.append(SEEN_VALUE.link_of({"space": space, "identity": identity, "value": after.value} | row))

    def settle(self, space: str, identity: str, values: Iterable[str], by: str, at: datetime) -> None:
        """End the newness of these values; one that was never seen is known from now on."""
        wanted = tuple(values)
        known = self.find(space, identity, wanted)
        for value in wanted:
            before = known.get(value)
            if before is None or before.is_new:
                self.put(space, identity, before, replace(before or SeenValue(value, at), settled_by=by))

    def unsettle(self, space: str, identity: str, by: str) -> None:
        """Take back what settled values: they are new again, with the lowest trust they had."""
        for row in self._connection.rows(_SETTLED_BY, of_space=space, of_identity=identity, settled_by=by):
            before = _seen(row)
            self.put(space, identity, before, replace(before, settled_by=None))


def _seen(row: tuple[Any, ...]) -> SeenValue:
    value, first_at, trust, as_sent, seconds, counted, days, sessions, settled_by, earlier, changes, salt = row
    named = None if sessions is None else tuple(json.loads(sessions))
    first, at = time_of(first_at), None if counted is None else time_of(counted)
    return SeenValue(value, first, trust, as_sent, seconds, at, days, named, settled_by, earlier, changes, salt)


def _row(seen: SeenValue) -> dict[str, Any]:
    return {
        "first_at": microseconds(seen.first_at),
        "lowest_trust": seen.trust,
        "lowest_trust_as_sent": seen.trust_as_sent,
        "shortest_seconds": seen.seconds,
        "counted_at": None if seen.counted_at is None else microseconds(seen.counted_at),
        "days": seen.days,
        "sessions": None if seen.sessions is None else json.dumps(seen.sessions),
        "settled_by": seen.settled_by,
        "earlier": seen.earlier,
        "changes": seen.changes,
        "salt": seen.salt,
    }


def known_before(space: str, identity: str, value: str, at: datetime) -> dict[str, Any]:
    """The row of a value that an identity used before there was this table."""
    seen = SeenValue(value, at, settled_by=BY_HISTORY, changes=1)
    return {"space": space, "identity": identity, "value": seen.value, **_row(seen)}
