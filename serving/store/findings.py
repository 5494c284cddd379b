"""Findings as they are kept: a row for each rule and identity, with how often it was shown, and by which decision."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import bindparam

from serving.decision.findings import Finding
from serving.store.database import Connection, Statement, inserting
from serving.store.schema import LIVE, findings
from serving.times import microseconds, time_of

SHOWN = 200
"""How many are listed at most."""


@dataclass(frozen=True)
class Found:
    """A finding, of whom, how often, and since when."""

    kind: str
    subject: str
    identity: str
    decision_id: str
    times: int
    first_at: datetime
    last_at: datetime
    sentence: str


_AGAIN = Statement(
    sa.update(findings)
    .where(
        findings.c.space == bindparam("of_space"),
        findings.c.kind == bindparam("of_kind"),
        findings.c.subject == bindparam("of_subject"),
        findings.c.identity == bindparam("of_identity"),
    )
    .values(times=findings.c.times + 1),
    ("decision_id", "last_at", "sentence"),
)
_FIRST = inserting(findings)


def keep(
    connection: Connection, space: str, identity: str, decision_id: str, at: datetime, shown: Iterable[Finding]
) -> None:
    """Note what a decision shows."""
    for each in shown:
        when, newest = microseconds(at), {"decision_id": decision_id, "sentence": each.sentence}
        about = {"space": space, "kind": each.kind, "subject": each.subject, "identity": identity}
        of = {f"of_{name}": value for name, value in about.items()}
        if connection.change(_AGAIN, **of, **newest, last_at=when) == 0:
            connection.change(_FIRST, **about, **newest, times=1, first_at=when, last_at=when)


def listed(connection: Connection, space: str = LIVE, kind: str | None = None) -> tuple[Found, ...]:
    """What was found in a space, newest first."""
    wanted = sa.select(findings).where(findings.c.space == space)
    if kind is not None:
        wanted = wanted.where(findings.c.kind == kind)
    rows = connection.core.execute(wanted.order_by(findings.c.last_at.desc(), findings.c.identity).limit(SHOWN))
    return tuple(
        Found(
            kind=row.kind,
            subject=row.subject,
            identity=row.identity,
            decision_id=row.decision_id,
            times=row.times,
            first_at=time_of(row.first_at),
            last_at=time_of(row.last_at),
            sentence=row.sentence,
        )
        for row in rows
    )
