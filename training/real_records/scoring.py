"""Score real records. Nothing is known of an identity beyond what the records themselves say.

There are few real records, and of other kinds than a deployment's. So each source is measured by itself, with a note on
what it can show, and never pooled with another source or with anything simulated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from sklearn.metrics import roc_auc_score

from features.arrays import Array
from features.catalogue.all import feature_names
from features.engine.batch import replay
from features.engine.population_window import measure_window
from features.enrichment.ip_lookup import NetworkTables, fill
from features.event.arrow import conform
from features.history.population_blend import blend
from features.model.bundle import TrustModel
from features.model.trust_curve import probability
from training.metrics.bootstrap import Estimate, bootstrap_weights
from training.metrics.evaluation import BUDGETS

SOURCE = "real records"
"""What tables of real records give as their source."""


@dataclass(frozen=True)
class ScoredRecords:
    """Events in the order given, and the model's score of each; n events."""

    events: pa.Table
    matrix: Array
    """Features, shape (n, features)."""
    risk: Array
    """The calibrated probability that each request is malicious, shape (n,)."""
    identity_type: Array
    identity: Array
    """Number of each event's identity, shape (n,)."""
    thresholds: Mapping[float, Array]
    """By budget: the risk above which the model challenges each event, shape (n,)."""

    def challenged(self, budget: float) -> Array:
        """Whether each event is challenged; never where the model has no threshold for the identity type."""
        return self.risk > self.thresholds[budget]

    def challenge_share(self, budget: float, mask: Array, seed: int) -> Estimate:
        """The share of some events that is challenged, with an interval over identities."""
        identity = self.identity[mask]
        return bootstrap_weights(identity, seed).mean(self.challenged(budget)[mask], identity)

    def challenge_cells(self, mask: Array, seed: int) -> Iterable[str]:
        """Table cells: the share of some events that is challenged at each budget."""
        return (str(self.challenge_share(budget, mask, seed)) for budget in BUDGETS)

    @property
    def context_known(self) -> Array:
        """The share of the context that is known of each event, shape (n,)."""
        column: Array = self.matrix[:, feature_names().index("context_known_fraction")]
        return column


def score_records(model: TrustModel, events: pa.Table, tables: NetworkTables) -> ScoredRecords:
    """Enrich addresses, replay, and score with the model's own population and thresholds."""
    events = fill(conform(events), tables)
    matrix = replay(events, model.population)
    identity_type = events["identity.type"].to_numpy().astype(str)
    identity = events["identity.id"].combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int64)
    thresholds = {
        budget: np.array([risk_threshold(model, name, budget) for name in identity_type]) for budget in BUDGETS
    }
    return ScoredRecords(events, matrix, probability(model.now_log_odds(matrix)), identity_type, identity, thresholds)


def own_population(model: TrustModel, window: pa.Table) -> Array:
    """A deployment's own population and scales, from its early window without labels, shape (1,) of POPULATION.

    They are blended with what comes with the model while the window is small.
    """
    return blend(model.population, measure_window(conform(window)))


def score_events(model: TrustModel, events: pa.Table, population: Array, wanted: Array) -> Array:
    """The calibrated log-odds that some events, given by number, are malicious, against a population."""
    return model.now_log_odds(replay(conform(events), population)[wanted])


def risk_threshold(model: TrustModel, identity_type: str, budget: float) -> float:
    """The risk above which the model challenges; infinite where it has no threshold for the identity type."""
    return 1.0 - model.threshold(identity_type, budget) if identity_type in model.thresholds else np.inf


def area_under_roc(positives: Array, negatives: Array) -> float:
    """The probability that a positive scores above a negative, ties counting half; NaN where either is empty."""
    if not len(positives) or not len(negatives):
        return float("nan")
    target = np.r_[np.ones(len(positives), bool), np.zeros(len(negatives), bool)]
    return float(roc_auc_score(target, np.r_[positives, negatives]))


def challenge_columns(*first: str) -> tuple[str, ...]:
    """Table columns: the given ones, and one for each budget."""
    return (*first, *(f"challenged at {budget:.1%} friction" for budget in BUDGETS))
