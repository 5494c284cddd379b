"""Which features a model relies on: each feature's share of all SHAP contributions, by identity type."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pyarrow as pa

from features.arrays import Array
from features.catalogue.all import FEATURES, feature_names
from features.engine.batch import replay
from features.enrichment.ip_lookup import NetworkTables, fill
from features.event.arrow import conform
from features.model.bundle import TrustModel
from features.model.trust_curve import HORIZONS

EXPLAINED_ROWS = 3_000
"""Events explained of each identity type at most, drawn at random."""


def feature_importance(
    model: TrustModel, samples: Mapping[str, pa.Table], tables: NetworkTables, seed: int
) -> pd.DataFrame:
    """One row a feature; a column for each sample and identity type, and `hazard` for the first sample.

    Columns sum to 1, except `hazard`, where the rest belongs to the interval. Column `known` is the share of all events
    in which the feature is known.
    """
    shares, matrices = {}, []
    for name, events in samples.items():
        enriched = fill(conform(events), tables)
        matrix = replay(enriched, model.population)
        matrices.append(matrix)
        identity_types = enriched["identity.type"].to_numpy()
        for identity_type in np.unique(identity_types):
            sample = _sample(np.flatnonzero(identity_types == identity_type), seed)
            shares[f"{name}: {identity_type}"] = _shares(model.now, matrix[sample])
    sample = _sample(np.arange(len(matrices[0])), seed)
    first_interval = np.tile(np.eye(len(HORIZONS))[0], (len(sample), 1))
    shares["hazard"] = _shares(model.hazard, np.hstack([matrices[0][sample], first_interval]))[: len(FEATURES)]
    shares["known"] = np.isfinite(np.concatenate(matrices)).mean(axis=0)
    return pd.DataFrame(shares, index=list(feature_names()))


def _sample(rows: Array, seed: int) -> Array:
    return np.random.default_rng(seed).permutation(rows)[:EXPLAINED_ROWS]


def _shares(estimator: object, inputs: Array) -> Array:
    import shap  # imported late: it takes seconds

    contributions = shap.TreeExplainer(estimator).shap_values(inputs, check_additivity=False)
    size = np.abs(contributions).mean(axis=0)
    shares: Array = size / size.sum()
    return shares
