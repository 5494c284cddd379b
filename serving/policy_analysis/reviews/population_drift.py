"""How far a deployment's population has moved: whether what is usual there is still what it is compared with."""

from __future__ import annotations

from datetime import datetime

import numpy as np

from features.arrays import Array
from features.history.category_codes import IDENTITY_TYPES
from features.history.evidence.fields import ACTION, AGENT, ASN
from features.history.evidence.frequencies import TAGS, Values, kept_values
from features.history.population_blend import FULL
from serving.errors import PopulationRefused
from serving.policy_analysis.reviews.drift_tests import MATERIAL_PSI, psi
from serving.store.populations.snapshots import own_population
from serving.store.store import Store

MOST_COMMON = 20
"""Values of a field that are compared one by one; the others are one more."""
FIELDS = (ACTION, AGENT, ASN)


def drift_between(before: Array, after: Array) -> float | None:
    """The largest population stability index over actions, clients and operators of each identity type.

    Each index is over the twenty most common values of both populations and the rest. Types with fewer than 500 events
    on either side are left out: their index would be chance. None where no type has as many.
    """
    ours, theirs = kept_values(before[0]), kept_values(after[0])
    found = []
    for kind in range(IDENTITY_TYPES + 1):
        for field in FIELDS:
            totals = before[0]["counted"][kind, field], after[0]["counted"][kind, field]
            if min(totals) < FULL:
                continue
            tag = kind * TAGS + field
            counts = _counts(ours, tag), _counts(theirs, tag)
            found.append(psi(*_binned(counts, totals)))
    return max(found, default=None)


def _counts(values: Values, tag: int) -> dict[int, float]:
    chosen = values.tag == tag
    return dict(zip(values.key[chosen].tolist(), values.amount[chosen].tolist(), strict=True))


def _binned(counts: tuple[dict[int, float], dict[int, float]], totals: tuple[float, float]) -> tuple[Array, Array]:
    """Counts of the most common values of both, and of the rest."""
    common = sorted({key for each in counts for key in sorted(each, key=each.__getitem__)[-MOST_COMMON:]})
    before, after = (
        np.array([*(each.get(key, 0.0) for key in common), max(total - sum(each.get(key, 0.0) for key in common), 0.0)])
        for each, total in zip(counts, totals, strict=True)
    )
    return before, after


def refresh_called_for(store: Store, at: datetime) -> str | None:
    """Why the population should be measured anew, or a model trained; None where nothing calls for it."""
    try:
        with store.reading() as tx:
            newest = tx.populations.newest()
            if newest is None:
                return None
            own = own_population(tx.populations, newest)
    except PopulationRefused as error:
        return str(error)
    if at > own.fresh_until:
        age = (at - own.measured_at).days
        return f"it was measured {age} days ago, on events of {own.days}: session-trust population refresh"
    if own.drift is not None and own.drift >= MATERIAL_PSI:
        return f"it moved by a PSI of {own.drift:.2f} at the last refresh: look at what changed, and retrain the model"
    return None
