"""Reads everything the chains recorded, and reports where the tables or the chains differ from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from serving.store.chain.anchors import Anchor, AnchorReport, check_anchors
from serving.store.chain.hash_chain import (
    DECISION,
    FEEDBACK,
    SESSION_RENEWAL,
    START,
    Link,
    Tip,
    empty_chain,
    next_tip,
    recorded_heads,
)
from serving.store.chain.linked_rows import LINKED
from serving.store.chain.verify_rows import (
    Break,
    Erasures,
    Found,
    body_problem,
    compare_rows,
    decision_problems,
    erasures,
    integers_in,
    json_of,
    verdict_problems,
)
from serving.store.chain.verify_sessions import compare_challenges, compare_sessions
from serving.store.database import Connection
from serving.store.prompts.recount import differing_counts
from serving.store.schema import chain_rows, decisions, feedback
from serving.store.store import Store

ROWS_BETWEEN_REPORTS = 1_000


@dataclass(frozen=True)
class VerifyReport:
    """The head of each chain, how many rows were read, and every break in the order of the chains."""

    heads: tuple[Tip, ...]
    rows: int
    erased: int
    earlier: int
    """Rows that are older than their links: a migration linked them as it found them."""
    breaks: tuple[Break, ...]
    anchors: AnchorReport | None = None

    @property
    def ok(self) -> bool:
        """Whether everything is as it was recorded."""
        return not self.breaks


@dataclass
class _Chains:
    """What a pass over the rows of all chains found."""

    tips: dict[str, Tip] = field(default_factory=dict)
    rows: int = 0
    breaks: list[Break] = field(default_factory=list)
    links: dict[str, dict[str, Found]] = field(default_factory=dict)
    renewals: dict[str, list[int]] = field(default_factory=dict)
    """What each answered challenge extended its session to, by decision."""
    migrated: set[str] = field(default_factory=set)
    earlier_ends: set[int] = field(default_factory=set)
    """The ends of sessions when the migration found them."""
    earlier: int = 0


def verify_log(
    store: Store,
    progress: Callable[[int, int], None] = lambda done, total: None,
    anchors: Sequence[Anchor] | None = None,
    public_key: str | None = None,
) -> VerifyReport:
    """Compare every row of every chain, every row of the tables that chains record, and every anchor, with each other.

    `progress` is called with how many rows are done and how many there are. Anchors must be signed by `public_key`.
    """
    with store.reading() as transaction:
        return _verify(transaction.connection, progress, anchors, public_key)


def _verify(
    connection: Connection,
    progress: Callable[[int, int], None],
    anchors: Sequence[Anchor] | None,
    public_key: str | None,
) -> VerifyReport:
    erased = erasures(connection)
    chains = _read_chains(connection, erased, progress)
    breaks = [
        *chains.breaks,
        *_missing_heads(connection),
        *_unchained(connection),
        *(
            each
            for linked in LINKED
            for each in compare_rows(connection, linked, chains.links.get(linked.kind, {}), erased)
        ),
        *compare_challenges(connection),
        *(Break(None, None, f"prompt_counts {each}") for each in differing_counts(connection.core)),
        *compare_sessions(connection, chains.renewals, erased, chains.earlier_ends),
    ]
    anchored = None if anchors is None else check_anchors(connection.core, anchors, public_key, chains.rows)
    breaks += [Break(None, None, reason) for reason in anchored.breaks] if anchored else []
    erased_decisions = sum(table == "decisions" for table, _ in erased.rows)
    return VerifyReport(
        tuple(chains.tips.values()), chains.rows, erased_decisions, chains.earlier, tuple(breaks), anchored
    )


def _read_chains(connection: Connection, erased: Erasures, progress: Callable[[int, int], None]) -> _Chains:
    total = connection.core.scalar(sa.select(sa.func.count()).select_from(chain_rows)) or 0
    chains = _Chains()
    for row in connection.core.execute(_CHAIN_WITH_CONTENT):
        chains.rows += 1
        if chains.rows % ROWS_BETWEEN_REPORTS == 0:
            progress(chains.rows, total)
        before = chains.tips.get(row.chain, empty_chain(row.chain))
        chains.breaks += [Break(row.chain, row.sequence, reason) for reason in _problems(row, before, erased)]
        chains.tips[row.chain] = Tip(row.chain, row.sequence, row.hash)
        _collect(chains, row)
    return chains


def _collect(chains: _Chains, row: Any) -> None:
    """Remember what a row says of the tables, for the comparison with them."""
    if row.kind == START and "migration" in json_of(row.body):
        chains.migrated.add(row.chain)
        chains.earlier_ends |= integers_in(json_of(row.body).get("session_ends"))
    elif row.chain in chains.migrated:
        chains.earlier += 1
    if row.kind == SESSION_RENEWAL:
        chains.renewals.setdefault(row.subject, []).extend(integers_in([json_of(row.body).get("valid_until")]))
    if row.kind not in _LINKED_KINDS:
        return
    version = row.version if isinstance(row.version, int) else -1  # somebody wrote it: its hash no longer follows
    found = Found(row.chain, row.sequence, row.digest, version)
    earlier = chains.links.setdefault(row.kind, {}).get(row.subject)
    if earlier is not None and earlier.version == found.version:
        reason = f"the {row.kind} {row.subject} is recorded twice, in row {earlier.sequence} of {earlier.chain} as well"
        chains.breaks.append(Break(row.chain, row.sequence, reason))
    if earlier is None or earlier.version < found.version:
        chains.links[row.kind][row.subject] = found


_LINKED_KINDS = {linked.kind for linked in LINKED}
_WITHOUT_BODY = _LINKED_KINDS | {DECISION, FEEDBACK}
_CHAIN_WITH_CONTENT = (
    sa.select(
        chain_rows,
        *(column.label(f"decision_{column.name}") for column in decisions.c),
        *(column.label(f"feedback_{column.name}") for column in feedback.c),
    )
    .outerjoin(decisions, (decisions.c.id == chain_rows.c.subject) & (chain_rows.c.kind == DECISION))
    .outerjoin(
        feedback,
        (feedback.c.chain == chain_rows.c.chain)
        & (feedback.c.sequence == chain_rows.c.sequence)
        & (feedback.c.decision_id == chain_rows.c.subject),
    )
    .order_by(chain_rows.c.chain, chain_rows.c.sequence)
)


def _without_row(table: sa.Table, subject: sa.Column[Any], kind: str) -> sa.Select[Any]:
    """The rows of a table that name a place in a chain where there is no row of theirs."""
    own = (
        (chain_rows.c.chain == table.c.chain)
        & (chain_rows.c.sequence == table.c.sequence)
        & (chain_rows.c.subject == subject)
        & (chain_rows.c.kind == kind)
    )
    return sa.select(table).outerjoin(chain_rows, own).where(chain_rows.c.subject.is_(None))


_UNCHAINED_VERDICTS = _without_row(feedback, feedback.c.decision_id, FEEDBACK)
_UNCHAINED_DECISIONS = _without_row(decisions, decisions.c.id, DECISION)


def _missing_heads(connection: Connection) -> Iterator[Break]:
    for head in recorded_heads(connection.core):
        is_head = (chain_rows.c.chain == head.chain) & (chain_rows.c.sequence == head.sequence)
        if connection.core.scalar(sa.select(chain_rows.c.hash).where(is_head)) != head.hash:
            yield Break(head.chain, head.sequence, "another chain recorded this row, which is missing")


def _unchained(connection: Connection) -> Iterator[Break]:
    for row in connection.core.execute(_UNCHAINED_DECISIONS):
        yield Break(row.chain, row.sequence, f"decision {row.id} is in no chain")
    for row in connection.core.execute(_UNCHAINED_VERDICTS):
        yield Break(row.chain, row.sequence, f"the verdict on decision {row.decision_id} is in no chain")


def _problems(row: Any, before: Tip, erased: Erasures) -> Iterator[str]:
    link = Link(row.kind, row.subject, row.digest, row.version, row.body)
    if row.sequence != before.sequence + 1:
        yield f"the rows from {before.sequence + 1} up to this one are missing"
    elif row.hash != next_tip(before, link).hash:
        yield "its hash does not follow from this row and the one before"
    if row.kind == DECISION:
        yield from decision_problems(row, erased)
    elif row.kind == FEEDBACK:
        yield from verdict_problems(row, erased)
    if row.kind not in _WITHOUT_BODY:
        yield from body_problem(row)
    elif row.body is not None:
        yield "it has a body, which was not recorded"
