"""Copies of identities whose past is cut away: what is new to the engine is attacked as often as anything else.

A simulated attacker continues a history. A model that sees attacks on known identities alone learns that an unknown
past proves the legitimate user, and every deployment begins with nothing known. So sessions of the fitted identities
are copied to identities of their own, of which they are the first thing seen: from the beginning of the session, or
from somewhere within it, for an attacked one from its first malicious request.

Every attacked session is copied and a share of the benign ones, all with weights that keep the odds of an attack.

The names of a new deployment are not those of the population a model comes with: its own clients, operators and actions
are ordinary there and unheard of here. So each copy finds half of these vocabularies foreign, in attacks and otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from features.arrays import Array
from features.catalogue.all import FEATURES, feature_names
from features.engine.batch import time_order
from features.event.numpy_row import rows_of
from features.hashing import keys_of
from features.kernels.decayed_counts import RAREST
from training.data.labels import World
from training.data.targets import PredictionTargets
from training.model.fit import Examples, row_examples
from training.pipeline.deployments import DeploymentPopulations

LENGTH = 20
"""Events of a copy: what comes after them is no longer new."""
FOREIGN = 0.5
"""The share of copies to which a vocabulary is foreign."""
_VOCABULARIES = [feature_names().index(f"{name}_population_rarity") for name in ("asn", "agent", "system", "action")]
BATCH = 250_000
"""Events, about, whose rows are in memory at a time."""


@dataclass(frozen=True)
class ColdCopies:
    """The first requests of copied identities with a known label."""

    matrix: Array
    """Their features, shape (n, features)."""
    malicious: Array
    """Shape (n,)."""
    row: Array
    """The row each was copied from, shape (n,)."""
    position: Array
    """How many events of the copied identity came before, shape (n,)."""
    copy: Array
    """The number of the copy, shape (n,)."""
    weight: Array
    """How many requests of copies of all sessions each stands for, shape (n,)."""

    def append_to(self, examples: Examples, share: float) -> Examples:
        """The given examples followed by these, which count as if a share of all sessions had been copied."""
        copied = row_examples(self.matrix, np.arange(len(self.malicious)), self.malicious)
        return examples.followed_by(copied.weighted(share * self.weight))


_NONE = np.empty(0, np.int64)
NO_COPIES = ColdCopies(np.empty((0, len(FEATURES))), np.empty(0, bool), _NONE, _NONE, _NONE, np.empty(0))


def copy_sessions(
    world: World, targets: PredictionTargets, rows: Array, populations: DeploymentPopulations, share: float, seed: int
) -> ColdCopies:
    """Copy every attacked session of some rows, given by number, and a share of the benign ones.

    Each copy goes on with the identity's next events, LENGTH in all.
    """
    if not share or not len(rows):
        return NO_COPIES
    rng = np.random.default_rng(seed)
    order = _by_identity_in_time(targets, rows)
    first, attacked = _sessions(targets, order)
    chosen = attacked | (rng.random(len(first)) < share)
    if not chosen.any():
        return NO_COPIES
    starts = _starts(targets, order, first[chosen], rng)
    copied, copy = _events_from(targets, order, starts)
    weight = np.where(attacked[chosen], 1.0, 1.0 / share)[copy]
    matrix, position = _replayed(world, copied, copy, populations)
    _make_foreign(matrix, rng.random((len(starts), len(_VOCABULARIES)))[copy] < FOREIGN)
    kept = np.flatnonzero(targets.known[copied] & np.isin(copied, rows))
    return ColdCopies(
        matrix[kept], targets.malicious[copied[kept]], copied[kept], position[kept], copy[kept], weight[kept]
    )


def _by_identity_in_time(targets: PredictionTargets, rows: Array) -> Array:
    """All rows of the identities that `rows` belong to, from the first of `rows` to the last, identity by identity."""
    fitted = np.isin(targets.identity, np.unique(targets.identity[rows]))
    begin, end = targets.time[rows].min(), targets.time[rows].max()
    candidates = np.flatnonzero(fitted & (targets.time >= begin) & (targets.time <= end))
    return candidates[np.lexsort((targets.time[candidates], targets.identity[candidates]))]


def _sessions(targets: PredictionTargets, order: Array) -> tuple[Array, Array]:
    """For each session: the place in `order` of its first event, and whether it was attacked."""
    session, first, inverse = np.unique(targets.session[order], return_index=True, return_inverse=True)
    attacked = np.zeros(len(session), bool)
    np.logical_or.at(attacked, inverse, targets.malicious[order])
    return first, attacked


def _starts(targets: PredictionTargets, order: Array, first: Array, rng: np.random.Generator) -> Array:
    """Where each copied session begins: half of them with the session, half within it."""
    session = targets.session[order]
    by_session = np.lexsort((np.arange(len(order)), session))
    begin = np.searchsorted(session[by_session], session[first])
    size = np.searchsorted(session[by_session], session[first], side="right") - begin
    within = by_session[begin + (rng.random(len(first)) * size).astype(np.int64)]
    malicious = np.flatnonzero(targets.malicious[order])
    attacked, at = np.unique(session[malicious], return_index=True)
    number = np.minimum(np.searchsorted(attacked, session[first]), max(len(attacked) - 1, 0))
    if len(attacked):
        within = np.where(attacked[number] == session[first], malicious[at[number]], within)
    starts: Array = np.where(rng.random(len(first)) < 0.5, first, within)
    return starts


def _events_from(targets: PredictionTargets, order: Array, starts: Array) -> tuple[Array, Array]:
    """The rows of each copy, and the copy each belongs to."""
    identity = targets.identity[order]
    ends = np.searchsorted(identity, identity[starts], side="right")
    counts = np.minimum(ends - starts, LENGTH)
    copy = np.repeat(np.arange(len(starts)), counts)
    return order[starts[copy] + _ranks(counts)], copy


def _ranks(counts: Array) -> Array:
    """0, 1, … for each group, given how many each has."""
    ranks: Array = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return ranks


def _make_foreign(matrix: Array, foreign: Array) -> None:
    """Let every known name of a vocabulary be the rarest, in place; `foreign` has shape (n, vocabularies)."""
    for column, rows in zip(_VOCABULARIES, foreign.T, strict=True):
        matrix[rows & ~np.isnan(matrix[:, column]), column] = RAREST


def _replayed(world: World, copied: Array, copy: Array, populations: DeploymentPopulations) -> tuple[Array, Array]:
    """The features of all copied events, shape (n, features), and the position of each in its copy as replayed."""
    matrix, position = np.empty((len(copied), len(FEATURES))), np.empty(len(copied), np.int64)
    deployment = populations.number_rows(world)[copied]
    bounds = np.searchsorted(copy, np.arange(0, int(copy.max(initial=-1)) + 1, max(1, BATCH // LENGTH)))
    for begin, end in zip(bounds, [*bounds[1:], len(copied)], strict=True):
        rows = rows_of(world.events.take(pa.array(copied[begin:end])))
        rows["identity_key"] = keys_of([f"copy {number}".encode() for number in copy[begin:end]])
        matrix[begin:end] = populations.replay(rows, deployment[begin:end])
        order = begin + time_order(rows)
        position[order[np.argsort(copy[order], kind="stable")]] = _ranks(np.bincount(copy[begin:end] - copy[begin]))
    return matrix, position
