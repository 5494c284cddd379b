"""What is to be learnt: whether a request is malicious, and in which interval after it the first malicious act falls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from features.arrays import SECOND, Array
from features.model.trust_curve import HORIZONS
from training.data.labels import World
from training.data.sessions import session_keys

AT_ONCE = 100_000
NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class PredictionTargets:
    """Per row, shape (n,) unless said otherwise."""

    known: Array
    """Whether it is known who acted."""
    malicious: Array
    """1 where an intruder acted."""
    session: Array
    """Number of the row's session; every event without one is a session of its own."""
    in_session: Array
    """Whether the row names a session."""
    identity: Array
    """Number of the row's identity."""
    scenario: Array
    """Name of the abuse, "" where there is none."""
    strength: Array
    """How like the owner the intruder made himself, "" where there is none or it is not known."""
    escalation: Array
    """Whether it belongs to a legitimate escalation."""
    prior_sessions: Array
    """How many sessions its identity had begun before this one."""
    seconds: Array
    """Seconds until the first malicious act in the same session, infinite where none is known, negative when past."""
    time: Array
    """In µs."""


def outcomes(world: World) -> PredictionTargets:
    """What became of every row of a world."""
    labels = world.labels
    known = labels["compromised"].is_valid().to_numpy()
    malicious = labels["compromised"].fill_null(0).to_numpy().astype(bool)
    time = world.events["time"].cast(pa.int64()).to_numpy()
    identity = world.events["identity.id"].combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int64)
    session = _numbered(session_keys(world.events))
    first = np.full(int(session.max(initial=0)) + 1, NEVER)
    np.minimum.at(first, session[malicious], time[malicious])
    begins = first[session]
    seconds = np.where(begins == NEVER, np.inf, (begins - time) / SECOND)
    return PredictionTargets(
        known=known,
        malicious=malicious,
        session=session,
        in_session=world.events["session.id"].is_valid().to_numpy(),
        identity=identity,
        scenario=labels["scenario"].fill_null("").to_numpy(),
        strength=labels["strength"].fill_null("").to_numpy(),
        escalation=labels["legitimate_escalation"].fill_null(False).to_numpy(),
        prior_sessions=_prior_sessions(session, identity, time),
        seconds=seconds,
        time=time,
    )


def _numbered(keys: Array) -> Array:
    """Sessions by number; an event without one is a session of its own, numbered after them."""
    known, places = np.unique(keys, return_inverse=True)
    unnamed = np.flatnonzero(keys == 0)
    places[unnamed] = len(known) + np.arange(len(unnamed))
    numbers: Array = np.unique(places, return_inverse=True)[1]
    return numbers


def _prior_sessions(session: Array, identity: Array, time: Array) -> Array:
    """By row: sessions of its identity that began before its own."""
    began = np.full(int(session.max(initial=-1)) + 1, NEVER)
    np.minimum.at(began, session, time)
    whose = np.zeros(len(began), np.int64)
    whose[session] = identity
    order = np.lexsort((began, whose))
    first = np.flatnonzero(np.diff(whose[order], prepend=-1))
    number = np.arange(len(order)) - np.repeat(first, np.diff(first, append=len(order)))
    before = np.zeros(len(order), np.int64)
    before[order] = number
    prior: Array = before[session]
    return prior


@dataclass(frozen=True)
class AtRisk:
    """Pairs of a row and an interval in which its session could still be compromised."""

    rows: Array
    interval: Array
    compromised: Array

    def part(self, which: Array) -> AtRisk:
        """Some of them, by number."""
        return AtRisk(self.rows[which], self.interval[which], self.compromised[which])

    def inputs(self, matrix: Array) -> Array:
        """The hazard model's inputs: the features, then which interval."""
        inputs = np.zeros((len(self.rows), matrix.shape[1] + len(HORIZONS)))
        for start in range(0, len(inputs), AT_ONCE):  # in parts: all features taken out at once take as much again
            part = slice(start, start + AT_ONCE)
            inputs[part, : matrix.shape[1]] = matrix[self.rows[part]]
        inputs[np.arange(len(inputs)), matrix.shape[1] + self.interval] = 1.0
        return inputs


def at_risk(of: PredictionTargets, rows: Array, end: int) -> AtRisk:
    """For each row not yet malicious: its intervals, up to the loss or to where nothing more is known.

    The session counts as kept open: going quiet is not safety, and only the end of the data cuts off what is known.
    An interval that is cut off says nothing unless the loss fell into what was seen of it.
    """
    open_rows = rows[(of.seconds[rows] > 0) & ~of.malicious[rows] & of.in_session[rows]]
    watched = (end - of.time[open_rows]) / SECOND
    ahead = of.seconds[open_rows]
    parts = []
    for interval, (start, stop) in enumerate(zip((0, *HORIZONS[:-1]), HORIZONS, strict=True)):
        compromised = (ahead > start) & (ahead <= stop)
        seen = (ahead > start) & ((watched >= stop) | compromised)
        parts.append((open_rows[seen], np.full(int(seen.sum()), interval), compromised[seen]))
    rows_, intervals, compromised_ = (np.concatenate(each) for each in zip(*parts, strict=True))
    return AtRisk(rows_, intervals, compromised_)
