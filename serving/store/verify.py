"""Reads the whole decision log and says where it is not what was written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from features.hashing import sha256
from serving.store.database import Connection
from serving.store.decision_log import DecisionRecord, columns_of
from serving.store.hash_chain import DECISION, ERASURE, FEEDBACK, Link, Tip, beginning, followed, promises
from serving.store.schema import chain_rows, decisions, feedback
from serving.store.store import Store


@dataclass(frozen=True)
class Break:
    """A place where the log is not what was written."""

    chain: str
    sequence: int
    reason: str

    def __str__(self) -> str:
        return f"chain {self.chain}, row {self.sequence}: {self.reason}"


@dataclass(frozen=True)
class VerifyReport:
    """What was read, where each chain ends, and every break, in the order of the chains."""

    heads: tuple[Tip, ...]
    rows: int
    erased: int
    breaks: tuple[Break, ...]

    @property
    def ok(self) -> bool:
        """Whether the log is what was written."""
        return not self.breaks


def verify(store: Store) -> VerifyReport:
    """Check every row of every chain, every payload and column, and every head that another chain holds."""
    with store.reading() as transaction:
        return _verified(transaction.connection)


def _verified(connection: Connection) -> VerifyReport:
    erased = set(connection.core.scalars(sa.select(chain_rows.c.subject).where(chain_rows.c.kind == ERASURE)))
    held = {(p.chain, p.sequence): p for p in promises(connection)}
    tips: dict[str, Tip] = {}
    rows, breaks = 0, []
    for row in connection.core.execute(_EVERYTHING):
        rows += 1
        before = tips.get(row.chain, beginning(row.chain))
        breaks += [Break(row.chain, row.sequence, reason) for reason in _problems(row, before, erased)]
        tips[row.chain] = Tip(row.chain, row.sequence, row.hash)
        if held.get((row.chain, row.sequence)) == tips[row.chain]:
            del held[row.chain, row.sequence]
    breaks += [Break(p.chain, p.sequence, "another chain holds this row, and it is not here") for p in held.values()]
    breaks += [Break(r.chain, r.sequence, f"decision {r.id} is tied to no chain") for r in _strays(connection)]
    loose = connection.core.execute(_LOOSE_FEEDBACK)
    breaks += [Break(r.chain, r.sequence, f"feedback on {r.decision_id} is tied to no chain") for r in loose]
    return VerifyReport(tuple(tips.values()), rows, len(erased), tuple(breaks))


_EVERYTHING = (
    sa.select(
        chain_rows,
        *(column.label(f"decision_{column.name}") for column in decisions.c),
        *(column.label(f"feedback_{column.name}") for column in feedback.c),
    )
    .outerjoin(decisions, decisions.c.id == chain_rows.c.subject)
    .outerjoin(
        feedback,
        (feedback.c.chain == chain_rows.c.chain)
        & (feedback.c.sequence == chain_rows.c.sequence)
        & (feedback.c.decision_id == chain_rows.c.subject),
    )
    .order_by(chain_rows.c.chain, chain_rows.c.sequence)
)


_LOOSE_FEEDBACK = (
    sa.select(feedback)
    .outerjoin(
        chain_rows,
        (chain_rows.c.chain == feedback.c.chain)
        & (chain_rows.c.sequence == feedback.c.sequence)
        & (chain_rows.c.subject == feedback.c.decision_id)
        & (chain_rows.c.kind == FEEDBACK),
    )
    .where(chain_rows.c.subject.is_(None))
)


def _strays(connection: Connection) -> sa.CursorResult[Any]:
    tied = (
        (chain_rows.c.chain == decisions.c.chain)
        & (chain_rows.c.sequence == decisions.c.sequence)
        & (chain_rows.c.subject == decisions.c.id)
        & (chain_rows.c.kind == DECISION)
    )
    return connection.core.execute(
        sa.select(decisions).outerjoin(chain_rows, tied).where(chain_rows.c.subject.is_(None))
    )


def _problems(row: Any, before: Tip, erased: set[str]) -> Iterator[str]:
    link = Link(row.kind, row.subject, row.digest, row.version, row.body)
    if row.sequence != before.sequence + 1:
        yield f"the rows from {before.sequence + 1} up to here are missing"
    elif row.hash != followed(before, link).hash:
        yield "the hash is not that of this row after the one before it"
    if row.kind == DECISION:
        yield from _decision_problems(row, erased)
    elif row.kind == FEEDBACK:
        yield from _feedback_problems(row, erased)
    elif row.body is None or sha256(row.body.encode()) != row.digest:
        yield "what it says is not what was written"


def _decision_problems(row: Any, erased: set[str]) -> Iterator[str]:
    if row.decision_id is None:
        yield f"decision {row.subject} is gone"
        return
    wrong = list(_payload_problems(row, erased, "the payload of decision", row.decision_payload, row.decision_salt))
    yield from wrong
    if not wrong and row.decision_payload is not None and (altered := _altered_columns(row)):
        yield f"decision {row.subject} is listed with another {', '.join(altered)} than was recorded"


def _feedback_problems(row: Any, erased: set[str]) -> Iterator[str]:
    if row.feedback_place is None:
        yield f"feedback on decision {row.subject} is gone"
    else:
        yield from _payload_problems(row, erased, "what was said of decision", row.feedback_payload, row.feedback_salt)


def _payload_problems(row: Any, erased: set[str], what: str, payload: str | None, salt: bytes | None) -> Iterator[str]:
    """A payload may go only with a recorded erasure, and must be the one whose digest stands in the chain."""
    if payload is None:
        if row.subject not in erased:
            yield f"{what} {row.subject} is gone, and no erasure was recorded"
    elif sha256((salt or b"") + payload.encode()) != row.digest:
        yield f"{what} {row.subject} is not what was recorded"


def _altered_columns(row: Any) -> list[str]:
    recorded = columns_of(DecisionRecord.from_payload(row.decision_payload))
    return [name for name, value in recorded.items() if getattr(row, f"decision_{name}") != value]
