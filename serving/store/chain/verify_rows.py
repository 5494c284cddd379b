"""Compares rows of the tables with what the chains recorded of them, in both directions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from features.hashing import sha256
from serving.store.chain.hash_chain import ERASURE
from serving.store.chain.linked_rows import LinkedRows, bytes_of
from serving.store.database import Connection
from serving.store.decision_log import DecisionRecord, columns_of
from serving.store.schema import chain_rows


@dataclass(frozen=True)
class Break:
    """A place where a table or a chain differs from what was recorded; without a chain if no chain has the row."""

    chain: str | None
    sequence: int | None
    reason: str

    def __str__(self) -> str:
        return f"chain {self.chain}, row {self.sequence}: {self.reason}" if self.chain else self.reason


@dataclass(frozen=True)
class Found:
    """A link that was found in a chain."""

    chain: str
    sequence: int
    digest: str
    version: int


@dataclass(frozen=True)
class Erasures:
    """What was erased and recorded as erased: rows by table and id, and ends of sessions that no decision says now."""

    rows: frozenset[tuple[str, str]]
    valid_until: frozenset[int]


def erasures(connection: Connection) -> Erasures:
    """Everything that the erasures of all chains name. An erasure without a list is that of the decision it names."""
    rows: set[tuple[str, str]] = set()
    valid_until: set[int] = set()
    query = sa.select(chain_rows.c.subject, chain_rows.c.body).where(chain_rows.c.kind == ERASURE)
    for subject, text in connection.core.execute(query):
        body = json_of(text)
        listed = body.get("rows", {"decisions": [subject]})
        for table, ids in listed.items() if isinstance(listed, dict) else ():
            rows |= {(table, str(id)) for id in (ids if isinstance(ids, list) else ())}
        valid_until |= integers_in(body.get("valid_until"))
    return Erasures(frozenset(rows), frozenset(valid_until))


def json_of(text: object) -> dict[str, Any]:
    """A body as JSON; nothing when it is none, which is found as a break where the body is compared."""
    try:
        body = json.loads(text)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return {}
    return body if isinstance(body, dict) else {}


def integers_in(value: object) -> set[int]:
    """The whole numbers of a list in a body; none of anything else that somebody has written there."""
    return {each for each in value if isinstance(each, int)} if isinstance(value, list) else set()


def compare_rows(
    connection: Connection, linked: LinkedRows, found: Mapping[str, Found], erased: Erasures
) -> Iterator[Break]:
    """Every row has its link with its digest, and every link has its row, unless the row was erased."""
    seen: set[str] = set()
    table = linked.table.name
    for row in connection.core.execute(sa.select(linked.table)).mappings():
        if not linked.applies(row):
            continue
        subject = linked.subject_of(row)
        seen.add(subject)
        link = found.get(subject)
        if link is None:
            yield Break(None, None, f"{table} {_name(row)}: no chain has a {linked.kind} of this row")
        elif link.digest != linked.digest_of(row) or not linked.agrees(row):
            yield Break(link.chain, link.sequence, f"{table} {_name(row)}: the row is not what was recorded")
    for subject in found.keys() - seen:
        if (table, subject) not in erased.rows:
            reason = f"{table} {subject}: the row of this {linked.kind} is missing, and no erasure was recorded"
            yield Break(found[subject].chain, found[subject].sequence, reason)


def _name(row: Mapping[Any, Any]) -> str:
    return str(next(row[name] for name in ("place", "id", "identity") if name in row))


def decision_problems(row: Any, erased: Erasures) -> Iterator[str]:
    """What is wrong with the decision of a row of a chain."""
    if row.decision_id is None:
        yield f"decision {row.subject} is missing"
        return
    if (row.decision_chain, row.decision_sequence) != (row.chain, row.sequence):
        yield f"decision {row.subject} names row {row.decision_sequence} of chain {row.decision_chain} as its own"
    problems = list(_payload_problems(row, erased, "the payload of decision", row.decision_payload, row.decision_salt))
    yield from problems
    if not problems and row.decision_payload is not None and (altered := _altered_columns(row)):
        yield f"decision {row.subject} has another {', '.join(altered)} in its columns than in its payload"


def verdict_problems(row: Any, erased: Erasures) -> Iterator[str]:
    """What is wrong with the verdict of a row of a chain."""
    if row.feedback_place is None:
        yield f"the verdict on decision {row.subject} is missing"
    else:
        payload, salt = row.feedback_payload, row.feedback_salt
        yield from _payload_problems(row, erased, "the verdict on decision", payload, salt)


def body_problem(row: Any) -> Iterator[str]:
    """What is wrong with a row that holds what it says in its body."""
    if row.body is None or sha256(bytes_of(row.body)) != row.digest:
        yield "its body is not what was recorded"


def _payload_problems(row: Any, erased: Erasures, what: str, payload: str | None, salt: bytes | None) -> Iterator[str]:
    """A payload may be missing only after a recorded erasure, and must be the one whose digest is in the chain."""
    if payload is None:
        if ("decisions", row.subject) not in erased.rows:
            yield f"{what} {row.subject} is missing, and no erasure was recorded"
    elif sha256(bytes_of(salt or b"") + bytes_of(payload)) != row.digest:
        yield f"{what} {row.subject} is not what was recorded"


def _altered_columns(row: Any) -> list[str]:
    recorded = columns_of(DecisionRecord.from_payload(row.decision_payload))
    return [name for name, value in recorded.items() if getattr(row, f"decision_{name}") != value]
