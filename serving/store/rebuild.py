"""Recomputes histories from the events, which are the truth, in the order they arrived."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import sqlalchemy as sa
from pydantic import ValidationError
from sqlalchemy import bindparam

from features import Event, History, fold, row_of
from features.arrays import Array
from features.history.layout import LAYOUT, empty
from serving.store.database import Connection, Statement
from serving.store.histories import LAYOUTS, put_record
from serving.store.schema import SessionKey, events, histories
from serving.store.store import Store

Place = tuple[str, str]
"""Which record of an identity: its kind, and the session's or credential's id."""


@dataclass(frozen=True)
class Difference:
    """Where what is stored is not what the events give."""

    space: str
    identity: str
    reason: str

    def __str__(self) -> str:
        return f"{self.space} {self.identity}: {self.reason}"


@dataclass
class Recomputed:
    """What the events of one identity give."""

    records: dict[Place, Array] = field(default_factory=dict)
    versions: dict[Place, int] = field(default_factory=dict)
    version: int = 0
    faults: list[str] = field(default_factory=list)


_EVENTS = Statement(
    sa.select(events.c.version, events.c.outcome, events.c.body)
    .where(
        events.c.space == bindparam("space"),
        events.c.identity == bindparam("identity"),
        events.c.version.is_not(None),
    )
    .order_by(events.c.place)
)
_HISTORIES = sa.select(histories.c.space, histories.c.identity)
_OF_IDENTITY = (histories.c.space == bindparam("of_space")) & (histories.c.identity == bindparam("of_identity"))
_STORED = Statement(
    sa.select(histories.c.kind, histories.c.key, histories.c.version, histories.c.layout, histories.c.record).where(
        _OF_IDENTITY
    )
)
_DELETE = Statement(
    sa.delete(histories).where(
        _OF_IDENTITY, histories.c.kind == bindparam("of_kind"), histories.c.key == bindparam("of_key")
    )
)


def rebuild(store: Store, *, write: bool, progress: Callable[[int, int], None] | None = None) -> tuple[Difference, ...]:
    """Recompute every history and say where the stored one differs, bit by bit; `write` replaces those that do.

    Each identity is one transaction, so that a running service waits for no more than that.
    """
    with store.reading() as transaction:
        everybody = sa.union(sa.select(events.c.space, events.c.identity), _HISTORIES)
        identities = [SessionKey(space, identity) for space, identity in transaction.connection.core.execute(everybody)]
    differences: list[Difference] = []
    for done, key in enumerate(identities, start=1):
        with store.transaction() if write else store.reading() as transaction:
            differences += _rebuilt(transaction.connection, key, write=write)
        if progress:
            progress(done, len(identities))
    return tuple(differences)


def _rebuilt(connection: Connection, key: SessionKey, *, write: bool) -> list[Difference]:
    identity = {"of_space": key.namespace, "of_identity": key.identity}
    stored = {
        (kind, id): (version, layout, record)
        for kind, id, version, layout, record in connection.rows(_STORED, **identity)
    }
    recomputed = _recompute(connection, key)
    wrong = dict(_wrong(stored, recomputed))
    if write:
        for place in wrong:
            _replace(connection, key, place, recomputed, stored.get(place, (0,))[0])
    reasons = [*recomputed.faults, *wrong.values()]
    return [Difference(key.namespace, key.identity, reason) for reason in reasons]


def _recompute(connection: Connection, key: SessionKey) -> Recomputed:
    result = Recomputed()
    for version, outcome, body in connection.rows(_EVENTS, space=key.namespace, identity=key.identity):
        if version != result.version + 1:
            result.faults.append(f"after the event that gave version {result.version} comes the one of {version}")
        result.version = version
        try:
            _fold(result, Event.model_validate_json(body), outcome)
        except ValidationError:
            result.faults.append(f"the event that gave version {version} cannot be read")
    return result


def _fold(result: Recomputed, event: Event, outcome: int) -> None:
    """Fold one event as it was folded then: an unknown session or credential is an empty record, kept by nobody."""
    ids = {"identity": "", "session": event.session.id, "credential": event.credential.id}
    known: dict[str, Place] = {kind: (kind, id) for kind, id in ids.items() if id is not None}
    records = {kind: empty(dtype) for kind, dtype in LAYOUTS.items()}
    records |= {kind: result.records[place] for kind, place in known.items() if place in result.records}
    fold(row_of(event), History(**records), outcome)
    for kind, place in known.items():
        result.records[place], result.versions[place] = records[kind], result.version


def _wrong(stored: dict[Place, tuple[int, str, bytes]], recomputed: Recomputed) -> Iterator[tuple[Place, str]]:
    for place in sorted(stored.keys() | recomputed.records.keys()):
        said = " ".join(place).strip()
        if place not in stored:
            yield place, f"{said}: the history is missing"
        elif place not in recomputed.records:
            yield place, f"{said}: no event gives this history"
        elif stored[place][1] != LAYOUT:
            yield place, f"{said}: the history has another build's layout"
        elif stored[place][2] != recomputed.records[place].tobytes():
            yield place, f"{said}: the history is not what the events give"
        elif stored[place][0] != recomputed.versions[place]:
            yield place, f"{said}: the history is at version {stored[place][0]}, not {recomputed.versions[place]}"


def _replace(connection: Connection, key: SessionKey, place: Place, recomputed: Recomputed, version: int) -> None:
    """Write what the events give. A version never decreases, or an update could be mistaken for an older one."""
    kind, id = place
    if place not in recomputed.records:
        connection.change(_DELETE, of_space=key.namespace, of_identity=key.identity, of_kind=kind, of_key=id)
        return
    newest = max(version, recomputed.versions[place])
    put_record(connection, key, kind, id, record=recomputed.records[place], version=newest)
