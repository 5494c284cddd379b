"""Stored findings: one row for each rule and identity, with how often and by which decision it was shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import bindparam

from serving.decision.findings import Finding
from serving.store.database import Connection, Statement, insert_into
from serving.store.schema import LIVE, findings
from serving.times import microseconds, time_of

MAX_LISTED = 200


@dataclass(frozen=True)
class StoredFinding:
    """A finding about an identity: how often it was shown, since when, and by which decision last."""

    kind: str
    subject: str
    identity: str
    decision_id: str
    times: int
    first_at: datetime
    last_at: datetime
    sentence: str


_REPEAT = Statement(
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
_INSERT = insert_into(findings)


class Findings:
    """Findings of decisions, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(
        self, namespace: str, identity: str, decision_id: str, at: datetime, findings_shown: Iterable[Finding]
    ) -> None:
        """Count each finding of a decision, which becomes the newest that shows it."""
        for finding in findings_shown:
            time, newest = microseconds(at), {"decision_id": decision_id, "sentence": finding.sentence}
            about = {"space": namespace, "kind": finding.kind, "subject": finding.subject, "identity": identity}
            row = {f"of_{name}": value for name, value in about.items()}
            if self._connection.change(_REPEAT, **row, **newest, last_at=time) == 0:
                self._connection.change(_INSERT, **about, **newest, times=1, first_at=time, last_at=time)

    def newest(self, namespace: str = LIVE, kind: str | None = None) -> tuple[StoredFinding, ...]:
        """The findings of a namespace, newest first, at most `MAX_LISTED`."""
        query = sa.select(findings).where(findings.c.space == namespace)
        if kind is not None:
            query = query.where(findings.c.kind == kind)
        newest_first = query.order_by(findings.c.last_at.desc(), findings.c.identity)
        return tuple(
            StoredFinding(
                kind=row.kind,
                subject=row.subject,
                identity=row.identity,
                decision_id=row.decision_id,
                times=row.times,
                first_at=time_of(row.first_at),
                last_at=time_of(row.last_at),
                sentence=row.sentence,
            )
            for row in self._connection.core.execute(newest_first.limit(MAX_LISTED))
        )
