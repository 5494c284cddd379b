"""Explains the model's margin: a base and one contribution for each feature, which sum to the calibrated log-odds.

The margin is the sum of the contributions, so no second prediction is made. The calibration is linear: its slope scales
the contributions, and its intercept moves the base.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from features.arrays import Array
from features.catalogue.all import FEATURES
from features.catalogue.describe import sentence_for
from features.model.bundle import ModelMismatch, TrustModel
from features.model.tree_shap import explain_forest
from features.model.trust_curve import HORIZONS, TrustCurve, probability
from serving import metrics
from serving.decision.inputs import Contribution, Explanation

TOLERANCE = 1e-9
"""The greatest difference, in log-odds or probability, that the proof at start accepts."""
TRIALS = 64
"""How many random feature vectors the proof compares."""


class Explainer:
    """Trust and its explanation for one event at a time.

    At construction it proves that both are exact and equal to those of the `shap` package, or raises ModelMismatch.
    """

    def __init__(self, model: TrustModel) -> None:
        import shap  # imported late: it takes seconds, and only a process that decides needs it

        self.model = model
        self._now = explain_forest(model.now)
        self._hazard: Any = shap.TreeExplainer(model.hazard)
        self._prove(shap.TreeExplainer(model.now))

    def assess(self, values: Array) -> tuple[TrustCurve, Explanation]:
        """The trust curve and the explanation for a feature vector of shape (F,)."""
        with metrics.EXPLAINING.time():
            explanation = self._explain(values)
        with metrics.FORESEEING.time():
            return TrustCurve(explanation.margin, self._hazards(values)), explanation

    def _explain(self, values: Array) -> Explanation:
        calibration = self.model.calibration
        shap_values = self._now.shap_values(values) * calibration.slope
        base = self._now.base * calibration.slope + calibration.intercept
        largest_first = sorted(zip(FEATURES, values, shap_values, strict=True), key=lambda item: -abs(item[2]))
        contributions = tuple(
            Contribution(feature.name, float(value), float(share), sentence_for(feature, float(value)))
            for feature, value, share in largest_first
        )
        margin = math.fsum([base, *(each.contribution for each in contributions)])
        return Explanation(base, margin, contributions)

    def _hazards(self, values: Array) -> tuple[float, ...]:
        intervals = len(HORIZONS)
        inputs = np.hstack([np.tile(values, (intervals, 1)), np.eye(intervals)])
        margins = np.ravel(self._hazard.model.predict(inputs)).reshape(1, -1)
        log_odds = self.model.calibration.hazard_log_odds(margins, values.reshape(1, -1))[0]
        return tuple(probability(log_odds).tolist())

    def _prove(self, explainer: Any) -> None:
        """Compare with the estimators and with the explainer of the `shap` package. Raises ModelMismatch."""
        rng = np.random.default_rng(0)
        trials = rng.normal(0.0, 3.0, (TRIALS, len(FEATURES)))
        trials[rng.random(trials.shape) < 0.3] = math.nan
        margins, hazards = self.model.now_log_odds(trials), self.model.hazards(trials)
        expected = explainer.shap_values(trials, check_additivity=False)
        for values, margin, hazard, shap_values in zip(trials, margins, hazards, expected, strict=True):
            curve, _ = self.assess(values)
            differences = (
                curve.now_log_odds - margin,
                np.array(curve.hazards) - hazard,
                self._now.shap_values(values) - shap_values,
            )
            largest = max(float(np.max(np.abs(each))) for each in differences)
            if not largest <= TOLERANCE:
                raise ModelMismatch(f"model version {self.model.version}: its explanation is off by {largest:.2g}")
