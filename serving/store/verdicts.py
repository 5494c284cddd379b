"""Verdicts of investigators on decisions: append-only, in the decision log's hash chain, and labels for training.

Of each investigator the last verdict on a decision counts. The payload is erased with its decision; the chain still
proves that there was a verdict.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy import bindparam

from features.hashing import sha256
from serving.store.chain.hash_chain import FEEDBACK, ChainWriter, Link
from serving.store.database import Connection, Statement, insert_into
from serving.store.schema import decisions, feedback
from serving.times import microseconds, time_of

VerdictValue = Literal["intruder", "owner", "unsure"]


@dataclass(frozen=True)
class Verdict:
    """An investigator's judgement of whose request a decision was about."""

    decision_id: str
    verdict: VerdictValue
    note: str | None
    by: str
    at: datetime


_INSERT = insert_into(feedback)
_OF_DECISION = Statement(
    sa.select(feedback.c.payload)
    .where(feedback.c.decision_id == bindparam("decision_id"), feedback.c.payload.is_not(None))
    .order_by(feedback.c.place)
)
_ALL = (
    sa.select(feedback.c.payload, decisions.c.event_id, decisions.c.identity)
    .join(decisions, decisions.c.id == feedback.c.decision_id)
    .where(feedback.c.payload.is_not(None))
    .order_by(feedback.c.place)
)


class Verdicts:
    """Verdicts of investigators, within one transaction."""

    def __init__(self, connection: Connection, chain: ChainWriter) -> None:
        self._connection = connection
        self._chain = chain

    def append(self, verdict: Verdict) -> None:
        """Record a verdict in this process's chain."""
        self._chain.records += 1
        payload = json.dumps(asdict(verdict) | {"at": microseconds(verdict.at)}, ensure_ascii=False)
        salt = secrets.token_bytes(16)
        tip = self._chain.append(Link(FEEDBACK, verdict.decision_id, sha256(salt + payload.encode())))
        place = {"chain": tip.chain, "sequence": tip.sequence}
        self._connection.change(_INSERT, decision_id=verdict.decision_id, payload=payload, salt=salt, **place)

    def of_decision(self, decision_id: str) -> tuple[Verdict, ...]:
        """Every verdict on a decision, oldest first."""
        rows = self._connection.rows(_OF_DECISION, decision_id=decision_id)
        return tuple(_verdict(payload) for (payload,) in rows)

    def current(self) -> tuple[Verdict, ...]:
        """The last verdict of each investigator on each decision of the log, oldest first."""
        return last_of_each(_verdict(row.payload) for row in self._connection.core.execute(_ALL))

    def export(self) -> Iterator[dict[str, Any]]:
        """The current verdicts as `session-trust training labels pull` reads them.

        Verdicts on events without an id are left out: nothing else names the event.
        """
        rows = self._connection.core.execute(_ALL).all()
        events = {_verdict(row.payload): (row.event_id, row.identity) for row in rows}
        named = {verdict: event for verdict, event in events.items() if None not in event}
        for verdict in last_of_each(named):
            event_id, identity = named[verdict]
            yield {
                "event_id": event_id,
                "identity": identity,
                "verdict": verdict.verdict,
                "at": verdict.at.isoformat(),
                "by": verdict.by,
                "decision_id": verdict.decision_id,
            }


def last_of_each(verdicts: Iterable[Verdict]) -> tuple[Verdict, ...]:
    """The last verdict of each investigator on each decision, oldest first."""
    last = {(verdict.decision_id, verdict.by): verdict for verdict in verdicts}
    return tuple(sorted(last.values(), key=lambda verdict: verdict.at))


def _verdict(payload: str) -> Verdict:
    values = json.loads(payload)
    return Verdict(**(values | {"at": time_of(values["at"])}))
