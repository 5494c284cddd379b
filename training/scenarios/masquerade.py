"""Masquerades: sessions of other identities of the same type moved into a victim's, whole or from a point on.

A scenario does what attackers are known to do. Here nothing is suspicious in itself: everything was somebody's ordinary
work, only not this identity's. So a model has to learn whose habits these are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.arrays import Array
from features.event.arrow import EVENT_SCHEMA
from training.data.labels import LABELS, SIMULATED, World
from training.data.sessions import visit_keys
from training.scenarios.actions import Rng

MASQUERADE = "masquerade"
"""The scenario of moved events."""
KEPT = 0.45
"""Share of masquerades with the victim's own network, device, client and credential: the strong attacker, who works on
the victim's machine. All others bring the donor's."""
OUTSIDE = 0.5
"""Share of masquerades whose donor is not part of the population, where there is one."""
_FROM_A_POINT_ON = 0.6
_SHORTEST_VICTIM, _SHORTEST_DONOR = 3, 4
_MOVED = (3, 15)
"""Moved events: at least the first, fewer than the second, if the donor's session has as many."""
_VICTIMS_OWN = ("identity.", "session.")
_CONTEXT = ("network.", "device.", "credential.", "authentication.")


@dataclass(frozen=True)
class Masquerades:
    """A world with moved sessions, of which the victims' own events give way."""

    world: World
    moved: Array
    """Which of its rows were moved there, shape (n,)."""
    source: Array
    """For each of these, in order: the number of the row before that it is a copy of."""
    outside: Array
    """For each masquerade: whether its donor is outside the population."""
    kept: Array
    """For each masquerade: whether the victim's network, device, client and credential were kept."""


@dataclass(frozen=True)
class _Moves:
    """What is moved, one entry for each moved event."""

    donor: Array
    victim: Array
    """The row whose identity, session and, if kept, context the event gets."""
    kept: Array
    time: Array
    """In µs."""


def move_sessions(world: World, inside: Array, share: float, seed: int, *, own: bool = False) -> Masquerades:
    """Move sessions into a share of the benign ones of a world, whose rows are in order of time.

    `inside` says of each row whether its identity is part of the population, shape (n,). Victim and donor belong to the
    same deployment, so what the log records stays the same. Days stand for sessions where an identity has none.

    With `own` every donor is the victim itself, who stays where the session is: a control that no model may find. The
    session is then not where it came from any more, or it would be as known as what is done twice.
    """
    rng = np.random.default_rng(seed)
    sessions = _benign_sessions(world)
    donors = _Donors(world, inside, sessions, own=own)
    moves, dropped, outside, kept = [], [np.zeros(0, np.int64)], [], []
    time = world.events["time"].cast(pa.int64()).to_numpy()
    for rows in sessions:
        if len(rows) < _SHORTEST_VICTIM or rng.random() >= share:
            continue
        donor, from_outside = donors.draw(rows, rng)
        if donor is None:
            continue
        cut = int(rng.integers(1, len(rows))) if rng.random() < _FROM_A_POINT_ON else 0
        length = min(len(donor), int(rng.integers(*_MOVED)))
        start = int(rng.integers(len(donor) - length + 1))
        segment, strong = donor[start : start + length], bool(rng.random() < KEPT) or own
        when = time[rows[cut]] + time[segment] - time[segment[0]]
        moves.append(_Moves(segment, np.full(length, rows[cut]), np.full(length, strong), when))
        dropped += [rows[cut:], donor] if own else [rows[cut:]]
        outside.append(from_outside)
        kept.append(strong)
    left = np.ones(len(time), bool)
    left[np.concatenate(dropped)] = False
    return _put_together(world, left, moves, np.array(outside, bool), np.array(kept, bool))


def _benign_sessions(world: World) -> list[Array]:
    """Numbers of the rows of each session without a malicious or unlabelled event, in order of time."""
    keys = visit_keys(world.events)
    touched = np.unique(keys[world.labels["compromised"].fill_null(1).to_numpy() != 0])
    rows = np.flatnonzero((keys != 0) & ~np.isin(keys, touched))
    rows = rows[np.argsort(keys[rows], kind="stable")]
    return [part for part in np.split(rows, np.flatnonzero(np.diff(keys[rows])) + 1) if len(part)]


