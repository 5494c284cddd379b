"""Reads the whole decision log and reports where it differs from what was recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from features.hashing import sha256
from serving.store.database import Connection
from serving.store.decision_log import DecisionRecord, columns_of
from serving.store.hash_chain import DECISION, ERASURE, FEEDBACK, Link, Tip, empty_chain, next_tip, recorded_heads
from serving.store.schema import chain_rows, decisions, feedback
from serving.store.store import Store

ROWS_BETWEEN_REPORTS = 1_000


@dataclass(frozen=True)
class Break:
    """A row where the log differs from what was recorded."""

    chain: str
    sequence: int
    reason: str

    def __str__(self) -> str:
        return f"chain {self.chain}, row {self.sequence}: {self.reason}"


@dataclass(frozen=True)
class VerifyReport:
    """The head of each chain, how many rows were read, and every break in the order of the chains."""

    heads: tuple[Tip, ...]
    rows: int
    erased: int
    breaks: tuple[Break, ...]

    @property
    def ok(self) -> bool:
        """Whether the log is unchanged."""
        return not self.breaks


def verify_log(store: Store, progress: Callable[[int, int], None] = lambda done, total: None) -> VerifyReport:
    """Check every row of every chain, every payload and column, and every head that another chain recorded.

    `progress` is called with how many rows are done and how many there are.
    """
    with store.reading() as transaction:
        return _verify(transaction.connection, progress)


def _verify(connection: Connection, progress: Callable[[int, int], None]) -> VerifyReport:
    total = connection.core.scalar(sa.select(sa.func.count()).select_from(chain_rows)) or 0
    erased = set(connection.core.scalars(sa.select(chain_rows.c.subject).where(chain_rows.c.kind == ERASURE)))
    missing = {(head.chain, head.sequence): head for head in recorded_heads(connection)}
    tips: dict[str, Tip] = {}
    rows, breaks = 0, []
    for row in connection.core.execute(_CHAIN_WITH_CONTENT):
        rows += 1
        if rows % ROWS_BETWEEN_REPORTS == 0:
            progress(rows, total)
        before = tips.get(row.chain, empty_chain(row.chain))
        breaks += [Break(row.chain, row.sequence, reason) for reason in _problems(row, before, erased)]
        tips[row.chain] = Tip(row.chain, row.sequence, row.hash)
        if missing.get((row.chain, row.sequence)) == tips[row.chain]:
            del missing[row.chain, row.sequence]
    breaks += [
        Break(h.chain, h.sequence, "another chain recorded this row, which is missing") for h in missing.values()
    ]
    unchained = connection.core.execute(_UNCHAINED_DECISIONS)
    breaks += [Break(r.chain, r.sequence, f"decision {r.id} is in no chain") for r in unchained]
    unchained = connection.core.execute(_UNCHAINED_VERDICTS)
    breaks += [Break(r.chain, r.sequence, f"the verdict on decision {r.decision_id} is in no chain") for r in unchained]
    return VerifyReport(tuple(tips.values()), rows, len(erased), tuple(breaks))


_CHAIN_WITH_CONTENT = (
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
_UNCHAINED_VERDICTS = (
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
_UNCHAINED_DECISIONS = (
    sa.select(decisions)
    .outerjoin(
        chain_rows,
        (chain_rows.c.chain == decisions.c.chain)
        & (chain_rows.c.sequence == decisions.c.sequence)
        & (chain_rows.c.subject == decisions.c.id)
        & (chain_rows.c.kind == DECISION),
    )
    .where(chain_rows.c.subject.is_(None))
)


def _problems(row: Any, before: Tip, erased: set[str]) -> Iterator[str]:
    link = Link(row.kind, row.subject, row.digest, row.version, row.body)
    if row.sequence != before.sequence + 1:
        yield f"the rows from {before.sequence + 1} up to this one are missing"
    elif row.hash != next_tip(before, link).hash:
        yield "its hash does not follow from this row and the one before"
    if row.kind == DECISION:
        yield from _decision_problems(row, erased)
    elif row.kind == FEEDBACK:
        yield from _verdict_problems(row, erased)
    elif row.body is None or sha256(row.body.encode()) != row.digest:
        yield "its body is not what was recorded"


def _decision_problems(row: Any, erased: set[str]) -> Iterator[str]:
    if row.decision_id is None:
        yield f"decision {row.subject} is missing"
        return
    problems = list(_payload_problems(row, erased, "the payload of decision", row.decision_payload, row.decision_salt))
    yield from problems
    if not problems and row.decision_payload is not None and (altered := _altered_columns(row)):
        yield f"decision {row.subject} has another {', '.join(altered)} in its columns than in its payload"


def _verdict_problems(row: Any, erased: set[str]) -> Iterator[str]:
    if row.feedback_place is None:
        yield f"the verdict on decision {row.subject} is missing"
    else:
        payload, salt = row.feedback_payload, row.feedback_salt
        yield from _payload_problems(row, erased, "the verdict on decision", payload, salt)


def _payload_problems(row: Any, erased: set[str], what: str, payload: str | None, salt: bytes | None) -> Iterator[str]:
    """A payload may be missing only after a recorded erasure, and must be the one whose digest is in the chain."""
    if payload is None:
        if row.subject not in erased:
            yield f"{what} {row.subject} is missing, and no erasure was recorded"
    elif sha256((salt or b"") + payload.encode()) != row.digest:
        yield f"{what} {row.subject} is not what was recorded"


def _altered_columns(row: Any) -> list[str]:
    recorded = columns_of(DecisionRecord.from_payload(row.decision_payload))
    return [name for name, value in recorded.items() if getattr(row, f"decision_{name}") != value]
