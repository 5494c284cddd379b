"""The table of populations: each is kept once, by its digest, and read only if its bytes still give it."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import bindparam

from features.arrays import Array
from features.catalogue.describe import digest as features_digest
from features.history.packed_records import pack_record, unpack_record
from features.history.population import POPULATION, Snapshot, population_digest
from serving.deployment.own_population import OwnPopulation
from serving.errors import PopulationRefused
from serving.store.database import Connection, Statement, insert_into
from serving.store.populations.tables import populations
from serving.store.schema import events
from serving.times import microseconds, time_of

_COLUMNS = populations.c
_NUMBER = Statement(sa.select(_COLUMNS.number).where(_COLUMNS.digest == bindparam("digest")))
_BODY = Statement(sa.select(_COLUMNS.digest, _COLUMNS.body).where(_COLUMNS.number == bindparam("number")))
_INSERT = insert_into(populations)
_PUT_IN_FORCE = Statement(
    sa.update(populations).where(_COLUMNS.digest == bindparam("of_digest")),
    ("prior", "measured_at", "in_force_at", "days", "rows", "drift", "why"),
)
_NOTE = Statement(sa.update(populations).where(_COLUMNS.digest == bindparam("of_digest")), ("why",))
_NEWEST = Statement(
    sa.select(
        _COLUMNS.number,
        _COLUMNS.digest,
        _COLUMNS.prior,
        _COLUMNS.measured_at,
        _COLUMNS.in_force_at,
        _COLUMNS.days,
        _COLUMNS.rows,
        _COLUMNS.drift,
        _COLUMNS.why,
    )
    .where(_COLUMNS.in_force_at.is_not(None), _COLUMNS.features == bindparam("of_features"))
    .order_by(_COLUMNS.in_force_at.desc(), _COLUMNS.number.desc())
    .limit(1)
)
_WHY = Statement(sa.select(_COLUMNS.why).where(_COLUMNS.digest == bindparam("digest")))


class Newest(NamedTuple):
    """What the table says of the population in force, without its bytes."""

    number: int
    digest: str
    prior: str
    measured_at: int
    in_force_at: int
    days: int
    rows: int
    drift: float | None
    why: str

    @property
    def since(self) -> datetime:
        """When it came into force."""
        return time_of(self.in_force_at)

    def own(self, snapshot: Snapshot) -> OwnPopulation:
        """The same with the population itself."""
        return OwnPopulation(
            snapshot,
            features_digest(),
            self.prior,
            time_of(self.measured_at),
            self.since,
            self.days,
            self.rows,
            self.drift,
            self.why,
        )


@lru_cache(4)
def packed(snapshot: Snapshot) -> bytes:
    """The bytes that are stored of a population. Whoever adds one calls this first, or other writers wait for it."""
    return zlib.compress(pack_record(snapshot.population), 1)


class Populations:
    """Populations, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def number_of(self, snapshot: Snapshot) -> int:
        """The number events name a population by; one that is not stored yet is."""
        row = self._connection.first(_NUMBER, digest=snapshot.digest)
        if row is None:
            nothing = dict.fromkeys(("prior", "measured_at", "in_force_at", "days", "rows", "drift", "why"))
            body = packed(snapshot)
            self._connection.change(_INSERT, digest=snapshot.digest, body=body, features=features_digest(), **nothing)
            row = self._connection.first(_NUMBER, digest=snapshot.digest)
            assert row is not None
        return int(row[0])

    def read(self, number: int) -> Snapshot:
        """A stored population. Raises PopulationRefused when there is none, or it is not what its digest says."""
        row = self._connection.first(_BODY, number=number)
        if row is None:
            raise PopulationRefused(f"population {number} is not stored")
        digest, body = row
        return Snapshot(_unpacked(digest, body), digest)

    def find(self, digest: str) -> Snapshot:
        """The stored population of a digest. Raises PopulationRefused."""
        row = self._connection.first(_NUMBER, digest=digest)
        if row is None:
            raise PopulationRefused(f"no population {digest} is stored")
        return self.read(int(row[0]))

    def newest(self) -> Newest | None:
        """What is known of the deployment's own population that should be in force; None before the first one."""
        row = self._connection.first(_NEWEST, of_features=features_digest())
        return Newest(*row) if row else None

    def put_in_force(self, own: OwnPopulation) -> int:
        """Store a population that was measured, for services to take up; returns its number."""
        number = self.number_of(own.snapshot)
        self._connection.change(
            _PUT_IN_FORCE,
            of_digest=own.snapshot.digest,
            prior=own.prior,
            measured_at=microseconds(own.measured_at),
            in_force_at=microseconds(own.in_force_since),
            days=own.days,
            rows=own.rows,
            drift=own.drift,
            why=own.why,
        )
        return number

    def note(self, snapshot: Snapshot, why: str) -> None:
        """Say beside the population in force why a newer window was not used."""
        self.number_of(snapshot)
        self._connection.change(_NOTE, of_digest=snapshot.digest, why=why)

    def why(self, digest: str) -> str | None:
        """What is noted of a population."""
        row = self._connection.first(_WHY, digest=digest)
        return row[0] if row else None

    def withdraw(self) -> bool:
        """Put the model's own population back into force; returns whether another one was."""
        statement = sa.update(populations).where(_COLUMNS.in_force_at.is_not(None)).values(in_force_at=None)
        return self._connection.core.execute(statement).rowcount > 0

    def unused(self, before: datetime) -> tuple[int, ...]:
        """The numbers of the deployment's own populations that no stored event was folded with, that are not in force
        and were measured before a time. It reads every event, so it belongs in a transaction that only reads."""
        newest = self.newest()
        used = sa.select(events.c.population).where(events.c.population.is_not(None)).distinct()
        old = _COLUMNS.measured_at < microseconds(before)
        numbers = self._connection.core.scalars(sa.select(_COLUMNS.number).where(old, _COLUMNS.number.not_in(used)))
        return tuple(number for number in numbers if newest is None or number != newest.number)

    def remove(self, numbers: Sequence[int]) -> None:
        """Remove populations."""
        self._connection.core.execute(sa.delete(populations).where(_COLUMNS.number.in_(numbers)))


def own_population(populations: Populations, newest: Newest) -> OwnPopulation:
    """The population that should be in force, whole. Raises PopulationRefused."""
    return newest.own(populations.read(newest.number))


def _unpacked(digest: str, body: bytes) -> Array:
    wrong = f"the stored population {digest} cannot be used"
    unzip = zlib.decompressobj()
    try:
        population = unpack_record(unzip.decompress(body, 2 * POPULATION.itemsize), POPULATION)
    except (ValueError, zlib.error) as error:
        raise PopulationRefused(f"{wrong}: its bytes are damaged, or of another build. {REMEDY}") from error
    if population_digest(population) != digest:
        raise PopulationRefused(f"{wrong}: its bytes have another digest. {REMEDY}")
    return population


REMEDY = "Measure one again: session-trust population refresh"
