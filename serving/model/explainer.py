"""The model's margin taken apart: a base and what each feature adds, summing exactly to the calibrated log-odds.

What is added together is the margin, so no second prediction is made. The calibration is a straight line, which scales
contributions and moves the base.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from features.arrays import Array
from features.catalogue.all import FEATURES
from features.catalogue.describe import sentence_for
from features.model.bundle import ModelMismatch, TrustModel
from features.model.tree_shap import shapley
from features.model.trust_curve import HORIZONS, TrustCurve, probability
from serving import metrics
from serving.decision.inputs import Contribution, Explanation

TOLERANCE = 1e-9
TRIALS = 64


class Explainer:
    """Trust and its explanation for one event at a time; proves at the start that both are exact, and SHAP's."""

    def __init__(self, model: TrustModel) -> None:
        import shap  # imported late: it takes seconds, and a process that only looks at the service needs none of it

        self.model = model
        self._now = shapley(model.now)
        self._hazard: Any = shap.TreeExplainer(model.hazard)
        self._prove(shap.TreeExplainer(model.now))

    def assess(self, values: Array) -> tuple[TrustCurve, Explanation]:
        """Trust from now on, and why, for features of shape (F,)."""
        with metrics.EXPLAINING.time():
            explanation = self._explained(values)
        with metrics.FORESEEING.time():
            return TrustCurve(explanation.margin, self._hazards(values)), explanation

    def _explained(self, values: Array) -> Explanation:
        line = self.model.calibration
        shares = self._now.shares(values) * line.slope
        base = self._now.base * line.slope + line.intercept
        contributions = sorted(zip(FEATURES, values, shares, strict=True), key=lambda each: -abs(each[2]))
        parts = tuple(
            Contribution(feature.name, float(value), float(share), sentence_for(feature, float(value)))
            for feature, value, share in contributions
        )
        margin = math.fsum([base, *(part.contribution for part in parts)])
        return Explanation(base, margin, parts)

    def _hazards(self, values: Array) -> tuple[float, ...]:
        intervals = len(HORIZONS)
        inputs = np.hstack([np.tile(values, (intervals, 1)), np.eye(intervals)])
        margins = np.ravel(self._hazard.model.predict(inputs)).reshape(1, -1)
        log_odds = self.model.calibration.hazard_log_odds(margins, values.reshape(1, -1))[0]
        return tuple(probability(log_odds).tolist())

    def _prove(self, explainer: Any) -> None:
        """Compare with the estimators themselves, and with SHAP's own explainer; raises ModelMismatch when the
        explanation is of another model."""
        rng = np.random.default_rng(0)
        trials = rng.normal(0.0, 3.0, (TRIALS, len(FEATURES)))
        trials[rng.random(trials.shape) < 0.3] = math.nan
        margins, hazards = self.model.now_log_odds(trials), self.model.hazards(trials)
        shares = explainer.shap_values(trials, check_additivity=False)
        for values, margin, hazard, share in zip(trials, margins, hazards, shares, strict=True):
            curve, _ = self.assess(values)
            off = (curve.now_log_odds - margin, np.array(curve.hazards) - hazard, self._now.shares(values) - share)
            wrong = max(float(np.max(np.abs(each))) for each in off)
            if not wrong <= TOLERANCE:
                raise ModelMismatch(f"model version {self.model.version}: its explanation is off by {wrong:.2g}")
