"""How regularly a caller sends the network, device, client and credential of an identity: what is habitual.

One row for each caller and identity counts active days, decayed with a half-life of 14 days; a day counts once it is
over, so nothing sent today changes what is habitual today. A row of the caller itself (identity "") counts the days of
all its identities, each from its first request on; less the identity's own, that is what the others send.

Defends against subjects that make fields disappear. The first requests of an identity through a caller can make a field
habitual; that it is not, only active days or other identities can show. So repetition alone never makes silence usual.
What remains: whoever acts as an identity on most of its active days, and whoever holds most of a caller's identities.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam

from features.event.schema import Event
from serving.decision.places.comparison import parts_said
from serving.decision.places.place import Habits
from serving.store.database import Connection, Statement, insert_into
from serving.store.places.tables import GROUPS, field_presence

HALF_LIFE_DAYS = 14.0
ENOUGH_REQUESTS = 20
"""Below this many requests of an identity its caller decides, and below as many of the caller nobody does."""
ENOUGH_OTHERS = 20.0
"""How many days of other identities show that a caller does not send something. A flood counts once a day."""
ENOUGH_DAYS = 1.5
"""How many active days of an identity show it: two, of which some has decayed."""
HABITUAL_SHARE = 0.5
_COUNTED = tuple(f"{group}_{what}" for group in GROUPS for what in ("days", "requests"))
_OF = (
    (field_presence.c.space == bindparam("of_space"))
    & (field_presence.c.caller == bindparam("of_caller"))
    & (field_presence.c.identity == bindparam("of_identity"))
)
_COLUMNS = ("day", "today", "days", "requests", *_COUNTED)
_READ = Statement(sa.select(*(field_presence.c[name] for name in _COLUMNS)).where(_OF))
_CHANGE = Statement(sa.update(field_presence).where(_OF), _COLUMNS)
_INSERT = insert_into(field_presence)


def groups_present(event: Event) -> tuple[bool, ...]:
    """Which of GROUPS an event has."""
    return (*parts_said(event), event.credential.id is not None)


@dataclass(frozen=True)
class Presence:
    """How often each of GROUPS was there: on the active days before `day`, and in the first requests."""

    day: int
    today: int = 0
    """A bit for each group that was there today."""
    days: float = 0.0
    requests: int = 0
    by_day: tuple[float, ...] = (0.0,) * len(GROUPS)
    by_request: tuple[int, ...] = (0,) * len(GROUPS)
    active_today: bool = False

    def share(self, group: int) -> float | None:
        """The share of active days with a group; on a first day of requests; None if there are too few."""
        if self.requests < ENOUGH_REQUESTS:
            return None
        return self.by_day[group] / self.days if self.days > 0.0 else self.by_request[group] / self.requests

    def without(self, own: Presence) -> Presence:
        """What all identities sent, less one of them, of which today counts as well. As of the same day."""
        today = 1.0 if own.active_today else 0.0
        rest = zip(self.by_day, own.by_day, strict=True)
        by_day = tuple(
            max(all_ - each - today * (own.today >> group & 1), 0.0) for group, (all_, each) in enumerate(rest)
        )
        return replace(self, days=max(self.days - own.days - today, 0.0), by_day=by_day)

    def at(self, day: int) -> Presence:
        """As of a later day: the last active one is over and counts, and everything has decayed since."""
        if day <= self.day:
            return replace(self, active_today=True)
        return replace(self.with_day(self.today).decayed(day), today=0, active_today=False)

    def decayed(self, day: int) -> Presence:
        """The counts as of a later day."""
        kept = 0.5 ** (max(day - self.day, 0) / HALF_LIFE_DAYS)
        by_day = tuple(count * kept for count in self.by_day)
        return replace(self, day=max(day, self.day), days=self.days * kept, by_day=by_day)

    def with_day(self, groups: int) -> Presence:
        """With one more active day, on which these groups (a bit each) were there."""
        by_day = tuple(count + (groups >> group & 1) for group, count in enumerate(self.by_day))
        return replace(self, days=self.days + 1.0, by_day=by_day)

    def with_request(self, present: tuple[bool, ...]) -> Presence:
        """With one more request of today. Only the first requests are counted one by one: volume changes no habit."""
        today = self.today | sum(1 << group for group, there in enumerate(present) if there)
        if self.requests >= ENOUGH_REQUESTS:
            return replace(self, today=today)
        counted = tuple(count + there for count, there in zip(self.by_request, present, strict=True))
        return replace(self, today=today, requests=self.requests + 1, by_request=counted)


class FieldPresence:
    """What callers send, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def observe(self, space: str, caller: str, event: Event, at: datetime, *, again: bool = False) -> Habits:
        """Count a request, unless it is one asked again; returns what this caller habitually sent of the identity
        before.

        Rows are written for the first requests of an identity and of a day, and rarely after.
        """
        present, day = groups_present(event), _day(at)
        before = self._read(space, caller, event.identity.id)
        stored = self._read(space, caller, "")
        own = before.at(day) if before else Presence(day)
        overall = (stored or Presence(day)).decayed(own.day)
        counted = replace(own.with_request(present), active_today=False)
        if counted != before and not again:
            self._write(space, caller, event.identity.id, counted, new=before is None)
            self._write(space, caller, "", _with_request_of(own, counted, overall, present), new=stored is None)
        return Habits(*(_is_habitual(group, own, overall) for group in range(len(GROUPS))))

    def _read(self, space: str, caller: str, identity: str) -> Presence | None:
        row = self._connection.first(_READ, of_space=space, of_caller=caller, of_identity=identity)
        if row is None:
            return None
        day, today, days, requests, *counts = row
        return Presence(day, today, days, requests, tuple(counts[::2]), tuple(counts[1::2]))

    def _write(self, space: str, caller: str, identity: str, presence: Presence, *, new: bool) -> None:
        counts = [each for pair in zip(presence.by_day, presence.by_request, strict=True) for each in pair]
        values: dict[str, Any] = dict(
            zip(_COLUMNS, (presence.day, presence.today, presence.days, presence.requests, *counts), strict=True)
        )
        if new:
            self._connection.change(_INSERT, space=space, caller=caller, identity=identity, **values)
        else:
            self._connection.change(_CHANGE, of_space=space, of_caller=caller, of_identity=identity, **values)


def _with_request_of(own: Presence, counted: Presence, overall: Presence, present: tuple[bool, ...]) -> Presence:
    """All of a caller's identities with one more request of one of them. What it sends today counts once."""
    new = counted.today & ~own.today
    by_day = tuple(count + (new >> group & 1) for group, count in enumerate(overall.by_day))
    days = overall.days + (0.0 if own.active_today else 1.0)
    return replace(overall.with_request(present), today=0, days=days, by_day=by_day)


def _is_habitual(group: int, own: Presence, overall: Presence) -> bool | None:
    """Whether a group was there on most active days of the identity, and is on those of the caller's others."""
    others = overall.without(own)
    sent_by_others = others.by_day[group] / others.days > HABITUAL_SHARE if others.days >= ENOUGH_OTHERS else None
    share = own.share(group)
    if sent_by_others is False:
        return False
    if share is not None and share > HABITUAL_SHARE:
        return True
    if share is not None and own.days >= ENOUGH_DAYS:
        return False
    first = overall.by_request[group] / overall.requests if overall.requests >= ENOUGH_REQUESTS else 0.0
    return True if sent_by_others or first > HABITUAL_SHARE else None


def _day(at: datetime) -> int:
    return at.toordinal()
