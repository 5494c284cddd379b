"""Blends a deployment's own population with the one a model comes with, while the own window is small."""

from __future__ import annotations

import numpy as np

from features.arrays import Array
from features.history.category_codes import IDENTITY_TYPES
from features.history.evidence.fields import ACTION
from features.history.evidence.frequencies import TAGS, Values, keep_values, kept_values
from features.history.population import CODES, TABLES
from features.kernels.bucket_table import places_for
from features.kernels.decayed_counts import SMALLEST_SHARE

FULL = 500.0
"""From so many events of a type on, its own window speaks alone."""


def blend(shipped: Array, own: Array) -> Array:
    """The population of a deployment whose window is small; all have shape (1,) of POPULATION.

    Of each type with n < 500 events the own window weighs n/500 and the shipped population the rest: shares, usual bits
    and scales are averaged so, and shipped frequencies count as the events that are missing to 500. Identities are
    those of the own window alone. A type that is not in the shipped population is the own one, whatever its size.
    """
    ours, theirs = own[0], shipped[0]
    weight = np.minimum(ours["counted"][:, ACTION] / FULL, 1.0)
    weight[(theirs["counted"][:, ACTION] == 0.0) & (weight > 0.0)] = 1.0
    rest = 1.0 - weight
    blended = own.copy()
    for name in ("people", "usual_bits", "scale_center", "scale_spread"):
        _mean(blended[0][name], ours[name], theirs[name], weight)
    for kind in range(IDENTITY_TYPES + 1):
        if rest[kind] > 0.0 and theirs["people"][kind] > 0.0:
            _blend_shares(blended[0], ours, theirs, kind, float(weight[kind]))
    factor = rest * FULL / np.maximum(theirs["counted"][:, ACTION], 1.0)
    blended[0]["counted"] += factor[:, None] * theirs["counted"]
    blended[0]["distinct"] += rest[:, None] * theirs["distinct"]
    _blend_values(blended, ours, theirs, factor)
    return blended


def _mean(into: Array, ours: Array, theirs: Array, weight: Array) -> None:
    """A weighted mean by type, in place; exactly ours where the weight is 1."""
    share = weight.reshape(-1, *[1] * (ours.ndim - 1))
    into[...] = np.where(share == 1.0, ours, share * ours + (1.0 - share) * theirs)


def _blend_shares(blended: Array, ours: Array, theirs: Array, kind: int, weight: float) -> None:
    """Average the shares of identities of one type, in place."""
    for name in CODES:
        one, other = _shares(ours, name, kind), _shares(theirs, name, kind)
        blended[f"{name}_rarity"][kind] = _rarity(one, other, weight)
    for name, size in TABLES.items():
        keys = np.unique(np.concatenate([ours[f"{name}_key"][kind], theirs[f"{name}_key"][kind]]))
        keys = keys[keys != 0]
        one, other = _shares_of(ours, name, kind, keys), _shares_of(theirs, name, kind, keys)
        rarity = _rarity(one, other, weight)
        places = places_for(keys, -rarity, size)
        kept = places >= 0
        for field, values in (("key", keys), ("rarity", rarity)):
            blended[f"{name}_{field}"][kind] = 0
            blended[f"{name}_{field}"][kind][places[kept]] = values[kept]


def _shares(population: Array, name: str, kind: int) -> Array:
    """Shares of identities by code; none where nobody was measured."""
    measured = float(population["people"][kind] > 0.0)
    shares: Array = np.exp(-population[f"{name}_rarity"][kind]) * measured
    return shares


def _shares_of(population: Array, name: str, kind: int, keys: Array) -> Array:
    """Shares of identities by key, 0 of a key that is not in the table."""
    held, rarity = population[f"{name}_key"][kind], population[f"{name}_rarity"][kind]
    order = np.argsort(held)
    place = order[np.minimum(np.searchsorted(held[order], keys), len(order) - 1)]
    return np.where(held[place] == keys, np.exp(-rarity[place]), 0.0)


def _rarity(ours: Array, theirs: Array, weight: float) -> Array:
    rarity: Array = -np.log(np.maximum(weight * ours + (1.0 - weight) * theirs, SMALLEST_SHARE))
    return rarity


def _blend_values(blended: Array, ours: Array, theirs: Array, factor: Array) -> None:
    """Add the shipped counts, times a factor by type, to the own table of values."""
    own, added = kept_values(ours), kept_values(theirs)
    kept = factor[added.tag // TAGS] > 0.0
    keys, index = np.unique(np.concatenate([own.key, added.key[kept]]), return_inverse=True)
    first, second = index[: len(own.key)], index[len(own.key) :]
    tag, count = np.zeros(len(keys), np.int64), np.zeros(len(keys))
    owner, owned = (np.zeros((len(keys), *part.shape[1:]), part.dtype) for part in (own.owner, own.owned))
    tag[first], count[first], owner[first], owned[first] = own.tag, own.amount, own.owner, own.owned
    tag[second] = added.tag[kept]
    count[second] += (added.amount * factor[added.tag // TAGS])[kept]
    keep_values(blended[0], Values(keys, tag, count, owner, owned))
