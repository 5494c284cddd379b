"""Whom a figure is about: identity types, scenarios, attackers' strength, lengths of history, context."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from features.arrays import Array
from features.catalogue.all import feature_names
from training.metrics.evaluation import TestSet
from training.metrics.session_recall import Sessions

HISTORY = (("new", 0, 1), ("1 to 11 sessions", 1, 12), ("12 to 38 sessions", 12, 39), ("39 and more", 39, 2**62))
"""By how many sessions the identity had begun before: from, and below. 12 and 39 are those of the published curves."""
THIN = 0.5
"""Assumption: context is thin where less than this share of its fields is known."""


@dataclass(frozen=True)
class Slice:
    """Some of the test: masks over its sessions and over its rows. Lost sessions are the slice's own; where they are
    chosen by the abuse, the benign ones are all those of the identity types it befalls."""

    group: str
    name: str
    sessions: Array
    rows: Array


def slices(tested: TestSet, mine: Sessions) -> list[Slice]:
    """Every slice with a compromised session in it."""
    return [each for each in every_slice(tested, mine) if (each.sessions & mine.compromised).any()]


def every_slice(tested: TestSet, mine: Sessions) -> Iterator[Slice]:
    """Also those without a compromised session."""
    of, rows = tested.targets, tested.rows
    yield Slice("overall", "all", np.ones(len(mine.compromised), bool), np.ones(len(rows), bool))
    for kind in np.unique(mine.kind):
        yield Slice("identity type", str(kind), mine.kind == kind, tested.kind[rows] == kind)
    for name in sorted({str(name) for name in mine.scenario[mine.compromised]}):
        yield _abuse("scenario", name or "unnamed", mine.scenario == name, tested, mine)
    for name in sorted({str(name) for name in mine.strength[mine.compromised]} - {""}):
        yield _abuse("attacker strength", name, mine.strength == name, tested, mine)
    before, before_session = of.prior_sessions[rows], of.prior_sessions[mine.first]
    for name, low, high in HISTORY:
        yield Slice(
            "history", name, (before_session >= low) & (before_session < high), (before >= low) & (before < high)
        )
    thin = tested.matrix[:, feature_names().index("context_known_fraction")] < THIN
    thin_session = thin[np.searchsorted(rows, mine.first)]
    yield Slice("context", "thin", thin_session, thin)
    yield Slice("context", "rich", ~thin_session, ~thin)


def _abuse(group: str, name: str, compromised: Array, tested: TestSet, mine: Sessions) -> Slice:
    kinds = np.unique(mine.kind[compromised & mine.compromised])
    return Slice(
        group,
        name,
        compromised | (~mine.compromised & np.isin(mine.kind, kinds)),
        np.isin(tested.kind[tested.rows], kinds),
    )
