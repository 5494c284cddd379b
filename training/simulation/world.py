"""A world of simulated histories: ordinary lives, legitimate surprises and, grafted onto them, labelled abuse.

The same seed and parameters give the same world, bit by bit, however large and however it is cut into files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice

import numpy as np
import pyarrow as pa

from features.event.arrow import EVENT_SCHEMA
from training.data.labels import World, joined, unlabelled
from training.parallel import available_cores, map_in_processes, release_memory
from training.scenarios.injection import Progress, graft, surprise
from training.simulation.activity import draw_events, draw_sessions
from training.simulation.event_columns import columns
from training.simulation.identities import draw_identities
from training.simulation.missing_fields import forget
from training.simulation.parameters import WorldParameters, world_parameters

__all__ = [
    "World",
    "WorldParameters",
    "cores_for",
    "simulate",
    "simulate_benign",
    "towns",
    "world_parameters",
    "worlds",
]

Town = tuple[int, WorldParameters]
"""A town's number, and the numbers of its world with only as many identities as live there."""
WORTH_A_PROCESS = 2
"""Towns that a process must get at least: it takes as long as half a town to start."""


def simulate(
    seed: int,
    *,
    identities: int | None = None,
    days: int | None = None,
    parameters: WorldParameters | None = None,
    progress: Progress | None = None,
    processes: int = 1,
) -> World:
    """A whole world in order of time, in memory; `progress` is told how many of so many parts are done."""
    world = sized(parameters or world_parameters(), identities, days)
    made = joined(list(towns(seed, world, progress, processes=processes))).sorted()
    release_memory()
    return made


def sized(world: WorldParameters, identities: int | None, days: int | None) -> WorldParameters:
    """The parameters with as many identities and days as were said, if any; raises ValueError for a world of nobody."""
    given = {"identities": identities, "days": days}
    return replace(world, **{name: number for name, number in given.items() if number is not None})  # type: ignore[arg-type]


def cores_for(world: WorldParameters) -> int:
    """How many processes a world is worth on this machine."""
    return max(1, min(available_cores(), len(_numbered(world)) // WORTH_A_PROCESS))


def towns(
    seed: int, world: WorldParameters, progress: Progress | None = None, *, processes: int = 1
) -> Iterator[World]:
    """The same world one town of identities after another, each in order of time: no more in memory than there are
    processes, and one.

    A town depends on the seed, its number and the parameters alone, never on how many there are or who makes it.
    """
    yield from _made(seed, _numbered(world), progress, processes)


def worlds(
    seed: int, numbers: Sequence[WorldParameters], progress: Progress | None = None, *, processes: int = 1
) -> Iterator[World]:
    """Several worlds of different parameters, each in order of time; no identity lives in two of them."""
    parts: list[list[Town]] = []
    for world in numbers:
        parts.append(_numbered(world, sum(map(len, parts))))
    made = _made(seed, [town for each in parts for town in each], progress, processes)
    for each in parts:
        yield joined(list(islice(made, len(each)))).sorted()


def _numbered(world: WorldParameters, first: int = 0) -> list[Town]:
    """A world's towns; the number also numbers who lives there."""
    size = world.identities_per_town
    sizes = [min(size, world.identities - begun) for begun in range(0, world.identities, size)]
    return [(first + place, replace(world, identities=size)) for place, size in enumerate(sizes)]


def _made(seed: int, parts: list[Town], progress: Progress | None, processes: int) -> Iterator[World]:
    if processes > 1:
        made = map_in_processes(partial(_numbered_town, seed), parts, processes)
        for done, town in enumerate(made, 1):
            yield town
            if progress:
                progress(done, len(parts))
        return
    for place, (number, world) in enumerate(parts):
        yield _town(seed, number, world, _part(progress, 100 * place, 100, 100 * len(parts)))


def _numbered_town(seed: int, town: Town) -> World:
    return _town(seed, *town, None)


def _town(seed: int, number: int, world: WorldParameters, progress: Progress | None) -> World:
    lives, surprises, abuse = np.random.SeedSequence([seed, number]).generate_state(3).tolist()
    benign = simulate_benign(lives, world, number)
    lived = surprise(benign, rate=world.situations, seed=surprises, progress=_part(progress, 20, 55, 100))
    compromised = graft(
        lived.events, lived.labels, rate=world.compromised_sessions, seed=abuse, progress=_part(progress, 75, 25, 100)
    )
    if progress:
        progress(100, 100)
    return compromised.sorted()


def _part(progress: Progress | None, first: int, share: int, whole: int) -> Progress | None:
    """Progress over a share of the whole, from `first` on, while something is done from nothing to its own total."""
    if progress is None:
        return None
    told = progress
    return lambda done, total: told(first + share * done // max(total, 1), whole)


def simulate_benign(seed: int, world: WorldParameters, town: int = 0) -> World:
    """Ordinary lives of one town only."""
    rng = np.random.default_rng(seed)
    who = draw_identities(rng, world, town)
    sessions = draw_sessions(rng, who, world)
    of = draw_events(rng, who, sessions, world)
    said = forget(rng, who, of["one"], columns(rng, who, sessions, of))
    arrays = [
        pa.array(said[field.name], field.type, from_pandas=True)
        if field.name in said
        else pa.nulls(len(of["one"]), field.type)
        for field in EVENT_SCHEMA
    ]
    events = pa.table(arrays, schema=EVENT_SCHEMA)
    return World(events, unlabelled(events, "simulated"))
