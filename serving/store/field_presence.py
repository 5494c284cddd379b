"""How regularly a caller sends the network, device, client and credential of an identity: what is habitual, and missed.

One row for each caller and identity counts active days, decayed with a half-life of 14 days; a day counts once it is
over, so nothing sent today changes what is habitual today. A row of the caller itself (identity "") counts the active
days of all its identities together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam

from features.event.schema import Event
from serving.store.database import Connection, Statement, insert_into
from serving.store.schema import field_presence

GROUPS = ("network", "device", "client", "credential")
HALF_LIFE_DAYS = 14.0
ENOUGH_REQUESTS = 20
"""Below this many requests an identity's caller decides, and below as many of the caller nothing is habitual."""
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
    network = event.network
    return (
        any(value is not None for value in (network.ip, network.asn, network.country)),
        event.device.id is not None,
        event.device.user_agent is not None,
        event.credential.id is not None,
    )


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

    def share(self, group: int) -> float | None:
        """The share of active days with a group; on a first day of requests; None if there are too few."""
        if self.days > 0.0:
            return self.by_day[group] / self.days
        return self.by_request[group] / self.requests if self.requests >= ENOUGH_REQUESTS else None

    def at(self, day: int) -> Presence:
        """As of a later day: the last active one is over and counts, and everything has decayed since."""
        return replace(self.with_day(self.today).decayed(day), today=0) if day > self.day else self

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

    def observe(self, space: str, caller: str, event: Event, at: datetime) -> tuple[str, ...]:
        """Count a request; returns the groups that this caller habitually sent of the identity before, and not now.

        Rows are written for the first requests of an identity and of a day, and rarely after.
        """
        present, day = groups_present(event), _day(at)
        before = self._read(space, caller, event.identity.id)
        own = before.at(day) if before else None
        counted = (own or Presence(day)).with_request(present)
        if counted == before and all(present):
            return ()
        overall = self._read(space, caller, "")
        if counted != before:
            self._write(space, caller, event.identity.id, counted, new=before is None)
            self._count_overall(space, caller, overall, before, day, present)
        return tuple(
            name for group, name in enumerate(GROUPS) if not present[group] and _is_habitual(group, own, overall)
        )

    def _count_overall(
        self,
        space: str,
        caller: str,
        overall: Presence | None,
        before: Presence | None,
        day: int,
        present: tuple[bool, ...],
    ) -> None:
        """Count a request of an identity among all of the caller, with the identity's active day that is over."""
        counted = (overall or Presence(day)).decayed(day).with_request(present)
        if before is not None and before.day < day:
            counted = counted.with_day(before.today)
        counted = replace(counted, today=0)
        if counted != overall:
            self._write(space, caller, "", counted, new=overall is None)

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


def _is_habitual(group: int, own: Presence | None, overall: Presence | None) -> bool:
    """Present on most active days of the identity, and of the caller's other identities as well."""
    elsewhere = overall.share(group) if overall else None
    share = own.share(group) if own else None
    if share is None:
        return elsewhere is not None and elsewhere > HABITUAL_SHARE
    return share > HABITUAL_SHARE and (elsewhere is None or elsewhere > HABITUAL_SHARE)


def _day(at: datetime) -> int:
    return at.toordinal()
