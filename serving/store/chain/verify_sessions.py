"""Compares challenges and the ends of sessions with the decisions they come from: they have no links of their own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

import sqlalchemy as sa

from serving.store.chain.verify_rows import Break, Erasures, json_of
from serving.store.database import Connection
from serving.store.decision_log import DecisionRecord, end_of_session
from serving.store.schema import challenges, decisions, sessions
from serving.times import microseconds

_ASKED = sa.select(
    decisions.c.id.label("asked_id"), decisions.c.chain, decisions.c.sequence, decisions.c.payload, challenges
).outerjoin(challenges, challenges.c.decision_id == decisions.c.id)
_REPEATED = ("space", "identity", "session", "category", "resource_type")
"""The columns of a challenge that repeat its decision."""


def compare_challenges(connection: Connection) -> Iterator[Break]:
    """Every decision that asked for proof has its challenge as recorded, and there is no other challenge."""
    asked = _ASKED.where(decisions.c.ruling == "step_up", decisions.c.payload.is_not(None))
    for row in connection.core.execute(asked):
        where = (row.chain, row.sequence)
        if row.decision_id is None:
            yield Break(*where, f"challenges {row.asked_id}: the challenge of this decision is missing")
        elif altered := _altered(row):
            words = ", ".join(altered)
            yield Break(*where, f"challenges {row.asked_id}: it has another {words} than its decision recorded")
    not_asked = decisions.c.id.is_(None) | decisions.c.payload.is_(None) | (decisions.c.ruling != "step_up")
    others = sa.select(challenges.c.decision_id).outerjoin(decisions, decisions.c.id == challenges.c.decision_id)
    for (id,) in connection.core.execute(others.where(not_asked)):
        yield Break(None, None, f"challenges {id}: no recorded decision asked for this")


def _altered(row: Any) -> list[str]:
    record = _record(row.payload)
    if record is None:
        return []  # found as a break of the decision itself
    recorded: dict[str, Any] = {name: getattr(record, name) for name in _REPEATED}
    recorded["asked_at"] = microseconds(record.at)
    prompt = record.body.get("prompt")
    if prompt is not None:
        recorded |= {"remedy": prompt["remedy"], "asked_by": "\n".join(prompt["asked_by"])}
        recorded["unproven"] = None if prompt.get("unproven") is None else int(prompt["unproven"])
    return [name for name, value in recorded.items() if getattr(row, name) != value]


def compare_sessions(
    connection: Connection, renewals: Mapping[str, Sequence[int]], erased: Erasures, earlier: Set[int]
) -> Iterator[Break]:
    """Every session that an allow or a proof extended has an end, and it is one that was recorded.

    `earlier` are the ends that a migration found.
    """
    ends = erased.valid_until.union(
        earlier, *(until for id, until in renewals.items() if ("decisions", id) in erased.rows)
    )
    for row in connection.core.execute(sa.select(sessions)):
        if row.valid_until not in ends and not _was_given(connection, row, renewals):
            reason = f"sessions {row.session} of {row.identity}: no decision and no proof gave it this end"
            yield Break(None, None, reason)
    same = (
        (sessions.c.space == decisions.c.space)
        & (sessions.c.identity == decisions.c.identity)
        & (sessions.c.session == decisions.c.session)
    )
    lost = sa.select(decisions).outerjoin(sessions, same)
    lost = lost.where(sessions.c.session.is_(None), decisions.c.session.is_not(None), decisions.c.ruling == "allow")
    said: set[tuple[str, str, str]] = set()
    for row in connection.core.execute(lost):
        record, key = _record(row.payload), (row.space, row.identity, row.session)
        if record is not None and end_of_session(record) is not None and key not in said:
            said.add(key)
            yield Break(row.chain, row.sequence, f"sessions {row.session} of {row.identity}: the session is missing")


def _was_given(connection: Connection, row: Any, renewals: Mapping[str, Sequence[int]]) -> bool:
    of_session = (
        (decisions.c.space == row.space) & (decisions.c.identity == row.identity) & (decisions.c.session == row.session)
    )
    newest_first = sa.select(decisions.c.id, decisions.c.payload).where(of_session).order_by(decisions.c.at.desc())
    for id, payload in connection.core.execute(newest_first):
        record = _record(payload)
        if row.valid_until in renewals.get(id, ()) or (record and end_of_session(record) == row.valid_until):
            return True
    return False


def _record(payload: object) -> DecisionRecord | None:
    """The record of a payload, if it is one."""
    if not json_of(payload):
        return None
    try:
        return DecisionRecord.from_payload(payload)  # type: ignore[arg-type]
    except (json.JSONDecodeError, TypeError, KeyError, ValueError):
        return None
