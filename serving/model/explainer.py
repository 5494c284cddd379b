"""The model's margin taken apart: a base and what each feature adds, summing exactly to the calibrated log-odds.

What is added together is the margin, so no second prediction is made. The calibration is a straight line, which scales
contributions and moves the base.
"""

from __future__ import annotations

import math

import numpy as np

from features.arrays import Array
from features.catalogue.all import FEATURES
from features.catalogue.describe import sentence_for
from features.model.bundle import ModelMismatch, TrustModel
from features.model.proven import TOLERANCE, ProvenForests, take_apart, trial_rows
from features.model.trust_curve import TrustCurve
from serving import metrics
from serving.decision.inputs import Contribution, Explanation


class Explainer:
    """Trust and its explanation for one event at a time; proves at the start that both are exact, and SHAP's."""

    def __init__(self, model: TrustModel, forests: ProvenForests | None = None) -> None:
        self.model = model
        self._forests = forests or take_apart(model)
        self._prove()

    def assess(self, values: Array) -> tuple[TrustCurve, Explanation]:
        """Trust from now on, and why, for features of shape (F,)."""
        with metrics.EXPLAINING.time():
            explanation = self._explained(values)
        with metrics.FORESEEING.time():
            hazards = tuple(self._forests.hazards(self.model, values).tolist())
            return TrustCurve(explanation.margin, hazards), explanation

    def _explained(self, values: Array) -> Explanation:
        line = self.model.calibration
        shares = self._forests.now.shares(values) * line.slope
        base = self._forests.now.base * line.slope + line.intercept
        contributions = sorted(zip(FEATURES, values, shares, strict=True), key=lambda each: -abs(each[2]))
        parts = tuple(
            Contribution(feature.name, float(value), float(share), sentence_for(feature, float(value)))
            for feature, value, share in contributions
        )
        margin = math.fsum([base, *(part.contribution for part in parts)])
        return Explanation(base, margin, parts)

    def _prove(self) -> None:
        """Compare with scikit-learn's and SHAP's results; raises ModelMismatch when another model is explained."""
        reference = self._forests.reference
        for row, values in enumerate(trial_rows()):
            curve, _ = self.assess(values)
            off = (
                curve.now_log_odds - reference.log_odds[row],
                np.array(curve.hazards) - reference.hazards[row],
                self._forests.now.shares(values) - reference.shares[row],
            )
            wrong = max(float(np.max(np.abs(each))) for each in off)
            if not wrong <= TOLERANCE:
                raise ModelMismatch(f"model version {self.model.version}: its explanation is off by {wrong:.2g}")
