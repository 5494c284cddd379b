"""Labels as they are: what was found out, when, of which sessions, and rightly or not.

A simulated world knows everything about itself; a company knows what somebody found out. These functions take away, or
spoil, as much: train on what they return, and judge on the world itself. `numbers` are the world's parameters
(`label_*` in `world.yaml`). A takeover is found as a whole: all acts of one abuse of one identity.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from training.data.labels import LABELS, World
from training.data.sessions import session_keys
from training.simulation.parameters import WorldParameters

Mask = np.ndarray[Any, np.dtype[np.bool_]]
TakenFor = Literal["unknown", "benign"]
"""What acts count as that nobody has found out: nobody's, or, as most logs are read, their owner's."""


def cut(world: World, at: datetime) -> World:
    """What had happened by a moment: sessions still open then are censored, and the rest of them is not there."""
    before = pc.less_equal(world.events["time"], pa.scalar(at, world.events["time"].type))
    return World(world.events.filter(before), world.labels.filter(before))


def late(world: World, at: datetime, numbers: WorldParameters, seed: int, *, taken_for: TakenFor = "unknown") -> World:
    """What was found out by a moment: each takeover comes to light some days (log-normal) after its first act."""
    takeover = _takeovers(world)
    time = world.events["time"].cast(pa.int64()).to_numpy()
    first = np.full(int(takeover.max(initial=-1)) + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, takeover[takeover >= 0], time[takeover >= 0])
    rng = np.random.default_rng(seed)
    days = numbers.label_delay_days * rng.lognormal(0.0, numbers.label_delay_spread, len(first))
    found = first + days * 86_400e6 <= at.timestamp() * 1e6
    return _forgotten(world, (takeover >= 0) & ~found[takeover], taken_for)


def partial(world: World, numbers: WorldParameters, seed: int, *, taken_for: TakenFor = "unknown") -> World:
    """What is ever found out: a share of the takeovers, whole ones."""
    takeover = _takeovers(world)
    found = np.random.default_rng(seed).random(int(takeover.max(initial=-1)) + 1) < numbers.labels_found
    return _forgotten(world, (takeover >= 0) & ~found[takeover], taken_for)


def wrong(world: World, numbers: WorldParameters, seed: int) -> World:
    """What is found out wrongly: some takeovers are called benign, and some benign sessions compromised, of no named abuse."""
    rng = np.random.default_rng(seed)
    takeover = _takeovers(world)
    missed = rng.random(int(takeover.max(initial=-1)) + 1) < numbers.labels_missed
    cleared = _forgotten(world, (takeover >= 0) & missed[takeover], "benign")
    keys, place = np.unique(session_keys(world.events), return_inverse=True)
    touched = np.zeros(len(keys), bool)
    touched[place[takeover >= 0]] = True
    accused = (rng.random(len(keys)) < numbers.labels_false_alarms) & (keys != 0) & ~touched
    known = world.labels["compromised"].is_valid().to_numpy()
    return _with(cleared, compromised=_where(accused[place] & known, 1, cleared.labels["compromised"]))


def by_session(world: World) -> World:
    """What an investigator marks: a whole session, from the intruder's first act in it on, his acts and its owner's."""
    keys, place = np.unique(session_keys(world.events), return_inverse=True)
    malicious = world.labels["compromised"].fill_null(0).to_numpy() == 1
    time = world.events["time"].cast(pa.int64()).to_numpy()
    first = np.full(len(keys), np.iinfo(np.int64).max)
    np.minimum.at(first, place[malicious], time[malicious])
    marked = (keys[place] != 0) & (time >= first[place]) & ~malicious
    return _with(world, compromised=_where(marked, 1, world.labels["compromised"]))


def _takeovers(world: World) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The number of the takeover each intruder's act belongs to, -1 for everything else."""
    malicious = world.labels["compromised"].fill_null(0).to_numpy() == 1
    coded = [
        column.combine_chunks().dictionary_encode().indices.fill_null(-1).to_numpy().astype(np.int64)
        for column in (world.events["identity.id"], world.labels["scenario"])
    ]
    pairs = coded[0] * (int(coded[1].max(initial=0)) + 2) + coded[1] + 1
    number = np.full(len(malicious), -1, np.int64)
    number[malicious] = np.unique(pairs[malicious], return_inverse=True)[1]
    return number


def _forgotten(world: World, mask: Mask, taken_for: TakenFor) -> World:
    """The same, where the masked acts are nobody's known abuse."""
    value = 0 if taken_for == "benign" else None
    named = {name: _where(mask, None, world.labels[name]) for name in ("scenario", "strength")}
    return _with(world, compromised=_where(mask, value, world.labels["compromised"]), **named)


def _where(mask: Mask, value: Any, column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.if_else(pa.array(mask), pa.scalar(value, column.type), column)


def _with(world: World, **columns: pa.ChunkedArray) -> World:
    said = [columns.get(name, world.labels[name]) for name in LABELS.names]
    return World(world.events, pa.table(said, schema=LABELS))
