"""A world of simulated histories: ordinary lives, legitimate surprises and, grafted onto them, labelled abuse.

The same seed and parameters give the same world, bit by bit.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa

from features.columns import EVENT_SCHEMA
from training.appearance import columns
from training.graft import Progress, graft, surprise
from training.habits import draw_identities
from training.knowledge import forget
from training.labels import World, unlabelled
from training.life import draw_events, draw_sessions
from training.parameters import WorldParameters, world_parameters

__all__ = ["World", "WorldParameters", "simulate", "simulate_benign", "world_parameters"]


def simulate(
    seed: int,
    *,
    identities: int | None = None,
    days: int | None = None,
    parameters: WorldParameters | None = None,
    progress: Progress | None = None,
) -> World:
    """A whole world in order of time; `progress` is told how many of 100 parts are done."""
    world = _sized(parameters or world_parameters(), identities, days)
    benign = simulate_benign(seed, world)
    lived = surprise(benign, rate=world.situations, seed=seed + 1, progress=_part(progress, 20, 75))
    lost = graft(lived.events, lived.labels, rate=world.lost_sessions, seed=seed + 2, progress=_part(progress, 75, 100))
    return lost.sorted()


def _part(progress: Progress | None, first: int, last: int) -> Progress | None:
    """Progress from `first` to `last` of 100 while something is done from nothing to its own total."""
    if progress is None:
        return None
    told = progress
    return lambda done, total: told(first + (last - first) * done // total, 100)


def simulate_benign(seed: int, world: WorldParameters) -> World:
    """Ordinary lives only."""
    rng = np.random.default_rng(seed)
    who = draw_identities(rng, world)
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


def _sized(world: WorldParameters, identities: int | None, days: int | None) -> WorldParameters:
    return replace(world, identities=identities or world.identities, days=days or world.days)
