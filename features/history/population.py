"""How common values are among all identities of a type: a frozen snapshot.

It is measured on benign events of a window that ends before the first training row, stored with the model, and never
updated by scored requests. It makes an ordinary first session of a new identity distinguishable from an unusual one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from features.arrays import Array
from features.event.numpy_row import rows_of
from features.hashing import digest_of
from features.history.category_codes import IDENTITY_TYPES
from features.history.event_values import hour_bin
from features.history.evidence.fields import SCALED
from features.history.evidence.frequencies import (
    Values,
    fields_of_frequencies,
    joined,
    keep_values,
    measure_frequencies,
)
from features.history.layout import CATEGORIES, HOUR_BINS
from features.history.update import SUCCESS
from features.kernels.decayed_counts import RAREST, SMALLEST_SHARE, add

TABLES = {"asn": 1024, "country": 256, "agent": 256, "system": 64, "action": 2048}
"""Slots of each table; the most common values fill at most half of them, so that few buckets overflow."""
CODES = {"category": CATEGORIES, "hour": HOUR_BINS}
"""Arrays indexed by a code instead of a hashed key."""
_TYPES = IDENTITY_TYPES + 1

POPULATION = np.dtype(
    [
        ("people", "f8", (_TYPES,)),
        *((f"{name}_rarity", "f8", (_TYPES, size)) for name, size in CODES.items()),
        *(
            part
            for name, size in TABLES.items()
            for part in ((f"{name}_key", "i8", (_TYPES, size)), (f"{name}_rarity", "f8", (_TYPES, size)))
        ),
        *fields_of_frequencies(_TYPES),
        ("scale_center", "f8", (_TYPES, SCALED)),
        ("scale_spread", "f8", (_TYPES, SCALED)),
    ],
    align=True,
)
"""For each identity type: the number of identities measured; the rarity of each of the most common values, as -log of
the share of identities that used it; how often values occur among events; and what is usual of each sum of evidence,
where a spread of 0 means that it was not measured."""


def empty_population() -> Array:
    """A population without measurements, shape (1,): every rarity against it is NaN."""
    return np.zeros(1, POPULATION)


def measure_population(table: pa.Table) -> Array:
    """Measure the successful events of a table, shape (1,) of POPULATION.

    Shares are of identities, not of events, so that one busy service account does not dominate. What is usual of sums
    of evidence needs these features first, see `features.engine.population_window`.
    """
    return measure_rows(rows_of(table))


def measure_rows(rows: Array) -> Array:
    """The same for rows, shape (n,) of ROW."""
    rows = rows[rows["outcome"] == SUCCESS]
    population = empty_population()
    values: list[Values] = []
    for identity_type in np.unique(rows["identity_type"]).tolist():
        some = rows[rows["identity_type"] == identity_type]
        _measure(population[0], identity_type, some)
        values.append(measure_frequencies(population[0], identity_type, some))
    if values:
        keep_values(population[0], joined(values))
    return population


def _measure(population: Array, kind: int, rows: Array) -> None:
    identities, people = rows["identity_key"], len(np.unique(rows["identity_key"]))
    population["people"][kind] = people
    for name, size in TABLES.items():
        keys, rarities = population[f"{name}_key"][kind], population[f"{name}_rarity"][kind]
        values, users = _users(identities, rows[name])
        for index in np.argsort(users, kind="stable")[-(size // 2) :].tolist():  # most common last, so that it stays
            add(keys, rarities, int(values[index]), users[index])  # counts at first: a full bucket drops the rarest
        rarities[:] = _rarity(rarities, people)
    times: Any = rows["time"]
    hours: Any = hour_bin(times)  # plain arithmetic, so a whole column at once
    for name, codes in (("category", rows["category"]), ("hour", hours)):
        values, users = _users(identities, codes + 1)
        population[f"{name}_rarity"][kind] = RAREST
        population[f"{name}_rarity"][kind][values - 1] = _rarity(users, people)


def _rarity(users: Array, people: int) -> Array:
    """-log of the share of people, at least SMALLEST_SHARE."""
    return -np.log(np.maximum(users / people, SMALLEST_SHARE))


def _users(identities: Array, values: Array) -> tuple[Array, Array]:
    """The distinct known values, and the number of identities that use each."""
    known = values != 0
    pairs = np.unique(np.column_stack([identities[known], values[known]]), axis=0)
    return np.unique(pairs[:, 1], return_counts=True)


def population_digest(population: Array) -> str:
    """The digest of a population, which every decision records: its features are reproduced only with the same."""
    return digest_of(population.tobytes())


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A population, shape (1,) of POPULATION, with its digest."""

    population: Array
    digest: str

    @classmethod
    def of(cls, population: Array) -> Snapshot:
        """A population with the digest of its bytes, which takes some milliseconds."""
        return cls(population, population_digest(population))


@cache
def no_population() -> Snapshot:
    """The population without measurements, where there is no other."""
    return Snapshot.of(empty_population())


def save_population(population: Array, path: Path) -> None:
    """Write a population as a plain .npy file."""
    np.save(path, population, allow_pickle=False)


def load_population(path: Path) -> Array:
    """Read a population; raises ValueError when the file holds another layout."""
    population: Array = np.load(path, allow_pickle=False)
    if population.dtype != POPULATION or population.shape != (1,):
        raise ValueError(f"{path} does not hold a population of this build's layout: retrain the model")
    return population.view(POPULATION)  # numpy.load drops the alignment flag, and another dtype recompiles everything
