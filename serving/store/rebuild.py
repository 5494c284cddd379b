"""Recomputes histories from the stored events, the source of truth, in the order they arrived."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa
from pydantic import ValidationError
from sqlalchemy import bindparam

from features.arrays import Array
from features.engine.online import fold
from features.event.numpy_row import row_of
from features.event.schema import Event
from features.history.layout import LAYOUT, History, empty, without_sums
from features.history.packed_records import unpack_record
from features.history.population import Snapshot
from serving.errors import PopulationRefused
from serving.store.database import Connection, Statement
from serving.store.histories import LAYOUTS, as_folded, put_record
from serving.store.populations.snapshots import Populations
from serving.store.schema import SessionKey, events, histories
from serving.store.store import Store, Transaction

IN_MEMORY = 16
"""Populations in memory at once; each takes some three megabytes."""
RecordKey = tuple[str, str]
"""One record of an identity: its kind, and the session's or credential's id (empty for the identity's own)."""
StoredRecord = tuple[int, str, bytes]
"""Version, layout and bytes of a record."""


@dataclass(frozen=True)
class Difference:
    """Where a stored history differs from what the events give."""

    namespace: str
    identity: str
    reason: str

    def __str__(self) -> str:
        return f"{self.namespace} {self.identity}: {self.reason}"


@dataclass
class Recomputed:
    """The records that the events of one identity give, and what is wrong with its events."""

    records: dict[RecordKey, Array] = field(default_factory=dict)
    versions: dict[RecordKey, int] = field(default_factory=dict)
    version: int = 0
    faults: list[str] = field(default_factory=list)
    whole: bool = True
    """Whether it is recorded of every event which population it was folded with."""
    readable: bool = True
    """Whether each of these populations could be read."""


_EVENTS = Statement(
    sa.select(events.c.version, events.c.outcome, events.c.body, events.c.folded_at, events.c.population)
    .where(
        events.c.space == bindparam("of_space"),
        events.c.identity == bindparam("of_identity"),
        events.c.version.is_not(None),
    )
    .order_by(events.c.place)
)
_RECORD_POPULATION = Statement(
    sa.update(events).where(
        events.c.space == bindparam("of_space"),
        events.c.identity == bindparam("of_identity"),
        events.c.version.is_not(None),
        events.c.population.is_(None),
    ),
    ("population",),
)
_IDENTITIES = sa.union(sa.select(events.c.space, events.c.identity), sa.select(histories.c.space, histories.c.identity))
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


def rebuild_histories(
    store: Store, population: Array, *, write: bool, progress: Callable[[int, int], None] | None = None
) -> tuple[Difference, ...]:
    """Recompute every history and report each difference, bit by bit; `write` replaces the histories that differ.

    Each event is folded with the population that was in use when it came. Of events before 0.3 that is not recorded:
    sums of evidence of their identities are not compared. `write` folds these events with `population`, and records
    so. Where a population is missing or damaged, nothing of its identities is written.

    Each identity is a transaction of its own, so a running service waits for no more than one identity. `progress` is
    called with how many identities are done, of how many.
    """
    with store.reading() as transaction:
        rows = transaction.connection.core.execute(_IDENTITIES)
        identities = [SessionKey(namespace, identity) for namespace, identity in rows]
    differences: list[Difference] = []
    folded_with = _FoldedWith(Snapshot.of(population))
    for done, key in enumerate(identities, start=1):
        with store.transaction() if write else store.reading() as transaction:
            differences += _rebuild_identity(transaction, key, folded_with, write=write)
        if progress:
            progress(done, len(identities))
    return tuple(differences)


class _FoldedWith:
    """The populations that events name, the last few of them in memory."""

    def __init__(self, unrecorded: Snapshot) -> None:
        self.unrecorded = unrecorded
        self._read: dict[int, Snapshot | PopulationRefused] = {}

    def get(self, populations: Populations, number: int | None) -> Snapshot:
        """The population of a number. Raises PopulationRefused."""
        if number is None:
            return self.unrecorded
        if number not in self._read:
            if len(self._read) >= IN_MEMORY:
                del self._read[next(iter(self._read))]
            try:
                self._read[number] = populations.read(number)
            except PopulationRefused as error:
                self._read[number] = error
        found = self._read[number]
        if isinstance(found, PopulationRefused):
            raise found
        return found


def _rebuild_identity(tx: Transaction, key: SessionKey, folded_with: _FoldedWith, *, write: bool) -> list[Difference]:
    connection = tx.connection
    stored: dict[RecordKey, StoredRecord] = {
        (kind, id): (version, layout, record)
        for kind, id, version, layout, record in connection.rows(_STORED, **_names(key))
    }
    recomputed = _recompute(tx, key, folded_with)
    wrong = dict(_wrong_records(stored, recomputed)) if recomputed.readable else {}
    if write and recomputed.readable:
        _write(tx, key, stored, recomputed, folded_with, tuple(wrong))
    reasons = [*recomputed.faults, *wrong.values()]
    return [Difference(key.namespace, key.identity, reason) for reason in reasons]


def _write(
    tx: Transaction,
    key: SessionKey,
    stored: dict[RecordKey, StoredRecord],
    recomputed: Recomputed,
    folded_with: _FoldedWith,
    wrong: Sequence[RecordKey],
) -> None:
    """Replace what differs; where it was not recorded which population an event was folded with, everything."""
    if not recomputed.whole:
        number = tx.populations.number_of(folded_with.unrecorded)
        tx.connection.change(_RECORD_POPULATION, **_names(key), population=number)
    for record_key in wrong if recomputed.whole else dict.fromkeys((*recomputed.records, *wrong)):
        version = stored[record_key][0] if record_key in stored else 0
        _replace(tx.connection, key, record_key, recomputed, version)


def _names(key: SessionKey) -> dict[str, str]:
    return {"of_space": key.namespace, "of_identity": key.identity}


def _recompute(tx: Transaction, key: SessionKey, folded_with: _FoldedWith) -> Recomputed:
    result = Recomputed()
    for version, outcome, body, folded_at, number in tx.connection.rows(_EVENTS, **_names(key)):
        if version != result.version + 1:
            result.faults.append(f"after the event of version {result.version} comes the event of version {version}")
        result.version = version
        result.whole &= number is not None
        try:
            population = folded_with.get(tx.populations, number).population
            _apply(result, as_folded(Event.model_validate_json(body), folded_at), population, outcome)
        except ValidationError:
            result.faults.append(f"the event of version {version} cannot be read")
        except PopulationRefused as error:
            result.faults.append(f"the event of version {version} cannot be folded: {error}")
            result.readable = False
    return result


def _apply(result: Recomputed, event: Event, population: Array, outcome: int) -> None:
    """Update the records with an event, as the service did: a missing session or credential id is stored nowhere."""
    ids = {"identity": "", "session": event.session.id, "credential": event.credential.id}
    keys: dict[str, RecordKey] = {kind: (kind, id) for kind, id in ids.items() if id is not None}
    records = {kind: empty(dtype) for kind, dtype in LAYOUTS.items()}
    records |= {kind: result.records[key] for kind, key in keys.items() if key in result.records}
    fold(row_of(event), History(**records), population, outcome)
    for kind, key in keys.items():
        result.records[key], result.versions[key] = records[kind], result.version


def _wrong_records(stored: dict[RecordKey, StoredRecord], recomputed: Recomputed) -> Iterator[tuple[RecordKey, str]]:
    for key in sorted(stored.keys() | recomputed.records.keys()):
        name = " ".join(key).strip()
        if key not in stored:
            yield key, f"{name}: the history is missing"
            continue
        version, layout, record = stored[key]
        if key not in recomputed.records:
            yield key, f"{name}: no event gives this history"
        elif layout != LAYOUT:
            yield key, f"{name}: the history has another version's layout"
        elif _differ(record, recomputed.records[key], with_sums=recomputed.whole):
            yield key, f"{name}: the history is not what the events give"
        elif version != recomputed.versions[key]:
            yield key, f"{name}: the history is at version {version}, not {recomputed.versions[key]}"


def _differ(stored: bytes, record: Array, *, with_sums: bool) -> bool:
    """Whether a stored record differs, in sums of evidence too where it is known what they were compared with."""
    try:
        kept = unpack_record(stored, record.dtype)
    except ValueError:
        return True
    if with_sums:
        return kept.tobytes() != record.tobytes()
    return without_sums(kept).tobytes() != without_sums(record).tobytes()


def _replace(
    connection: Connection, key: SessionKey, record_key: RecordKey, recomputed: Recomputed, version: int
) -> None:
    """Write what the events give. A version never decreases, or an update could be mistaken for an older one."""
    kind, id = record_key
    if record_key not in recomputed.records:
        connection.change(_DELETE, **_names(key), of_kind=kind, of_key=id)
        return
    newest = max(version, recomputed.versions[record_key])
    put_record(connection, key, kind, id, record=recomputed.records[record_key], version=newest)
