"""What models predict: whether a request is malicious now, and when the session's first malicious request will come."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from features.arrays import SECOND, Array
from features.model.trust_curve import HORIZONS
from training.data.labels import World
from training.data.sessions import session_keys

_NEVER = np.iinfo(np.int64).max
_ROWS_PER_COPY = 100_000


@dataclass(frozen=True)
class PredictionTargets:
    """The targets of every row, and what groups the rows; each array has shape (n,)."""

    known: Array
    """Whether the row has a label."""
    malicious: Array
    """Whether an attacker acted."""
    session: Array
    """Number of the row's session; an event without one is a session of its own."""
    in_session: Array
    """Whether the row names a session."""
    identity: Array
    """Number of the row's identity."""
    scenario: Array
    """Name of the attack; "" where there is none."""
    strength: Array
    """How much of the victim the attacker matches; "" where there is no attacker or it is unknown."""
    escalation: Array
    """Whether the row belongs to a legitimate escalation."""
    prior_sessions: Array
    """How many sessions of the identity began before this one."""
    seconds: Array
    """Seconds until the session's first malicious request: infinite where there is none, negative after it."""
    time: Array
    """In microseconds."""


def prediction_targets(world: World) -> PredictionTargets:
    """The targets of every row of a world."""
    labels = world.labels
    known = labels["compromised"].is_valid().to_numpy()
    malicious = labels["compromised"].fill_null(0).to_numpy().astype(bool)
    time = world.events["time"].cast(pa.int64()).to_numpy()
    identity = world.events["identity.id"].combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int64)
    session = _session_numbers(session_keys(world.events))
    first = np.full(int(session.max(initial=0)) + 1, _NEVER)
    np.minimum.at(first, session[malicious], time[malicious])
    first_malicious = first[session]
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
        seconds=np.where(first_malicious == _NEVER, np.inf, (first_malicious - time) / SECOND),
        time=time,
    )


def _session_numbers(keys: Array) -> Array:
    """Sessions by number; each event without a session gets a number of its own."""
    known, numbers = np.unique(keys, return_inverse=True)
    without = np.flatnonzero(keys == 0)
    numbers[without] = len(known) + np.arange(len(without))
    consecutive: Array = np.unique(numbers, return_inverse=True)[1]
    return consecutive


def _prior_sessions(session: Array, identity: Array, time: Array) -> Array:
    """By row: how many sessions of its identity began before its own."""
    began = np.full(int(session.max(initial=-1)) + 1, _NEVER)
    np.minimum.at(began, session, time)
    owner = np.zeros(len(began), np.int64)
    owner[session] = identity
    order = np.lexsort((began, owner))
    first = np.flatnonzero(np.diff(owner[order], prepend=-1))
    rank = np.arange(len(order)) - np.repeat(first, np.diff(first, append=len(order)))
    before = np.zeros(len(order), np.int64)
    before[order] = rank
    prior: Array = before[session]
    return prior


@dataclass(frozen=True)
class AtRisk:
    """The hazard model's examples: pairs of a row and an interval of HORIZONS in which its session could still be
    compromised; each array has shape (pairs,)."""

    rows: Array
    interval: Array
    compromised: Array
    """Whether the session's first malicious request falls into the interval."""

    def part(self, which: Array) -> AtRisk:
        """A subset of the pairs, by number or mask."""
        return AtRisk(self.rows[which], self.interval[which], self.compromised[which])

    def inputs(self, matrix: Array) -> Array:
        """The hazard model's inputs, shape (pairs, features + intervals): the row's features, then the interval
        one-hot. `matrix` holds the features of all rows."""
        inputs = np.zeros((len(self.rows), matrix.shape[1] + len(HORIZONS)))
        for start in range(0, len(inputs), _ROWS_PER_COPY):  # copying all features at once would double the memory
            part = slice(start, start + _ROWS_PER_COPY)
            inputs[part, : matrix.shape[1]] = matrix[self.rows[part]]
        inputs[np.arange(len(inputs)), matrix.shape[1] + self.interval] = 1.0
        return inputs


def at_risk_intervals(targets: PredictionTargets, rows: Array, end: int) -> AtRisk:
    """The intervals of each row that is not yet malicious, up to the compromise or to the end of the data.

    Sessions count as open until `end` (in microseconds): silence is no proof of safety, so only the end of the data
    censors a session. An interval that `end` cuts short counts only if the compromise happened before `end`.
    """
    not_yet = (targets.seconds[rows] > 0) & ~targets.malicious[rows] & targets.in_session[rows]
    open_rows = rows[not_yet]
    observed = (end - targets.time[open_rows]) / SECOND
    until_compromised = targets.seconds[open_rows]
    parts = []
    for interval, (start, stop) in enumerate(zip((0, *HORIZONS[:-1]), HORIZONS, strict=True)):
        compromised = (until_compromised > start) & (until_compromised <= stop)
        usable = (until_compromised > start) & ((observed >= stop) | compromised)
        parts.append((open_rows[usable], np.full(int(usable.sum()), interval), compromised[usable]))
    return AtRisk(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))
