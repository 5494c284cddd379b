"""The decision log: every decision, whole, tied into a hash chain, and found again.

A payload can be erased without breaking the chain, which holds only its salted digest; the erasure is itself a row of
the chain, so that a payload that is merely gone is told from one that was erased.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam

from features.hashing import sha256
from serving.decision.inputs import Prompt
from serving.errors import DecisionNotRecorded
from serving.store.database import Connection, Statement, inserting
from serving.store.hash_chain import DECISION, ERASURE, Link, Tip, add
from serving.store.schema import LIVE, Who, challenges, decisions, feedback, findings
from serving.times import microseconds, time_of


@dataclass(frozen=True)
class DecisionRecord:
    """One decision as it is kept. `body` is what the service wants to find again and must be JSON without NaN."""

    id: str
    space: str
    caller: str
    identity: str
    session: str | None
    event_id: str | None
    body_digest: str
    category: str | None
    resource_type: str | None
    ruling: str
    at: datetime
    version: int
    """The identity's version this decision was made at."""
    body: Mapping[str, Any]
    outbox: str | None = None
    """Signals to be sent, as JSON; not part of what is proved."""

    def payload(self) -> str:
        """The text that is digested. Raises DecisionNotRecorded when the body is not JSON."""
        kept = {name: getattr(self, name) for name in _PAYLOAD} | {"at": microseconds(self.at)}
        try:
            return json.dumps(kept, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        except (TypeError, ValueError) as error:
            raise DecisionNotRecorded(f"decision {self.id} is not JSON: {error}") from error

    @classmethod
    def of(cls, payload: str) -> DecisionRecord:
        """The record a payload holds; raises ValueError, KeyError or TypeError when it holds none."""
        kept = json.loads(payload)
        return cls(**(kept | {"at": time_of(kept["at"])}))


@dataclass(frozen=True)
class Listed:
    """One row of a search: enough to choose by. Identity and session are None once erased."""

    id: str
    at: datetime
    ruling: str
    identity: str | None
    session: str | None
    erased: bool


_PAYLOAD = tuple(field.name for field in fields(DecisionRecord) if field.name != "outbox")
_COLUMNS = ("space", "caller", "identity", "session", "event_id", "body_digest", "ruling", "version")
"""Columns of the table that repeat the payload as it is."""

_INSERT = inserting(decisions)
_INSERT_CHALLENGE = inserting(challenges)
_PAYLOAD_OF = Statement(sa.select(decisions.c.payload).where(decisions.c.id == bindparam("id")))
_EARLIER = Statement(
    sa.select(decisions.c.payload)
    .where(
        decisions.c.space == bindparam("space"),
        decisions.c.identity == bindparam("identity"),
        decisions.c.event_id == bindparam("event_id"),
        decisions.c.caller == bindparam("caller"),
        decisions.c.at >= bindparam("since"),
    )
    .order_by(decisions.c.at.desc())
    .limit(1)
)
_ERASE = Statement(
    sa.update(decisions).where(decisions.c.id == bindparam("erased_id"), decisions.c.payload.is_not(None)),
    ("caller", "identity", "session", "event_id", "body_digest", "payload", "salt", "outbox"),
)
_FORGET_CHALLENGE = Statement(sa.delete(challenges).where(challenges.c.decision_id == bindparam("id")))
_FORGET_FINDINGS = Statement(sa.delete(findings).where(findings.c.decision_id == bindparam("id")))
_ERASE_FEEDBACK = Statement(
    sa.update(feedback).where(feedback.c.decision_id == bindparam("of_decision")), ("payload", "salt")
)


def columns_of(record: DecisionRecord) -> dict[str, Any]:
    """What the table repeats of a record."""
    return {name: getattr(record, name) for name in _COLUMNS} | {"id": record.id, "at": microseconds(record.at)}


def append(connection: Connection, before: Tip, record: DecisionRecord, prompt: Prompt | None = None) -> Tip:
    """Write a decision and its chain row; a step-up is noted as asked, as this prompt. Returns the chain's new tip."""
    payload, salt = record.payload(), secrets.token_bytes(16)
    digest = sha256(salt + payload.encode())
    tip = add(connection, before, Link(DECISION, record.id, digest, record.version))
    place = {"chain": tip.chain, "sequence": tip.sequence}
    kept = {"payload": payload, "salt": salt, "outbox": record.outbox}
    connection.change(_INSERT, **columns_of(record), **place, **kept)
    if record.ruling == "step_up":
        _note_challenge(connection, record, prompt)
    return tip


def _note_challenge(connection: Connection, record: DecisionRecord, prompt: Prompt | None) -> None:
    about = {name: getattr(record, name) for name in ("space", "identity", "session", "category", "resource_type")}
    led = {"remedy": prompt.remedy, "asked_by": "\n".join(prompt.asked_by)} if prompt else {}
    as_asked = {"remedy": None, "asked_by": None} | led
    connection.change(_INSERT_CHALLENGE, decision_id=record.id, asked_at=microseconds(record.at), **about, **as_asked)


def get(connection: Connection, id: str) -> DecisionRecord | None:
    """A decision, or None when it was never recorded or has been erased."""
    found = connection.first(_PAYLOAD_OF, id=id)
    return DecisionRecord.of(found[0]) if found and found[0] is not None else None


def earlier(connection: Connection, caller: str, who: Who, *, event_id: str, since: datetime) -> DecisionRecord | None:
    """This caller's newest decision about the same event, made at or after a time."""
    about = {"space": who.space, "identity": who.identity, "event_id": event_id}
    found = connection.first(_EARLIER, caller=caller, **about, since=microseconds(since))
    return DecisionRecord.of(found[0]) if found else None


def erase(connection: Connection, before: Tip, id: str, *, at: datetime, by: str, reason: str) -> Tip:
    """Erase what a decision says and about whom; that it was made, and that it was erased, stays proved.

    Raises KeyError when there is nothing to erase.
    """
    if connection.change(_ERASE, erased_id=id, **dict.fromkeys(_ERASE.columns or ())) == 0:
        raise KeyError(id)
    connection.change(_FORGET_CHALLENGE, id=id)
    connection.change(_FORGET_FINDINGS, id=id)
    connection.change(_ERASE_FEEDBACK, of_decision=id, payload=None, salt=None)
    body = json.dumps({"at": microseconds(at), "by": by, "reason": reason})
    return add(connection, before, Link(ERASURE, id, sha256(body.encode()), body=body))


def search(
    connection: Connection,
    *,
    space: str = LIVE,
    identity: str | None = None,
    session: str | None = None,
    ruling: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    before: Listed | None = None,
    limit: int = 50,
) -> tuple[Listed, ...]:
    """Decisions that meet every condition given, newest first; `before` continues after the last one of a page.

    `since` is included, `until` is not.
    """
    asked = [
        decisions.c.space == space,
        *(decisions.c[n] == v for n, v in _given(identity=identity, session=session, ruling=ruling)),
    ]
    if since:
        asked.append(decisions.c.at >= microseconds(since))
    if until:
        asked.append(decisions.c.at < microseconds(until))
    if before:
        asked.append(sa.tuple_(decisions.c.at, decisions.c.id) < sa.tuple_(microseconds(before.at), before.id))
    wanted = sa.select(decisions).where(*asked).order_by(decisions.c.at.desc(), decisions.c.id.desc()).limit(limit)
    rows = connection.core.execute(wanted)
    return tuple(Listed(r.id, time_of(r.at), r.ruling, r.identity, r.session, r.payload is None) for r in rows)


def _given(**conditions: str | None) -> Iterable[tuple[str, str]]:
    return [(name, value) for name, value in conditions.items() if value is not None]
