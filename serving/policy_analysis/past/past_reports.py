"""What was reported of identities beside their requests: revocations, and step-ups that failed."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from features.event.lookalikes import comparable_name
from serving.decision.inputs import Revocation
from serving.store.revocations import Denials, denials_of
from serving.store.schema import LIVE, revocations, step_ups
from serving.store.store import Store
from serving.times import time_of


@dataclass(frozen=True)
class PastReports:
    """Reports by identity: its revocations by every spelling, oldest first, and the times of its failed step-ups."""

    revoked: Mapping[str, Sequence[Revocation]] = field(default_factory=dict)
    failed: Mapping[str, Sequence[datetime]] = field(default_factory=dict)

    def denials(self, identity: str, session: str | None, at: datetime) -> Denials:
        """What revocations say of a request at a time, as `serving.store.revocations` says it of one of this moment."""
        in_force = {
            _spelling(each): each
            for each in self.revoked.get(comparable_name(identity), ())
            if each.at <= at and not (each.until and each.until <= at)
        }
        return denials_of(in_force, session, at)

    def failures(self, identity: str, since: datetime, at: datetime) -> int:
        """How many step-ups of an identity failed after a time, until another."""
        times = self.failed.get(identity, ())
        return bisect_right(times, at) - bisect_right(times, since)


NO_REPORTS = PastReports()


def read_reports(store: Store, namespace: str = LIVE) -> PastReports:
    """Everything that was reported in a namespace."""
    with store.reading() as transaction:
        core = transaction.connection.core
        made = core.execute(
            sa.select(revocations).where(revocations.c.space == namespace).order_by(revocations.c.place)
        )
        failed = core.execute(
            sa.select(step_ups.c.identity, step_ups.c.at)
            .where(step_ups.c.space == namespace, step_ups.c.result == "failed")
            .order_by(step_ups.c.at)
        )
        return PastReports(_by_identity(made.all()), _times(failed.all()))


def _by_identity(rows: Iterable[Any]) -> dict[str, list[Revocation]]:
    by_identity: dict[str, list[Revocation]] = {}
    for row in rows:
        made = by_identity.setdefault(comparable_name(row.identity), [])
        if row.lifts:
            lifted = None if row.session is None else comparable_name(row.session)
            made[:] = [_lifted(each, time_of(row.at)) if _spelling(each) == lifted else each for each in made]
        else:
            made.append(Revocation(session=row.session, at=time_of(row.at), by=row.by, reason=row.reason))
    return by_identity


def _lifted(revocation: Revocation, at: datetime) -> Revocation:
    return revocation if revocation.until else replace(revocation, until=at)


def _spelling(revocation: Revocation) -> str | None:
    return None if revocation.session is None else comparable_name(revocation.session)


def _times(rows: Iterable[Any]) -> dict[str, list[datetime]]:
    times: dict[str, list[datetime]] = {}
    for row in rows:
        times.setdefault(row.identity, []).append(time_of(row.at))
    return times
