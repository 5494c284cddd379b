"""Histories and the events they are computed from."""

from __future__ import annotations

import numpy as np
import sqlalchemy as sa
from sqlalchemy import bindparam

from features.arrays import Array
from features.event.schema import Event
from features.history.layout import CREDENTIAL, IDENTITY, LAYOUT, SESSION, History, empty
from serving.errors import StaleHistory, StaleLayout
from serving.store.database import Connection, Statement, inserting
from serving.store.schema import Who, events, histories

LAYOUTS = {"identity": IDENTITY, "session": SESSION, "credential": CREDENTIAL}

_THIS_RECORD = (
    (histories.c.space == bindparam("of_space"))
    & (histories.c.identity == bindparam("of_identity"))
    & (histories.c.kind == bindparam("of_kind"))
    & (histories.c.key == bindparam("of_key"))
)
_READ = Statement(sa.select(histories.c.version, histories.c.layout, histories.c.record).where(_THIS_RECORD))
_INSERT = inserting(histories)
_UPDATE = Statement(sa.update(histories).where(_THIS_RECORD), ("version", "layout", "record"))
_UPDATE_AT = Statement(
    sa.update(histories).where(_THIS_RECORD, histories.c.version == bindparam("of_version")),
    ("version", "layout", "record"),
)
_APPEND = inserting(events)
_SEEN = Statement(
    sa.select(events.c.place)
    .where(
        events.c.space == bindparam("space"),
        events.c.identity == bindparam("identity"),
        events.c.event_id == bindparam("event_id"),
    )
    .limit(1)
)


def read(connection: Connection, who: Who) -> tuple[History, int]:
    """What is remembered, and the identity's version."""
    identity, version = _record(connection, who, "identity", "")
    session, _ = _record(connection, who, "session", who.session)
    credential, _ = _record(connection, who, "credential", who.credential)
    return History(identity, session, credential), version


def _record(connection: Connection, who: Who, kind: str, key: str | None) -> tuple[Array, int]:
    found = None if key is None else connection.first(_READ, **_of(who, kind, key))
    if found is None:
        return empty(LAYOUTS[kind]), 0
    version, layout, record = found
    if layout != LAYOUT:
        raise StaleLayout(f"a {kind} history of {who.identity!r} has another layout: python -m serving rebuild --write")
    return np.frombuffer(record, np.uint8).copy().view(LAYOUTS[kind]), version


def write(connection: Connection, who: Who, history: History, version: int) -> int:
    """Write a history read at `version`; returns the version it has now."""
    _write_identity(connection, who, history.identity, version)
    if who.session is not None:
        put(connection, who, "session", who.session, record=history.session, version=version + 1)
    if who.credential is not None:
        put(connection, who, "credential", who.credential, record=history.credential, version=version + 1)
    return version + 1


def _write_identity(connection: Connection, who: Who, record: Array, version: int) -> None:
    """The identity's row carries the version that all three are guarded by."""
    new = {"version": version + 1, "layout": LAYOUT, "record": record.tobytes()}
    if version == 0:
        written = connection.add_unless_there(
            _INSERT, space=who.space, identity=who.identity, kind="identity", key="", **new
        )
    else:
        written = connection.change(_UPDATE_AT, **_of(who, "identity", ""), of_version=version, **new) == 1
    if not written:
        raise StaleHistory(f"the history of {who.identity!r} is no longer at version {version}")


def put(connection: Connection, who: Who, kind: str, key: str, *, record: Array, version: int) -> None:
    """Write one record, whether it was there or not."""
    new = {"version": version, "layout": LAYOUT, "record": record.tobytes()}
    if connection.change(_UPDATE, **_of(who, kind, key), **new) == 0:
        connection.change(_INSERT, space=who.space, identity=who.identity, kind=kind, key=key, **new)


def _of(who: Who, kind: str, key: str) -> dict[str, str]:
    return {"of_space": who.space, "of_identity": who.identity, "of_kind": kind, "of_key": key}


def append_event(
    connection: Connection, space: str, event: Event, *, outcome: int, source: str, version: int | None
) -> None:
    """Keep an event in arrival order."""
    body = event.model_dump_json(exclude_none=True)
    about = {"space": space, "identity": event.identity.id, "event_id": event.id}
    connection.change(_APPEND, **about, outcome=outcome, source=source, version=version, body=body)


def event_seen(connection: Connection, space: str, identity: str, event_id: str) -> bool:
    """Whether an event of this identity with this id was kept before."""
    return connection.first(_SEEN, space=space, identity=identity, event_id=event_id) is not None