class _Donors:
    """Sessions by deployment, identity type and whether their identity is outside the population."""

    def __init__(self, world: World, inside: Array, sessions: list[Array], *, own: bool) -> None:
        codes = (_codes(world.labels["deployment"]), _codes(world.events["identity.type"]))
        self.identity, self.inside, self.own = _codes(world.events["identity.id"]), inside, own
        self.group = self.identity if own else codes[0] * (int(codes[1].max(initial=0)) + 1) + codes[1]
        self.sessions: dict[tuple[int, bool], list[Array]] = {}
        for rows in sessions:
            if len(rows) >= _SHORTEST_DONOR:
                self.sessions.setdefault(self._place(rows, bool(inside[rows[0]])), []).append(rows)

    def _place(self, rows: Array, inside: bool) -> tuple[int, bool]:
        return int(self.group[rows[0]]), inside

    def draw(self, rows: Array, rng: Rng) -> tuple[Array | None, bool]:
        """A session of somebody else (of the same identity for the control), and whether its identity is outside the
        population; None where there is none."""
        wanted = bool(rng.random() >= OUTSIDE)
        for inside in (wanted, not wanted):
            choices = self.sessions.get(self._place(rows, inside), [])
            for _ in range(20 if choices else 0):
                donor = choices[int(rng.integers(len(choices)))]
                same = self.identity[donor[0]] == self.identity[rows[0]]
                if same == self.own and donor[0] != rows[0]:
                    return donor, not inside
        return None, False


def _codes(column: pa.ChunkedArray) -> Array:
    codes: Array = column.fill_null("").combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int64)
    return codes


def _put_together(world: World, left: Array, moves: list[_Moves], outside: Array, kept: Array) -> Masquerades:
    """The rows that are left and the moved ones, in order of time."""
    own = World(world.events.filter(pa.array(left)), world.labels.filter(pa.array(left)))
    if not moves:
        return Masquerades(own, np.zeros(len(own.events), bool), np.zeros(0, np.int64), outside, kept)
    all_moves = _Moves(*(np.concatenate(parts) for parts in zip(*(vars(each).values() for each in moves), strict=True)))
    events = pa.table(dict(_columns(world.events, all_moves)), schema=EVENT_SCHEMA)
    labels = _labels(world.labels["deployment"].take(pa.array(all_moves.victim)), all_moves.kept)
    joined = World(pa.concat_tables([own.events, events]), pa.concat_tables([own.labels, labels]))
    order = joined.events["time"].to_numpy().argsort(kind="stable")
    source = all_moves.donor[order[order >= len(own.events)] - len(own.events)]
    return Masquerades(joined.sorted(), order >= len(own.events), source, outside, kept)


def _columns(events: pa.Table, moves: _Moves) -> Iterator[tuple[str, pa.ChunkedArray]]:
    context = pa.array(np.where(moves.kept, moves.victim, moves.donor))
    passed = moves.time - events["time"].cast(pa.int64()).to_numpy()[context.to_numpy()]
    later = pa.array(np.where(moves.kept, 0, passed)).cast(pa.duration("us"))
    for field in EVENT_SCHEMA:
        if field.name == "time":
            yield field.name, pa.array(moves.time).cast(pa.timestamp("us")).cast(field.type)
        elif field.name.startswith(_CONTEXT) and pa.types.is_timestamp(field.type):
            yield field.name, pc.add(events[field.name].take(context), later)  # a proof is as old as it was
        elif field.name == "id":
            yield field.name, pa.array([f"moved-{number:x}" for number in range(len(moves.time))])
        elif field.name.startswith(_VICTIMS_OWN):
            yield field.name, events[field.name].take(pa.array(moves.victim))
        elif field.name.startswith(_CONTEXT):
            yield field.name, events[field.name].take(context)
        else:
            yield field.name, events[field.name].take(pa.array(moves.donor))


def _labels(deployment: pa.ChunkedArray, kept: Array) -> pa.Table:
    n = len(kept)
    columns = {
        "compromised": pa.array(np.ones(n, np.int8)),
        "scenario": pa.array([MASQUERADE] * n),
        "situation": pa.nulls(n, pa.string()),
        "legitimate_escalation": pa.array(np.zeros(n, bool)),
        "label_source": pa.array([SIMULATED] * n),
        "strength": pc.if_else(pa.array(kept), "same_device", "naive"),
        "deployment": deployment,
    }
    return pa.table(columns, schema=LABELS)
