"""A world of simulated histories: ordinary lives, legitimate surprises and, grafted onto them, labelled abuse.

The same seed and parameters give the same world, bit by bit, however large and however it is cut into files.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

import numpy as np
import pyarrow as pa

from features.columns import EVENT_SCHEMA
from training.appearance import columns
from training.graft import Progress, graft, surprise
from training.habits import draw_identities
from training.knowledge import forget
from training.labels import World, joined, unlabelled
from training.life import draw_events, draw_sessions
from training.parameters import WorldParameters, world_parameters

__all__ = ["World", "WorldParameters", "cores_for", "simulate", "simulate_benign", "towns", "world_parameters"]

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
    return joined(list(towns(seed, world, progress, processes=processes))).sorted()


def sized(world: WorldParameters, identities: int | None, days: int | None) -> WorldParameters:
    """The parameters with as many identities and days as were said, if any; raises ValueError for a world of nobody."""
    given = {"identities": identities, "days": days}
    return replace(world, **{name: number for name, number in given.items() if number is not None})  # type: ignore[arg-type]


def cores_for(world: WorldParameters) -> int:
    """How many processes a world is worth on this machine."""
    count = -(-world.identities // world.identities_per_town)
    return max(1, min(len(os.sched_getaffinity(0)), count // WORTH_A_PROCESS))


def towns(
    seed: int, world: WorldParameters, progress: Progress | None = None, *, processes: int = 1
) -> Iterator[World]:
    """The same world one town of identities after another, each in order of time: no more in memory than there are
    processes, and one.

    A town depends on the seed, its number and the parameters alone, never on how many there are or who makes it.
    """
    count = -(-world.identities // world.identities_per_town)
    sizes = [min(world.identities_per_town, world.identities - n * world.identities_per_town) for n in range(count)]
    parts = [replace(world, identities=size) for size in sizes]
    if processes > 1:
        yield from _by_processes(seed, parts, progress, processes)
        return
    for number, part in enumerate(parts):
        yield _town(seed, number, part, _part(progress, 100 * number, 100, 100 * count))


def _by_processes(
    seed: int, parts: list[WorldParameters], progress: Progress | None, processes: int
) -> Iterator[World]:
    """In order of their numbers; a server forks the processes, since this one may hold threads."""
    made: deque[Future[World]] = deque()
    with ProcessPoolExecutor(processes, mp_context=get_context("forkserver")) as pool:
        for number, part in enumerate(parts):
            made.append(pool.submit(_town, seed, number, part, None))
            if len(made) > processes:
                yield made.popleft().result()
                if progress:
                    progress(number + 1 - processes, len(parts))
        while made:
            yield made.popleft().result()
            if progress:
                progress(len(parts) - len(made), len(parts))


def _town(seed: int, number: int, world: WorldParameters, progress: Progress | None) -> World:
    lives, surprises, abuse = np.random.SeedSequence([seed, number]).generate_state(3).tolist()
    benign = simulate_benign(lives, world, number)
    lived = surprise(benign, rate=world.situations, seed=surprises, progress=_part(progress, 20, 55, 100))
    lost = graft(
        lived.events, lived.labels, rate=world.lost_sessions, seed=abuse, progress=_part(progress, 75, 25, 100)
    )
    if progress:
        progress(100, 100)
    return lost.sorted()


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
