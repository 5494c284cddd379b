"""SHAP contributions of many rows at once: exact for the now-model, against a background for the hazard model.

The two are never mixed. The now-model's contributions and its base sum to a row's calibrated log-odds. The hazard
model's say what each feature adds compared with benign background rows in the same interval, and sum to the difference
of the log-odds. SHAP's own background option is not used: it reads unknown values as large, and does not add up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.arrays import Array
from features.catalogue.all import FEATURES, feature_names
from features.catalogue.describe import sentence_for
from features.model.bundle import TrustModel
from features.model.trust_curve import HORIZONS

INTERVAL = "the interval itself"
"""Listed beside the features of the hazard model: what the interval adds to some rows and identity types and not to
others."""


@dataclass(frozen=True)
class Explanations:
    """Contributions of features to the log-odds of n rows: base + contributions = log-odds, row by row."""

    names: tuple[str, ...]
    values: Array
    """The features' values, shape (n, len(names))."""
    contributions: Array
    """What each feature adds to the log-odds, shape (n, len(names))."""
    base: float
    log_odds: Array
    """Shape (n,)."""

    def strongest(self) -> list[int]:
        """Numbers of the features by mean absolute contribution, strongest first."""
        order: list[int] = np.argsort(-np.abs(self.contributions).mean(axis=0), kind="stable").tolist()
        return order

    def row(self, number: int) -> pd.DataFrame:
        """One row's features, strongest first, with columns `value`, `contribution` and `meaning`, a sentence."""
        features = {feature.name: feature for feature in FEATURES}
        parts = zip(self.names, self.values[number], self.contributions[number], strict=True)
        columns = {
            "value": self.values[number],
            "contribution": self.contributions[number],
            "meaning": [
                sentence_for(features[name], float(value), float(contribution)) if name in features else ""
                for name, value, contribution in parts
            ],
        }
        frame = pd.DataFrame(columns, index=list(self.names))
        return frame.iloc[np.argsort(-np.abs(self.contributions[number]), kind="stable")]


def explain_now(model: TrustModel, matrix: Array) -> Explanations:
    """Explain the now-model in calibrated log-odds; `matrix` has shape (n, features)."""
    calibration = model.calibration
    contributions, base = _contributions(model.now, matrix)
    contributions, base = calibration.slope * contributions, calibration.slope * base + calibration.intercept
    calibration.raise_to_least(base, contributions, matrix)
    return Explanations(feature_names(), matrix, contributions, base, model.now_log_odds(matrix))


def explain_hazard(model: TrustModel, matrix: Array, background: Array, interval: int) -> Explanations:
    """Explain the hazard of one interval in calibrated log-odds, against benign background rows in that interval."""
    calibration, width = model.calibration, len(FEATURES)
    one_hot = np.eye(len(HORIZONS))[interval]
    inputs, background_inputs = (np.hstack([rows, np.tile(one_hot, (len(rows), 1))]) for rows in (matrix, background))
    usual, base = _contributions(model.hazard, background_inputs)
    beyond = calibration.hazard_slope * (_contributions(model.hazard, inputs)[0] - usual.mean(axis=0))
    no_margin = np.zeros((1, len(HORIZONS)))
    own, others = (calibration.hazard_log_odds(no_margin, rows)[:, interval] for rows in (matrix, background))
    contributions = np.column_stack([beyond[:, :width], beyond[:, width:].sum(axis=1)])
    contributions[:, width] += own - others.mean()
    usual_log_odds = calibration.hazard_slope * (base + float(usual.sum(axis=1).mean())) + float(others.mean())
    values = np.column_stack([matrix, np.full(len(matrix), np.nan)])
    hazards = model.hazards(matrix)[:, interval]
    log_odds = np.log(hazards / (1.0 - hazards))
    return Explanations((*feature_names(), INTERVAL), values, contributions, usual_log_odds, log_odds)


def _contributions(estimator: object, inputs: Array) -> tuple[Array, float]:
    import shap  # imported late: it takes seconds

    explainer = shap.TreeExplainer(estimator)
    return explainer.shap_values(inputs, check_additivity=False), float(np.ravel(explainer.expected_value)[0])
