"""Labels as a company has them: late, incomplete, wrong, or by whole sessions.

A simulated world labels every row correctly; a company knows only what somebody found out. These functions degrade the
labels accordingly: train on what they return, and evaluate on the world itself. Their rates are the parameters
`label_*` of `world.yaml`. A takeover (all actions of one attack on one identity) is found or missed as a whole.
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
"""How attackers' actions that nobody found are labelled: not at all, or as benign (as most logs are read)."""
_NEVER = np.iinfo(np.int64).max
_DAY_MICROSECONDS = 86_400e6


def truncate_at(world: World, at: datetime) -> World:
    """What had happened by a moment; sessions that were still open end there."""
    before = pc.less_equal(world.events["time"], pa.scalar(at, world.events["time"].type))
    return World(world.events.filter(before), world.labels.filter(before))


def late_labels(
    world: World, at: datetime, parameters: WorldParameters, seed: int, *, taken_for: TakenFor = "unknown"
) -> World:
    """What was found by a moment: each takeover is found a log-normal number of days after its first action."""
    takeover = _takeover_numbers(world)
    time = world.events["time"].cast(pa.int64()).to_numpy()
    first = np.full(int(takeover.max(initial=-1)) + 1, _NEVER)
    np.minimum.at(first, takeover[takeover >= 0], time[takeover >= 0])
    rng = np.random.default_rng(seed)
    days = parameters.label_delay_days * rng.lognormal(0.0, parameters.label_delay_spread, len(first))
    found = first + days * _DAY_MICROSECONDS <= at.timestamp() * 1e6
    return _hide(world, (takeover >= 0) & ~found[takeover], taken_for)


def partial_labels(world: World, parameters: WorldParameters, seed: int, *, taken_for: TakenFor = "unknown") -> World:
    """What is ever found: a share (`labels_found`) of the takeovers."""
    takeover = _takeover_numbers(world)
    found = np.random.default_rng(seed).random(int(takeover.max(initial=-1)) + 1) < parameters.labels_found
    return _hide(world, (takeover >= 0) & ~found[takeover], taken_for)


def wrong_labels(world: World, parameters: WorldParameters, seed: int) -> World:
    """What investigations get wrong: some takeovers are called benign, and some benign sessions compromised (without
    a scenario)."""
    rng = np.random.default_rng(seed)
    takeover = _takeover_numbers(world)
    missed = rng.random(int(takeover.max(initial=-1)) + 1) < parameters.labels_missed
    cleared = _hide(world, (takeover >= 0) & missed[takeover], "benign")
    keys, session = np.unique(session_keys(world.events), return_inverse=True)
    attacked = np.zeros(len(keys), bool)
    attacked[session[takeover >= 0]] = True
    accused = (rng.random(len(keys)) < parameters.labels_false_alarms) & (keys != 0) & ~attacked
    labelled = world.labels["compromised"].is_valid().to_numpy()
    return _relabel(cleared, compromised=_where(accused[session] & labelled, 1, cleared.labels["compromised"]))


def session_labels(world: World) -> World:
    """What an investigator marks: each compromised session from the attacker's first action on, the victim's own
    actions included."""
    keys, session = np.unique(session_keys(world.events), return_inverse=True)
    malicious = world.labels["compromised"].fill_null(0).to_numpy() == 1
    time = world.events["time"].cast(pa.int64()).to_numpy()
    first = np.full(len(keys), _NEVER)
    np.minimum.at(first, session[malicious], time[malicious])
    marked = (keys[session] != 0) & (time >= first[session]) & ~malicious
    return _relabel(world, compromised=_where(marked, 1, world.labels["compromised"]))


def _takeover_numbers(world: World) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The number of the takeover that each of the attackers' actions belongs to, -1 for everything else."""
    malicious = world.labels["compromised"].fill_null(0).to_numpy() == 1
    identity, scenario = (
        column.combine_chunks().dictionary_encode().indices.fill_null(-1).to_numpy().astype(np.int64)
        for column in (world.events["identity.id"], world.labels["scenario"])
    )
    pairs = identity * (int(scenario.max(initial=0)) + 2) + scenario + 1
    number = np.full(len(malicious), -1, np.int64)
    number[malicious] = np.unique(pairs[malicious], return_inverse=True)[1]
    return number


def _hide(world: World, rows: Mask, taken_for: TakenFor) -> World:
    """A copy in which these attackers' actions are unlabelled or benign, and name no attack."""
    value = 0 if taken_for == "benign" else None
    names = {name: _where(rows, None, world.labels[name]) for name in ("scenario", "strength")}
    return _relabel(world, compromised=_where(rows, value, world.labels["compromised"]), **names)


def _where(rows: Mask, value: Any, column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.if_else(pa.array(rows), pa.scalar(value, column.type), column)


def _relabel(world: World, **columns: pa.ChunkedArray) -> World:
    return World(
        world.events, pa.table([columns.get(name, world.labels[name]) for name in LABELS.names], schema=LABELS)
    )
