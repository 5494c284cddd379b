"""Simulated worlds: legitimate activity, hard negatives and, injected into them, labelled attacks.

The same seed and parameters give the same world, bit by bit, however large it is and however it is cut into files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from functools import partial
from itertools import islice

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.event.arrow import EVENT_SCHEMA
from training.data.labels import SIMULATED, World, benign_labels, concatenate_worlds
from training.parallel import available_cores, map_in_processes, release_memory
from training.scenarios.guessing import GuessingRates, add_guessing
from training.scenarios.injection import Progress, inject_abuse, inject_hard_negatives
from training.simulation.activity import draw_events, draw_sessions
from training.simulation.event_columns import build_columns
from training.simulation.identities import draw_identities
from training.simulation.missing_fields import remove_unknown_fields
from training.simulation.parameters import WorldParameters, change_parameters, world_parameters
from training.simulation.vocabularies import widen_vocabularies

__all__ = [
    "World",
    "WorldParameters",
    "process_count",
    "resize",
    "simulate",
    "simulate_benign",
    "simulate_shards",
    "simulate_worlds",
    "world_parameters",
]

Shard = tuple[int, WorldParameters]
"""A shard's number, and the parameters of its world with only the shard's own number of identities."""
SHARDS_PER_PROCESS = 2
"""Shards that make another process worth starting: starting it takes as long as half a shard."""


def simulate(
    seed: int,
    *,
    identities: int | None = None,
    days: int | None = None,
    parameters: WorldParameters | None = None,
    progress: Progress | None = None,
    processes: int = 1,
) -> World:
    """Simulate a world in memory, in order of time.

    `identities` and `days` replace those of `parameters` (by default those of `world.yaml`). `progress` is called with
    how many steps of how many are done. Raises ValueError for fewer than one identity or day.
    """
    parameters = resize(parameters or world_parameters(), identities, days)
    world = concatenate_worlds(list(simulate_shards(seed, parameters, progress, processes=processes))).sorted()
    release_memory()
    return world


def resize(parameters: WorldParameters, identities: int | None, days: int | None) -> WorldParameters:
    """The parameters with another number of identities and days; None keeps a number. Raises ValueError below 1."""
    sizes = {"identities": identities, "days": days}
    return change_parameters(parameters, **{name: size for name, size in sizes.items() if size is not None})


def process_count(parameters: WorldParameters) -> int:
    """How many processes a world of this size is worth on this machine."""
    return max(1, min(available_cores(), len(_shards(parameters)) // SHARDS_PER_PROCESS))


def simulate_shards(
    seed: int, parameters: WorldParameters, progress: Progress | None = None, *, processes: int = 1
) -> Iterator[World]:
    """Simulate the same world one shard of identities after another, each in order of time.

    At most `processes + 1` shards are in memory. A shard depends on the seed, its number and the parameters alone,
    never on how many shards there are or which process makes it.
    """
    yield from _simulate(seed, _shards(parameters), progress, processes)


def simulate_worlds(
    seed: int, several: Sequence[WorldParameters], progress: Progress | None = None, *, processes: int = 1
) -> Iterator[World]:
    """Simulate worlds of different parameters, each in order of time; no two share an identity."""
    shards_by_world: list[list[Shard]] = []
    for parameters in several:
        shards_by_world.append(_shards(parameters, first=sum(map(len, shards_by_world))))
    worlds = _simulate(seed, [shard for shards in shards_by_world for shard in shards], progress, processes)
    for shards in shards_by_world:
        yield concatenate_worlds(list(islice(worlds, len(shards)))).sorted()


def _shards(parameters: WorldParameters, first: int = 0) -> list[Shard]:
    """A world's shards, numbered from `first`; the number also numbers their identities."""
    size = parameters.identities_per_shard
    sizes = [min(size, parameters.identities - start) for start in range(0, parameters.identities, size)]
    return [(first + number, replace(parameters, identities=size)) for number, size in enumerate(sizes)]


