"""Anchors: the heads of the chains at a moment, signed, as one line of JSON to be kept where the database is not.

Whoever can write the whole database can make its chains say anything that fits together. An anchor made before shows
it: the row it names is then missing or has another hash. Of rows written after the newest anchor it says nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from serving.errors import ServingError
from serving.store.chain.hash_chain import Tip, heads, recorded_heads
from serving.store.chain.signing_key import is_signed_by, public_key_of, sign
from serving.store.schema import chain_rows
from serving.store.store import Store
from serving.times import now


@dataclass(frozen=True)
class Anchor:
    """One line of a file of anchors; without heads if the line is no anchor."""

    line: int
    at: datetime | None
    rows: int
    heads: tuple[Tip, ...]
    public_key: str
    signature: str
    signed: bytes


@dataclass(frozen=True)
class AnchorReport:
    """What anchors showed: how many hold, when the newest of them was made, and how many rows came after it."""

    anchors: int
    newest_at: datetime | None
    rows_since: int
    breaks: tuple[str, ...]


@dataclass(frozen=True)
class ChainHeads:
    """The heads of the chains at one moment, and how many rows the chains hold."""

    tips: tuple[Tip, ...]
    rows: int


def chain_heads(store: Store) -> ChainHeads:
    """The heads of the chains now.

    A head that another chain's first row holds is left out: that row is covered by its own chain's head.
    """
    with store.reading() as transaction:
        core = transaction.connection.core
        recorded = set(recorded_heads(core))
        newest = tuple(head for head in heads(core) if head not in recorded)
        return ChainHeads(newest, core.scalar(sa.select(sa.func.count()).select_from(chain_rows)) or 0)


def make_anchor(current: ChainHeads, key: Ed25519PrivateKey) -> str:
    """The heads of the chains, signed: one line of JSON."""
    content = {
        "at": now().isoformat(),
        "rows": current.rows,
        "heads": [asdict(head) for head in current.tips],
        "public_key": public_key_of(key),
    }
    return json.dumps(content | {"signature": sign(key, _signed(content))})


def append_anchor(line: str, file: Path) -> None:
    """Add a line to a file and wait until it is on the disk. Raises ServingError."""
    try:
        with file.open("a") as opened:
            opened.write(line + "\n")
            opened.flush()
            os.fsync(opened.fileno())
    except OSError as error:
        raise ServingError(f"the anchor cannot be written to {file}: {error.strerror}") from error


def read_anchors(file: Path) -> tuple[Anchor, ...]:
    """The anchors of a file. Raises ServingError when it cannot be read or is empty."""
    try:
        lines = file.read_text(errors="replace").splitlines()
    except OSError as error:
        raise ServingError(f"the anchors in {file} cannot be read: {error.strerror}") from error
    anchors = tuple(_anchor(number, line) for number, line in enumerate(lines, start=1) if line.strip())
    if not anchors:
        raise ServingError(f"{file} holds no anchor: `session-trust anchor --append {file}` writes one")
    return anchors


def check_anchors(core: sa.Connection, anchors: Sequence[Anchor], public_key: str | None, rows: int) -> AnchorReport:
    """Compare anchors with the chains: each must be signed by the key, and its rows must still have their hashes."""
    breaks: list[str] = []
    known: dict[Tip, str | None] = {}
    newest: Anchor | None = None
    holding = 0
    for anchor in anchors:
        reason = _signature_problem(anchor, public_key)
        if reason is not None:
            breaks.append(f"anchor in line {anchor.line}: {reason}")
            continue
        problems = list(_head_problems(core, anchor, known))
        breaks += [f"anchor in line {anchor.line}, made at {anchor.at}: {problem}" for problem in problems]
        holding += not problems
        newest = anchor if newest is None or anchor.rows >= newest.rows else newest
    since = rows - newest.rows if newest else rows
    return AnchorReport(holding, newest.at if newest else None, since, tuple(breaks))


def _signature_problem(anchor: Anchor, public_key: str | None) -> str | None:
    if anchor.at is None:
        return "the line is not an anchor"
    if anchor.public_key != public_key:
        return f"it is signed by another key, {anchor.public_key}, and not by {public_key}"
    if not is_signed_by(anchor.public_key, anchor.signature, anchor.signed):
        return "its signature does not fit its content"
    return None


def _head_problems(core: sa.Connection, anchor: Anchor, known: dict[Tip, str | None]) -> Iterator[str]:
    for head in anchor.heads:
        if head not in known:
            is_head = (chain_rows.c.chain == head.chain) & (chain_rows.c.sequence == head.sequence)
            known[head] = core.scalar(sa.select(chain_rows.c.hash).where(is_head))
        if known[head] is None:
            yield f"row {head.sequence} of chain {head.chain} is missing"
        elif known[head] != head.hash:
            yield f"row {head.sequence} of chain {head.chain} has another hash now"


def _signed(content: dict[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def _anchor(number: int, line: str) -> Anchor:
    try:
        content = json.loads(line)
        signature = content.pop("signature")
        signed = _signed(content)
        tips = tuple(Tip(**head) for head in content["heads"])
        at, rows = datetime.fromisoformat(content["at"]), int(content["rows"])
        return Anchor(number, at, rows, tips, str(content["public_key"]), str(signature), signed)
    except (AttributeError, KeyError, TypeError, ValueError):
        return Anchor(number, None, 0, (), "", "", b"")
