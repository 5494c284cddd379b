"""How common networks, agents, systems and actions are among all identities of a type: a frozen snapshot.

Measured on benign events of a window that ends before the first training row, stored with the model, never updated
by what is scored. It tells the first session of an unknown identity from an odd one.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from features.columns import rows_of
from features.fold import SUCCESS
from features.kinds import IDENTITY_TYPES
from features.measures import Array

_SIZES = {"asn": 512, "agent": 128, "system": 32, "action": 1024, "category": 16}
_PADDING = np.iinfo(np.int64).max
_TYPES = IDENTITY_TYPES + 1

POPULATION = np.dtype(
    [
        part
        for name, size in _SIZES.items()
        for part in ((f"{name}_key", "i8", (_TYPES, size)), (f"{name}_share", "f8", (_TYPES, size)))
    ],
    align=True,
)
"""Per identity type and kind of value: the commonest keys, sorted, and the share of events each has."""


def unmeasured() -> Array:
    """A population of which nothing is known, shape (1,): every rarity against it is unknown."""
    population = np.zeros(1, POPULATION)
    for name in _SIZES:
        population[f"{name}_key"] = _PADDING
        population[f"{name}_share"] = -1.0
    return population


def measure(table: pa.Table) -> Array:
    """Measure the successful events of a table, shape (1,) of POPULATION.

    An identity counts once for every value it used (share of identities, not of events), so that one busy service
    account cannot make its own habits everybody's.
    """
    rows = rows_of(table)
    identities = table["identity.id"].combine_chunks().dictionary_encode().indices.to_numpy()
    done = rows["outcome"] == SUCCESS
    population = unmeasured()
    for identity_type in np.unique(rows["identity_type"][done]):
        chosen = done & (rows["identity_type"] == identity_type)
        for name, size in _SIZES.items():
            keys, shares = _shares(identities[chosen], rows[name][chosen], size)
            population[f"{name}_key"][0, identity_type] = keys
            population[f"{name}_share"][0, identity_type] = shares
    return population


def _shares(identities: Array, keys: Array, size: int) -> tuple[Array, Array]:
    known = keys != 0
    pairs = np.unique(np.column_stack([identities[known], keys[known]]), axis=0)
    people = max(1, len(np.unique(identities[known])))
    values, counts = np.unique(pairs[:, 1], return_counts=True)
    commonest = np.sort(np.argsort(-counts, kind="stable")[: size - 1])
    kept = np.full(size, _PADDING)
    shares = np.zeros(size)
    kept[: len(commonest)] = values[commonest]
    shares[: len(commonest)] = counts[commonest] / people
    return kept, shares


def save(population: Array, path: Path) -> None:
    """Write a population as a plain .npy file."""
    np.save(path, population, allow_pickle=False)


def load(path: Path) -> Array:
    """Read a population; raises ValueError when the file holds another layout."""
    population: Array = np.load(path, allow_pickle=False)
    if population.dtype != POPULATION or population.shape != (1,):
        raise ValueError(f"{path} does not hold a population of this build's layout: retrain the model")
    return population
