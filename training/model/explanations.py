"""What the features of many rows add to their log-odds: exactly for now, against a background for the hazard.

The two are never mixed: now's contributions sum, with the base, to the calibrated log-odds of the row; the hazard's are
what each feature adds beyond what it adds to ordinary requests in the same interval, and sum to how far the log-odds of
that interval lie from theirs. (SHAP's own way with a background takes what is unknown for large, and does not add up.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.arrays import Array
from features.catalogue.all import FEATURES, feature_names
from features.model.bundle import TrustModel
from features.model.trust_curve import HORIZONS

INTERVAL = "the interval itself"
"""Named beside the features of the hazard: what being in this interval adds to some rows and not to others, and to
some types of identity more than to others."""


@dataclass(frozen=True)
class Explained:
    """Features of rows, what each adds, and what they add to: base + contributions = log-odds, row by row."""

    names: tuple[str, ...]
    values: Array
    contributions: Array
    base: float
    log_odds: Array

    def strongest(self) -> list[int]:
        """Features by their mean share in all contributions, the weightiest first."""
        order: list[int] = np.argsort(-np.abs(self.contributions).mean(axis=0), kind="stable").tolist()
        return order

    def one(self, row: int) -> pd.DataFrame:
        """One row's features, the weightiest first: its value, what it adds, and what it means in words."""
        said = {feature.name: feature.sentence for feature in FEATURES}
        means = [said.get(name, "") for name in self.names]
        columns = {"value": self.values[row], "adds": self.contributions[row], "means": means}
        frame = pd.DataFrame(columns, index=list(self.names))
        return frame.iloc[np.argsort(-np.abs(self.contributions[row]), kind="stable")]


def explained(model: TrustModel, matrix: Array) -> Explained:
    """Of now, in calibrated log-odds."""
    line = model.calibration
    parts, base = _contributions(model.now, matrix)
    return Explained(
        feature_names(), matrix, line.slope * parts, line.slope * base + line.intercept, model.now_log_odds(matrix)
    )


def explained_hazard(model: TrustModel, matrix: Array, ordinary: Array, interval: int) -> Explained:
    """Of one interval's hazard, in calibrated log-odds, against ordinary rows in the same interval."""
    line, width = model.calibration, len(FEATURES)
    here = np.eye(len(HORIZONS))[interval]
    inputs, background = (np.hstack([rows, np.tile(here, (len(rows), 1))]) for rows in (matrix, ordinary))
    usual, base = _contributions(model.hazard, background)
    beyond = line.hazard_slope * (_contributions(model.hazard, inputs)[0] - usual.mean(axis=0))
    none = np.zeros((1, len(HORIZONS)))
    own, others = (line.hazard_log_odds(none, rows)[:, interval] for rows in (matrix, ordinary))
    parts = np.column_stack([beyond[:, :width], beyond[:, width:].sum(axis=1)])
    parts[:, width] += own - others.mean()
    usually = line.hazard_slope * (base + float(usual.sum(axis=1).mean())) + float(others.mean())
    values = np.column_stack([matrix, np.full(len(matrix), np.nan)])
    hazards = model.hazards(matrix)[:, interval]
    return Explained((*feature_names(), INTERVAL), values, parts, usually, np.log(hazards / (1.0 - hazards)))


def _contributions(estimator: object, inputs: Array) -> tuple[Array, float]:
    import shap  # imported late: it takes seconds

    explainer = shap.TreeExplainer(estimator)
    return explainer.shap_values(inputs, check_additivity=False), float(np.ravel(explainer.expected_value)[0])
