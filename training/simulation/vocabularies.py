"""Vocabularies as wide as those of real shells and desktops: an identity does 60-190 distinct things, at Zipf
frequencies, and now and then one that is not its own.

A simulated job knows a dozen actions, so "never done before" would mean an attack. In some deployments every action
therefore has variants, as a command has arguments: each identity has its own few, and an attacker has anybody's.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from training.data.labels import World
from training.simulation.identities import Array, Rng
from training.simulation.low_discrepancy import pick_share
from training.simulation.parameters import WorldParameters

VARIANTS = 40
"""Variants of an action that anybody uses."""
_ZIPF = np.arange(1, VARIANTS + 1) ** -1.1
_FREQUENCY = _ZIPF / _ZIPF.sum()
_OWN_CONCENTRATION = 1.7
"""How much more an identity uses the first of its own variants than the last."""


def widen_vocabularies(world: World, parameters: WorldParameters, rng: Rng) -> World:
    """The world with variants in the names of actions, in a share `wide_vocabularies` of its deployments."""
    rows = np.flatnonzero(_in_wide_deployment(world.labels["deployment"], parameters))
    if not len(rows):
        return world
    names = world.events["action.name"].combine_chunks().dictionary_encode()
    action = names.indices.to_numpy()[rows].astype(np.int64)
    identity = world.events["identity.id"].combine_chunks().dictionary_encode().indices.to_numpy()[rows]
    owns = world.labels["compromised"].fill_null(1).to_numpy()[rows] == 0
    variant = _draw_variants(identity, action, owns, parameters, rng)
    texts = np.array(names.to_pylist(), object)
    distinct, inverse = np.unique(action * VARIANTS + variant, return_inverse=True)
    plain = names.dictionary.to_pylist()
    written = [f"{plain[code // VARIANTS]}/{code % VARIANTS:02d}" for code in distinct.tolist()]
    texts[rows] = np.array(written, object)[inverse]
    place = world.events.schema.get_field_index("action.name")
    column = pa.array(texts, pa.string())
    return World(world.events.set_column(place, world.events.schema.field(place), column), world.labels)


def _in_wide_deployment(deployments: pa.ChunkedArray, parameters: WorldParameters) -> Array:
    """By row: whether its deployment, by its number, has a wide vocabulary."""
    coded = deployments.combine_chunks().dictionary_encode()
    numbers = np.array([int(name.rpartition("-")[2]) for name in coded.dictionary.to_pylist()])
    wide: Array = pick_share(numbers, parameters.wide_vocabularies, base=5)
    by_row: Array = wide[coded.indices.to_numpy()]
    return by_row


def _draw_variants(identity: Array, action: Array, owns: Array, parameters: WorldParameters, rng: Rng) -> Array:
    """The variant of each event, shape (n,): its identity's own or, for what is not its own, anybody's."""
    names, person = np.unique(identity, return_inverse=True)
    breadth = rng.uniform(*parameters.own_variants, len(names))
    novelty = rng.uniform(*parameters.novelty, len(names))
    pairs, pair = np.unique(person * (int(action.max()) + 1) + action, return_inverse=True)
    owner = pairs // (int(action.max()) + 1)
    count = np.minimum(rng.geometric(1 / breadth[owner]), VARIANTS)
    own = rng.choice(VARIANTS, (len(pairs), VARIANTS), p=_FREQUENCY)
    rank = (count[pair] * rng.random(len(pair)) ** _OWN_CONCENTRATION).astype(np.int64)
    new = ~owns | (rng.random(len(pair)) < novelty[person])
    variant: Array = np.where(new, rng.choice(VARIANTS, len(pair), p=_FREQUENCY), own[pair, rank])
    return variant
