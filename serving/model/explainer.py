"""Explains the model's margin: a base and one contribution for each feature, which sum to the calibrated log-odds.

The margin is the sum of the contributions, so no second prediction is made. The calibration is linear: its slope scales
the contributions, and its intercept moves the base. What makes an identity without history no more trusted than its
type is on average counts as a contribution of how little is known of it.
"""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np

from features.arrays import Array
from features.catalogue.all import FEATURES
from features.catalogue.describe import sentence_for
from features.history.population import Snapshot
from features.model.bundle import ModelMismatch, TrustModel
from features.model.proven import TOLERANCE, ProvenForests, error_of, take_apart, trial_rows
from features.model.trust_curve import TrustCurve
from serving import metrics
from serving.decision.inputs import Contribution, Explanation

ASSESSED = 8
"""How many of the trial rows are explained in full when an explainer is made."""


class Explainer:
    """Trust and its explanation for one event at a time.

    At construction it compares both with scikit-learn's and SHAP's results, or raises ModelMismatch. The results are
    part of `forests`; without them, both libraries are imported and asked.
    """

    def __init__(self, model: TrustModel, forests: ProvenForests | None = None) -> None:
        self.model = model
        self._forests = forests or take_apart(model)
        self._prove()

    @cached_property
    def population(self) -> Snapshot:
        """The model's population with its digest."""
        return Snapshot.of(self.model.population)

    def assess(self, values: Array) -> tuple[TrustCurve, Explanation]:
        """The trust curve and the explanation for a feature vector of shape (F,)."""
        with metrics.EXPLAINING.time():
            explanation = self._explain(values)
        with metrics.FORESEEING.time():
            hazards = tuple(self._forests.hazards(self.model, values).tolist())
            return TrustCurve(explanation.margin, hazards), explanation

    def _explain(self, values: Array) -> Explanation:
        calibration = self.model.calibration
        shap_values = self._forests.now.shap_values(values) * calibration.slope
        base = self._forests.now.base * calibration.slope + calibration.intercept
        calibration.raise_to_least(base, shap_values.reshape(1, -1), values.reshape(1, -1))
        largest_first = sorted(zip(FEATURES, values, shap_values, strict=True), key=lambda item: -abs(item[2]))
        contributions = tuple(
            Contribution(feature.name, float(value), float(share), sentence_for(feature, float(value), float(share)))
            for feature, value, share in largest_first
        )
        margin = math.fsum([base, *(each.contribution for each in contributions)])
        return Explanation(base, margin, contributions)

    def _prove(self) -> None:
        """Compare with the reference results of the estimators and of the `shap` package. Raises ModelMismatch.

        The forests are compared on every trial row, what is made of them (sentences included) on a few.
        """
        reference = self._forests.reference
        largest = error_of(self.model, self._forests)
        for row, values in enumerate(trial_rows()[:ASSESSED]):
            curve, _ = self.assess(values)
            differences = (
                curve.now_log_odds - reference.log_odds[row],
                np.array(curve.hazards) - reference.hazards[row],
            )
            largest = float(np.max([largest, *(np.max(np.abs(each)) for each in differences)]))  # a NaN stays one
        if not largest <= TOLERANCE:
            raise ModelMismatch(f"model version {self.model.version}: its explanation is off by {largest:.2g}")
