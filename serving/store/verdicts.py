"""What investigators say of decisions: append-only, tied into the decision log's chain, and a label for training.

Of each investigator the last verdict on a decision counts. A payload goes when its decision is erased; that something
was said stays proved.
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
from serving.store.database import Connection, Statement, inserting
from serving.store.hash_chain import FEEDBACK, Link, Tip, add
from serving.store.schema import decisions, feedback
from serving.times import microseconds, time_of

Said = Literal["intruder", "owner", "unsure"]


@dataclass(frozen=True)
class Verdict:
    """What somebody said of a decision: whose request it was."""

    decision_id: str
    verdict: Said
    note: str | None
    by: str
    at: datetime


_INSERT = inserting(feedback)
_OF = Statement(
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


def append(connection: Connection, before: Tip, said: Verdict) -> Tip:
    """Write a verdict and its chain row; returns the chain's new tip."""
    payload, salt = (
        json.dumps(asdict(said) | {"at": microseconds(said.at)}, ensure_ascii=False),
        secrets.token_bytes(16),
    )
    tip = add(connection, before, Link(FEEDBACK, said.decision_id, sha256(salt + payload.encode())))
    place = {"chain": tip.chain, "sequence": tip.sequence}
    connection.change(_INSERT, decision_id=said.decision_id, payload=payload, salt=salt, **place)
    return tip


def said_of(connection: Connection, decision_id: str) -> tuple[Verdict, ...]:
    """Every verdict on a decision, oldest first."""
    return tuple(_verdict(payload) for (payload,) in connection.rows(_OF, decision_id=decision_id))


def current(verdicts: Iterable[Verdict]) -> tuple[Verdict, ...]:
    """The last verdict of each investigator on each decision, oldest first."""
    last = {(each.decision_id, each.by): each for each in verdicts}
    return tuple(sorted(last.values(), key=lambda each: each.at))


def exported(connection: Connection) -> Iterator[dict[str, Any]]:
    """The current verdicts as `python -m training labels pull` reads them; events without an id cannot be named."""
    rows = connection.core.execute(_ALL).all()
    about = {row.payload: (row.event_id, row.identity) for row in rows}
    named = {_verdict(payload): whose for payload, whose in about.items() if None not in whose}
    for each in current(named):
        event_id, identity = named[each]
        yield {
            "event_id": event_id,
            "identity": identity,
            "verdict": each.verdict,
            "at": each.at.isoformat(),
            "by": each.by,
            "decision_id": each.decision_id,
        }


def latest(connection: Connection) -> tuple[Verdict, ...]:
    """The last verdict of each investigator on each decision of the log, oldest first."""
    return current(_verdict(row.payload) for row in connection.core.execute(_ALL))


def _verdict(payload: str) -> Verdict:
    kept = json.loads(payload)
    return Verdict(**(kept | {"at": time_of(kept["at"])}))
