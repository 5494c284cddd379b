"""Which features a model rests on: the share each has in all SHAP contributions, by identity type."""

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

EXPLAINED = 3_000
"""Events explained of each identity type at most, drawn at random."""


def importance(model: TrustModel, samples: Mapping[str, pa.Table], tables: NetworkTables, seed: int) -> pd.DataFrame:
    """A row per feature, a column per sample and identity type, and one for the hazard of the first sample.

    A column sums to 1, but for the hazard's, whose rest is the interval's own. `known` is the share of all events in
    which the feature is known.
    """
    shares, matrices = {}, []
    for name, events in samples.items():
        filled = fill(conform(events), tables)
        matrix = replay(filled, model.population)
        matrices.append(matrix)
        kinds = filled["identity.type"].to_numpy()
        for kind in np.unique(kinds):
            drawn = _drawn(np.flatnonzero(kinds == kind), seed)
            shares[f"{name}: {kind}"] = _shares(model.now, matrix[drawn])
    drawn = _drawn(np.arange(len(matrices[0])), seed)
    first = np.hstack([matrices[0][drawn], np.tile(np.eye(len(HORIZONS))[0], (len(drawn), 1))])
    shares["hazard"] = _shares(model.hazard, first)[: len(FEATURES)]
    shares["known"] = np.isfinite(np.concatenate(matrices)).mean(axis=0)
    return pd.DataFrame(shares, index=list(feature_names()))


def _drawn(places: Array, seed: int) -> Array:
    return np.random.default_rng(seed).permutation(places)[:EXPLAINED]


def _shares(estimator: object, inputs: Array) -> Array:
    import shap  # takes seconds

    parts = np.abs(shap.TreeExplainer(estimator).shap_values(inputs, check_additivity=False)).mean(axis=0)
    shares: Array = parts / parts.sum()
    return shares
