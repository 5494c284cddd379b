"""Slices of the test that figures are computed for: by identity type, scenario, attacker, history and context."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from features.arrays import Array
from features.catalogue.all import feature_names
from training.metrics.evaluation import TestSet
from training.metrics.session_recall import ScoredSessions

HISTORY = (("new", 0, 1), ("1 to 11 sessions", 1, 12), ("12 to 38 sessions", 12, 39), ("39 and more", 39, 2**62))
"""Name, lower and upper bound of the number of earlier sessions of an identity. 12 and 39 are the lengths of history at
which the published login curves are read."""
THIN_CONTEXT = 0.5
"""Assumption: context is thin where less than this share of its fields is known."""


@dataclass(frozen=True)
class Slice:
    """A part of the test, as masks over its sessions and over its rows.

    A slice by abuse holds that abuse's compromised sessions, and all benign sessions of the identity types it affects.
    """

    group: str
    name: str
    sessions: Array
    rows: Array

    @classmethod
    def everything(cls, test_set: TestSet, sessions: ScoredSessions) -> Slice:
        """The whole test."""
        return cls("overall", "all", np.ones(len(sessions.compromised), bool), np.ones(len(test_set.rows), bool))


def slices_with_abuse(test_set: TestSet, sessions: ScoredSessions) -> list[Slice]:
    """Every slice that has a compromised session."""
    return [part for part in all_slices(test_set, sessions) if (part.sessions & sessions.compromised).any()]


def all_slices(test_set: TestSet, sessions: ScoredSessions) -> Iterator[Slice]:
    """Every slice, including those without a compromised session."""
    rows, compromised = test_set.rows, sessions.compromised
    yield Slice.everything(test_set, sessions)
    row_types = test_set.identity_type[rows]
    for identity_type in np.unique(sessions.identity_type):
        of_type = sessions.identity_type == identity_type
        yield Slice("identity type", str(identity_type), of_type, row_types == identity_type)
    for name in sorted({str(name) for name in sessions.scenario[compromised]}):
        yield _abuse_slice("scenario", name or "unnamed", sessions.scenario == name, test_set, sessions)
    for name in sorted({str(name) for name in sessions.strength[compromised]} - {""}):
        yield _abuse_slice("attacker strength", name, sessions.strength == name, test_set, sessions)
    earlier, earlier_of_session = test_set.targets.prior_sessions[rows], test_set.targets.prior_sessions[sessions.first]
    for name, low, high in HISTORY:
        in_session = (earlier_of_session >= low) & (earlier_of_session < high)
        yield Slice("history", name, in_session, (earlier >= low) & (earlier < high))
    thin = test_set.matrix[:, feature_names().index("context_known_fraction")] < THIN_CONTEXT
    thin_session = thin[np.searchsorted(rows, sessions.first)]
    yield Slice("context", "thin", thin_session, thin)
    yield Slice("context", "rich", ~thin_session, ~thin)


def _abuse_slice(group: str, name: str, matching: Array, test_set: TestSet, sessions: ScoredSessions) -> Slice:
    affected = np.unique(sessions.identity_type[matching & sessions.compromised])
    benign = ~sessions.compromised & np.isin(sessions.identity_type, affected)
    return Slice(group, name, matching | benign, np.isin(test_set.identity_type[test_set.rows], affected))
