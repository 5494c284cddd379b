"""The decision log: stores every decision in full, in a hash chain, and finds it again.

A payload can be erased without breaking the chain, which holds only its salted digest. The erasure is itself a row of
the chain, so a payload that was removed is distinguished from one that was erased.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam

from features.hashing import sha256
from serving.decision.inputs import Prompt
from serving.errors import DecisionNotRecorded
from serving.store.chain.hash_chain import DECISION, ERASURE, ChainWriter, Link
from serving.store.database import Connection, Statement, insert_into
from serving.store.prompts.counts import PromptCounts
from serving.store.schema import LIVE, SessionKey, challenges, decisions, feedback, findings, step_ups
from serving.times import microseconds, time_of


@dataclass(frozen=True)
class DecisionRecord:
    """One decision as it is stored.

    `body` holds the answer, the event and the features, and must be JSON without NaN. `space` is the namespace.
    """

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
    """Signals to be sent, as JSON; not part of the payload that the chain proves."""

    def payload(self) -> str:
        """The text whose digest is in the chain. Raises DecisionNotRecorded when the body is not JSON."""
        values = {name: getattr(self, name) for name in _PAYLOAD_FIELDS} | {"at": microseconds(self.at)}
        try:
            return json.dumps(values, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        except (TypeError, ValueError) as error:
            raise DecisionNotRecorded(f"decision {self.id} is not JSON: {error}") from error

    @classmethod
    def from_payload(cls, payload: str) -> DecisionRecord:
        """The record of a payload. Raises ValueError, KeyError or TypeError when it is not one."""
        values = json.loads(payload)
        return cls(**(values | {"at": time_of(values["at"])}))


@dataclass(frozen=True)
class DecisionSummary:
    """One result of a search. Identity and session are None once the decision is erased."""

    id: str
    at: datetime
    ruling: str
    identity: str | None
    session: str | None
    erased: bool


_PAYLOAD_FIELDS = tuple(field.name for field in fields(DecisionRecord) if field.name != "outbox")
_COLUMNS = ("space", "caller", "identity", "session", "event_id", "body_digest", "ruling", "version")
"""The columns of the table that repeat the payload unchanged."""

_INSERT = insert_into(decisions)
_INSERT_CHALLENGE = insert_into(challenges)
_PAYLOAD_OF = Statement(sa.select(decisions.c.payload).where(decisions.c.id == bindparam("id")))
_LATEST_FOR_EVENT = Statement(
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
_LATEST_IN_SESSION = Statement(
    sa.select(decisions.c.payload)
    .where(
        decisions.c.space == bindparam("space"),
        decisions.c.session == bindparam("session"),
        decisions.c.identity == bindparam("identity"),
        decisions.c.payload.is_not(None),
    )
    .order_by(decisions.c.at.desc(), decisions.c.id.desc())
    .limit(1)
)
_LATEST_OF_IDENTITY = Statement(
    sa.select(decisions.c.payload)
    .where(
        decisions.c.space == bindparam("space"),
        decisions.c.identity == bindparam("identity"),
        decisions.c.at >= bindparam("since"),
        decisions.c.payload.is_not(None),
    )
    .order_by(decisions.c.at.desc(), decisions.c.id.desc())
    .limit(1)
)
_ERASE = Statement(
    sa.update(decisions).where(decisions.c.id == bindparam("erased_id"), decisions.c.payload.is_not(None)),
    ("caller", "identity", "session", "event_id", "body_digest", "payload", "salt", "outbox"),
)
_DELETE_CHALLENGE = Statement(sa.delete(challenges).where(challenges.c.decision_id == bindparam("id")))
_DELETE_FINDINGS = Statement(sa.delete(findings).where(findings.c.decision_id == bindparam("id")))
_STEP_UPS_OF = Statement(sa.select(step_ups.c.place).where(step_ups.c.decision_id == bindparam("of_decision")))
_DELETE_STEP_UPS = Statement(sa.delete(step_ups).where(step_ups.c.decision_id == bindparam("of_decision")))
_ERASE_VERDICTS = Statement(
    sa.update(feedback).where(feedback.c.decision_id == bindparam("of_decision")), ("payload", "salt")
)


def columns_of(record: DecisionRecord) -> dict[str, Any]:
    """The columns of the table that repeat a record."""
    return {name: getattr(record, name) for name in _COLUMNS} | {"id": record.id, "at": microseconds(record.at)}


def end_of_session(record: DecisionRecord) -> int | None:
    """Until when a decision lets its session continue without fresh proof, in microseconds; None if it changed nothing.

    Records of 0.2 say it in their answer only.
    """
    if record.ruling != "allow" or record.session is None or record.body.get("mode") == "inline":
        return None
    if "valid_until" in record.body:
        valid_until: int | None = record.body["valid_until"]
        return valid_until
    stated = ((record.body.get("answer") or {}).get("trust") or {}).get("valid_until")
    return None if stated is None else microseconds(datetime.fromisoformat(stated))


class DecisionLog:
    """The decision log, within one transaction."""

    def __init__(self, connection: Connection, chain: ChainWriter) -> None:
        self._connection = connection
        self._chain = chain
        self._prompts = PromptCounts(connection)

    def append(self, record: DecisionRecord, prompt: Prompt | None = None) -> None:
        """Record a decision in this process's chain; `prompt` is what a step-up asked for.

        Raises DecisionNotRecorded when its body is not JSON.
        """
        self._chain.records += 1
        if prompt is not None and record.ruling == "step_up":
            record = replace(record, body={**record.body, "prompt": asdict(prompt)})
        payload, salt = record.payload(), secrets.token_bytes(16)
        digest = sha256(salt + payload.encode())
        tip = self._chain.append(Link(DECISION, record.id, digest, record.version))
        place = {"chain": tip.chain, "sequence": tip.sequence}
        content = {"payload": payload, "salt": salt, "outbox": record.outbox}
        self._connection.change(_INSERT, **columns_of(record), **place, **content)
        if record.ruling == "step_up":
            self._append_challenge(record, prompt)

    def _append_challenge(self, record: DecisionRecord, prompt: Prompt | None) -> None:
        about = {name: getattr(record, name) for name in ("space", "identity", "session", "category", "resource_type")}
        remedy = prompt.remedy if prompt else None
        asked_by = "\n".join(prompt.asked_by) if prompt else None
        unproven = int(prompt.unproven) if prompt else None
        asked = {"asked_at": microseconds(record.at), "remedy": remedy, "asked_by": asked_by, "unproven": unproven}
        self._connection.change(_INSERT_CHALLENGE, decision_id=record.id, **about, **asked)
        self._prompts.add(about | asked)

    def get(self, id: str) -> DecisionRecord | None:
        """A decision, or None when it was never recorded or has been erased."""
        row = self._connection.first(_PAYLOAD_OF, id=id)
        return DecisionRecord.from_payload(row[0]) if row and row[0] is not None else None

    def latest_for_event(
        self, key: SessionKey, *, caller: str, event_id: str, since: datetime
    ) -> DecisionRecord | None:
        """The caller's newest decision about an event of this identity, made at or after `since`."""
        about = {"space": key.namespace, "identity": key.identity, "event_id": event_id}
        row = self._connection.first(_LATEST_FOR_EVENT, caller=caller, **about, since=microseconds(since))
        return DecisionRecord.from_payload(row[0]) if row else None

    def latest_in_session(self, key: SessionKey, *, since: datetime) -> DecisionRecord | None:
        """The newest decision about a session, however old; without a session the identity's newest in any, made at or
        after `since`."""
        about = {"space": key.namespace, "identity": key.identity}
        if key.session is None:
            row = self._connection.first(_LATEST_OF_IDENTITY, **about, since=microseconds(since))
        else:
            row = self._connection.first(_LATEST_IN_SESSION, **about, session=key.session)
        return DecisionRecord.from_payload(row[0]) if row else None

    def erase(self, id: str, *, at: datetime, by: str, reason: str) -> None:
        """Erase a decision and record the erasure, which `verify` then tells from a removal.

        Raises KeyError when there is nothing to erase.
        """
        ends, places = self.remove_content(id)
        rows = {"decisions": [id], "step_ups": [str(place) for place in places]}
        about = {"at": microseconds(at), "by": by, "reason": reason}
        self._chain.append_body(ERASURE, id, about | {"rows": rows, "valid_until": ends})

    def remove_content(self, id: str) -> tuple[list[int], list[int]]:
        """Remove a decision's payload and identity, its challenge, step-ups, findings and verdicts; the row stays.

        Returns until when it let its session continue, and the places of its step-ups, for the record of the erasure.
        Raises KeyError when there is nothing to erase.
        """
        end = self._end_of_session(id)
        if self._connection.change(_ERASE, erased_id=id, **dict.fromkeys(_ERASE.columns or ())) == 0:
            raise KeyError(id)
        places = [place for (place,) in self._connection.rows(_STEP_UPS_OF, of_decision=id)]
        self._prompts.forget(id)
        for statement in (_DELETE_CHALLENGE, _DELETE_FINDINGS):
            self._connection.change(statement, id=id)
        self._connection.change(_DELETE_STEP_UPS, of_decision=id)
        self._connection.change(_ERASE_VERDICTS, of_decision=id, payload=None, salt=None)
        return ([] if end is None else [end]), places

    def _end_of_session(self, id: str) -> int | None:
        """Until when a decision let its session continue; None for one that cannot be read, which `verify` reports."""
        try:
            record = self.get(id)
        except (KeyError, TypeError, ValueError):
            return None
        return end_of_session(record) if record else None

    def search(
        self,
        *,
        namespace: str = LIVE,
        identity: str | None = None,
        session: str | None = None,
        ruling: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        before: DecisionSummary | None = None,
        limit: int = 50,
    ) -> tuple[DecisionSummary, ...]:
        """Decisions that meet every condition given, newest first; `before` continues after the last one of a page.

        `since` is included, `until` is not.
        """
        equal = {"identity": identity, "session": session, "ruling": ruling}
        conditions = [
            decisions.c.space == namespace,
            *(decisions.c[name] == value for name, value in equal.items() if value is not None),
        ]
        if since:
            conditions.append(decisions.c.at >= microseconds(since))
        if until:
            conditions.append(decisions.c.at < microseconds(until))
        if before:
            last = sa.tuple_(microseconds(before.at), before.id)
            conditions.append(sa.tuple_(decisions.c.at, decisions.c.id) < last)
        newest_first = (decisions.c.at.desc(), decisions.c.id.desc())
        rows = self._connection.core.execute(
            sa.select(decisions).where(*conditions).order_by(*newest_first).limit(limit)
        )
        return tuple(
            DecisionSummary(r.id, time_of(r.at), r.ruling, r.identity, r.session, r.payload is None) for r in rows
        )