def _simulate(seed: int, shards: list[Shard], progress: Progress | None, processes: int) -> Iterator[World]:
    if processes > 1:
        worlds = map_in_processes(partial(_simulate_shard_quietly, seed), shards, processes)
        for done, world in enumerate(worlds, 1):
            yield world
            if progress:
                progress(done, len(shards))
        return
    for place, (number, parameters) in enumerate(shards):
        part = _part_of(progress, start=100 * place, size=100, total=100 * len(shards))
        yield _simulate_shard(seed, number, parameters, part)


def _simulate_shard_quietly(seed: int, shard: Shard) -> World:
    return _simulate_shard(seed, *shard, None)


def _simulate_shard(seed: int, number: int, parameters: WorldParameters, progress: Progress | None) -> World:
    benign_seed, negatives_seed, abuse_seed, more = np.random.SeedSequence([seed, number]).generate_state(4).tolist()
    rng = np.random.default_rng(more)
    world = simulate_benign(benign_seed, parameters, number)
    world = inject_hard_negatives(
        world,
        rate=parameters.hard_negatives,
        seed=negatives_seed,
        progress=_part_of(progress, start=20, size=55, total=100),
    )
    world = inject_abuse(
        world.events,
        world.labels,
        rate=parameters.compromised_sessions,
        seed=abuse_seed,
        progress=_part_of(progress, start=75, size=20, total=100),
    )
    rates = GuessingRates(**{each.name: getattr(parameters, each.name) for each in fields(GuessingRates)})
    world = widen_vocabularies(add_guessing(world, rates, rng), parameters, rng)
    world = _drop_unlogged(world)
    if progress:
        progress(100, 100)
    return world.sorted()


def _drop_unlogged(world: World) -> World:
    """The world without what attackers and hard negatives did beside sign-ins where sign-ins alone are logged."""
    sign_in = pc.equal(world.events["action.category"], "authenticate").fill_null(False).to_numpy()
    deployment = world.labels["deployment"].combine_chunks().dictionary_encode().indices.to_numpy()
    labels = world.labels
    ordinary = pc.is_null(labels["situation"]).to_numpy() & (labels["compromised"].fill_null(1).to_numpy() == 0)
    others = np.bincount(deployment[ordinary & ~sign_in], minlength=int(deployment.max(initial=0)) + 1)
    kept = pa.array(sign_in | (others[deployment] > 0))
    return World(world.events.filter(kept), world.labels.filter(kept))


def _part_of(progress: Progress | None, *, start: int, size: int, total: int) -> Progress | None:
    """Progress of a step that makes up `size` of `total`, beginning at `start`."""
    if progress is None:
        return None
    report = progress
    return lambda done, of: report(start + size * done // max(of, 1), total)


def simulate_benign(seed: int, parameters: WorldParameters, shard: int = 0) -> World:
    """Simulate the legitimate activity of one shard, without hard negatives or attacks."""
    rng = np.random.default_rng(seed)
    identities = draw_identities(rng, parameters, shard)
    sessions = draw_sessions(rng, identities, parameters)
    events = draw_events(rng, identities, sessions, parameters)
    columns = build_columns(rng, identities, sessions, events, parameters)
    columns = remove_unknown_fields(rng, identities, events, columns, parameters)
    arrays = [
        pa.array(columns[field.name], field.type, from_pandas=True)
        if field.name in columns
        else pa.nulls(len(events["identity"]), field.type)
        for field in EVENT_SCHEMA
    ]
    table = pa.table(arrays, schema=EVENT_SCHEMA)
    labels = benign_labels(table, SIMULATED)
    site = np.char.add("deployment-", identities["site"].to_numpy()[events["identity"]].astype(str))
    place = labels.schema.get_field_index("deployment")
    return World(table, labels.set_column(place, labels.schema.field(place), pa.array(site, pa.string())))
