"""Real records as a model sees them: nothing of anybody is known beforehand but what the records themselves say.

What real records there are is little, and of other kinds than a deployment's: each source is measured by itself, with
a sentence on what it can show, and never pooled with another or with anything simulated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from features.arrays import Array
from features.catalogue.all import feature_names
from features.engine.batch import replay
from features.enrichment.ip_lookup import NetworkTables, fill
from features.event.arrow import conform
from features.model.bundle import TrustModel
from features.model.trust_curve import probability
from training.metrics.bootstrap import Estimate, bootstrap_weights
from training.metrics.evaluation import BUDGETS

REAL = "real records"
"""What every table of theirs says it is about."""


@dataclass(frozen=True)
class ScoredRecords:
    """Events in the order given, each with what the model makes of it."""

    events: pa.Table
    matrix: Array
    risk: Array
    kind: Array
    identity: Array
    """Number of each event's identity."""
    limits: Mapping[float, Array]
    """By budget: the risk above which the model challenges each event."""

    def challenged(self, budget: float) -> Array:
        """Whether each event would be challenged; nobody is whose type the model has not seen."""
        return self.risk > self.limits[budget]

    def share(self, budget: float, here: Array, seed: int) -> Estimate:
        """The share of some events that is challenged, over resampled identities."""
        return bootstrap_weights(self.identity[here], seed).mean(self.challenged(budget)[here], self.identity[here])

    @property
    def known(self) -> Array:
        """The share of the context that is known of each event."""
        column: Array = self.matrix[:, feature_names().index("context_known_fraction")]
        return column


def seen(model: TrustModel, events: pa.Table, tables: NetworkTables) -> ScoredRecords:
    """Fill in what follows from addresses, replay, and score with the model's own population and thresholds."""
    events = fill(conform(events), tables)
    matrix = replay(events, model.population)
    kind = events["identity.type"].to_numpy().astype(str)
    who = events["identity.id"].combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int64)
    risk = probability(model.now_log_odds(matrix))
    limits = {budget: np.array([_limit(model, each, budget) for each in kind]) for budget in BUDGETS}
    return ScoredRecords(events, matrix, risk, kind, who, limits)


def _limit(model: TrustModel, kind: str, budget: float) -> float:
    return 1.0 - model.threshold(kind, budget) if kind in model.thresholds else np.inf


def ranks_above(mine: Array, others: Array) -> float:
    """How often one of the first scores higher than one of the second, ties counting half: the area under the ROC."""
    if not len(mine) or not len(others):
        return float("nan")
    falling = np.sort(others)
    below, upto = (np.searchsorted(falling, mine, side=side) for side in ("left", "right"))
    return float((below + upto).mean() / (2 * len(others)))


def columns(*first: str) -> tuple[str, ...]:
    """The head of a table of shares challenged."""
    return (*first, *(f"challenged at {budget:.1%} friction" for budget in BUDGETS))


def cells(of: ScoredRecords, here: Array, seed: int) -> Iterable[str]:
    """The shares challenged, by budget."""
    return (str(of.share(budget, here, seed)) for budget in BUDGETS)
