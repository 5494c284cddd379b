"""Histories and the events they are computed from."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import bindparam

from features.arrays import Array
from features.event.schema import Event
from features.history.layout import CREDENTIAL, IDENTITY, LAYOUT, SESSION, History, empty
from features.history.packed_records import pack_record, unpack_record
from features.sources.seen_events import is_same_event
from serving.errors import StaleHistory, StaleLayout
from serving.store.database import Connection, Statement, insert_into
from serving.store.schema import SessionKey, events, histories
from serving.times import microseconds, time_of

LONGEST_LAG = timedelta(hours=1)
"""How long a shipped event may be on its way: an earlier time is not believed of a key that only ships events."""
SHIPPED = "events"
"""The source of an event that was shipped; of one that was scored it is `score`."""
MOST_OF_ONE_ID = 64
LAYOUTS = {"identity": IDENTITY, "session": SESSION, "credential": CREDENTIAL}

_THIS_RECORD = (
    (histories.c.space == bindparam("of_space"))
    & (histories.c.identity == bindparam("of_identity"))
    & (histories.c.kind == bindparam("of_kind"))
    & (histories.c.key == bindparam("of_key"))
)
_READ = Statement(sa.select(histories.c.version, histories.c.layout, histories.c.record).where(_THIS_RECORD))
_INSERT = insert_into(histories)
_UPDATE = Statement(sa.update(histories).where(_THIS_RECORD), ("version", "layout", "record"))
_UPDATE_AT_VERSION = Statement(
    sa.update(histories).where(_THIS_RECORD, histories.c.version == bindparam("of_version")),
    ("version", "layout", "record"),
)
_INSERT_EVENT = insert_into(events)
_WITH_ID = Statement(
    sa.select(events.c.source, events.c.body)
    .where(
        events.c.space == bindparam("space"),
        events.c.identity == bindparam("identity"),
        events.c.event_id == bindparam("event_id"),
    )
    .order_by(events.c.place.desc())
    .limit(MOST_OF_ONE_ID)
)
_FIND_EVENT = Statement(
    sa.select(events.c.place)
    .where(
        events.c.space == bindparam("space"),
        events.c.identity == bindparam("identity"),
        events.c.event_id == bindparam("event_id"),
    )
    .limit(1)
)


def time_to_fold(event: Event, arrived_at: datetime | None) -> datetime:
    """The time an event is folded with: its own, but where it ages by arrival no earlier than LONGEST_LAG before that,
    and no later. Whoever influences a log could otherwise make a habit old, or let everything else fade."""
    if arrived_at is None:
        return event.time
    return min(max(event.time, arrived_at - LONGEST_LAG), arrived_at)


def as_folded(event: Event, folded_at: int | None) -> Event:
    """An event with the time its row says it was folded with, in microseconds; None for its own."""
    return event if folded_at is None else event.model_copy(update={"time": time_of(folded_at)})


class Histories:
    """Histories and events, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def read(self, key: SessionKey) -> tuple[History, int]:
        """The history and the identity's version: 0 for an identity without one.

        An unknown session or credential gives an empty record. Raises StaleLayout when another build wrote it.
        """
        identity, version = _record(self._connection, key, "identity", "")
        session, _ = _record(self._connection, key, "session", key.session)
        credential, _ = _record(self._connection, key, "credential", key.credential)
        return History(identity, session, credential), version

    def write(self, key: SessionKey, history: History, version: int) -> int:
        """Write a history that was read at `version`; returns its new version.

        Raises StaleHistory when another writer has changed the identity since.
        """
        _write_identity(self._connection, key, history.identity, version)
        if key.session is not None:
            put_record(self._connection, key, "session", key.session, record=history.session, version=version + 1)
        if key.credential is not None:
            put_record(
                self._connection, key, "credential", key.credential, record=history.credential, version=version + 1
            )
        return version + 1

    def append_event(
        self,
        namespace: str,
        event: Event,
        *,
        outcome: int,
        source: str,
        version: int | None,
        arrived_at: datetime | None = None,
        population: int | None = None,
    ) -> None:
        """Append an event to those histories are computed from.

        `version` is the identity's version after the event, None when the event changed no history. An event with
        `arrived_at` ages by that, and was folded with its `time_to_fold`. `population` is the number of the one it was
        folded with.
        """
        folded_at = time_to_fold(event, arrived_at)
        columns = {
            "space": namespace,
            "identity": event.identity.id,
            "event_id": event.id,
            "outcome": outcome,
            "source": source,
            "version": version,
            "body": event.model_dump_json(exclude_none=True),
            "arrived_at": None if arrived_at is None else microseconds(arrived_at),
            "population": population,
            "folded_at": None if folded_at == event.time else microseconds(folded_at),
        }
        self._connection.change(_INSERT_EVENT, **columns)

    def has_event(self, namespace: str, identity: str, event_id: str) -> bool:
        """Whether an event of this identity with this id is stored."""
        return self._connection.first(_FIND_EVENT, space=namespace, identity=identity, event_id=event_id) is not None

    def is_repeated(self, namespace: str, event: Event) -> bool:
        """Whether an event that was read from a log is stored already.

        Of a request that was scored the id alone says so. Of records of a log it does not: logs are redacted, and an id
        can be forged, so that one would hide another event. Of those with one id the last MOST_OF_ONE_ID are compared.
        """
        if event.id is None:
            return False
        rows = self._connection.rows(_WITH_ID, space=namespace, identity=event.identity.id, event_id=event.id)
        return any(source != SHIPPED or is_same_event(Event.model_validate_json(body), event) for source, body in rows)


def _record(connection: Connection, key: SessionKey, kind: str, id: str | None) -> tuple[Array, int]:
    row = None if id is None else connection.first(_READ, **_where(key, kind, id))
    if row is None:
        return empty(LAYOUTS[kind]), 0
    version, layout, record = row
    if layout != LAYOUT:
        raise StaleLayout(f"a {kind} history of {key.identity!r} has another layout: session-trust rebuild --write")
    return unpack_record(record, LAYOUTS[kind]), version


def _write_identity(connection: Connection, key: SessionKey, record: Array, version: int) -> None:
    """Write the identity's record, whose version guards the session's and the credential's as well."""
    values = {"version": version + 1, "layout": LAYOUT, "record": pack_record(record)}
    if version == 0:
        columns = {"space": key.namespace, "identity": key.identity, "kind": "identity", "key": ""}
        written = connection.insert_if_absent(_INSERT, **columns, **values)
    else:
        condition = _where(key, "identity", "")
        written = connection.change(_UPDATE_AT_VERSION, **condition, of_version=version, **values) == 1
    if not written:
        raise StaleHistory(f"the history of {key.identity!r} is no longer at version {version}")


def put_record(connection: Connection, key: SessionKey, kind: str, id: str, *, record: Array, version: int) -> None:
    """Insert or update one record; `id` is the session's or credential's, empty for the identity's own."""
    values = {"version": version, "layout": LAYOUT, "record": pack_record(record)}
    if connection.change(_UPDATE, **_where(key, kind, id), **values) == 0:
        connection.change(_INSERT, space=key.namespace, identity=key.identity, kind=kind, key=id, **values)


def _where(key: SessionKey, kind: str, id: str) -> dict[str, str]:
    return {"of_space": key.namespace, "of_identity": key.identity, "of_kind": kind, "of_key": id}
