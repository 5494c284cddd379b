"""Explanations in service are exact: of the model that answers, whatever is unknown, and of no other model."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from support.live_server import small_explainer
from support.random_events import random_events

from features.catalogue.all import feature_names
from features.engine.batch import replay
from features.event.arrow import table_of
from features.model.bundle import TYPES, ModelMismatch
from features.model.proven import TOLERANCE
from serving.model.explainer import Explainer

ROWS = replay(table_of(random_events(80, seed=5)), small_explainer().model.population)


@pytest.mark.parametrize("number", range(0, 80, 4))
def test_contributions_sum_to_the_models_margin(number: int) -> None:
    """Base and contributions sum to the calibrated decision function."""
    curve, explanation = small_explainer().assess(ROWS[number])
    total = math.fsum([explanation.base, *(each.contribution for each in explanation.contributions)])
    margin = float(small_explainer().model.now_log_odds(ROWS[number : number + 1])[0])

    assert abs(total - explanation.margin) < TOLERANCE
    assert abs(explanation.margin - margin) < TOLERANCE
    assert abs(curve.now_log_odds - margin) < TOLERANCE


def test_explaining_does_not_change_the_curve() -> None:
    """Hazards are those of the model."""
    hazards = [small_explainer().assess(row)[0].hazards for row in ROWS]

    assert np.allclose(hazards, small_explainer().model.hazards(ROWS), rtol=0, atol=TOLERANCE)


def test_every_feature_is_explained_strongest_first() -> None:
    """Also where nothing is known; each with a sentence."""
    contributions = small_explainer().assess(np.full(len(feature_names()), math.nan))[1].contributions
    sizes = [abs(each.contribution) for each in contributions]

    assert sorted(each.feature for each in contributions) == sorted(feature_names())
    assert sizes == sorted(sizes, reverse=True)
    assert all(each.sentence for each in contributions)


def test_a_network_change_in_mid_session_is_the_strongest_reason() -> None:
    """The small model learnt to distrust it."""
    row = np.full(len(feature_names()), math.nan)
    row[feature_names().index("asn_changed_in_session")] = 1.0

    strongest = small_explainer().assess(row)[1].contributions[0]

    assert strongest.feature == "asn_changed_in_session"
    assert strongest.contribution > 0


def test_a_model_with_inexact_explanations_is_refused() -> None:
    """The proof at start-up finds a margin that differs from the explained one."""

    class InexactExplainer(Explainer):
        def assess(self, values):  # type: ignore[no-untyped-def]
            curve, explanation = super().assess(values)
            return replace(curve, now_log_odds=curve.now_log_odds + 1e-6), explanation

    with pytest.raises(ModelMismatch, match="its explanation is off by 1e-06"):
        InexactExplainer(small_explainer().model)


@pytest.mark.parametrize("kind", TYPES)
def test_an_identity_without_history_is_trusted_no_more_than_its_type(kind: str) -> None:
    """The rest is contributed by how little is known of it; the sum stays exact, one event later nothing is added."""
    base_rates = dict(zip(TYPES, (0.02, 0.01, 0.3, 0.004), strict=True))
    base_log_odds = {name: math.log(rate / (1.0 - rate)) for name, rate in base_rates.items()}
    calibration = replace(small_explainer().model.calibration, base_log_odds=base_log_odds, intercept=-9.0)
    explainer = Explainer(replace(small_explainer().model, calibration=calibration))
    first = np.full(len(feature_names()), math.nan)
    first[[feature_names().index(f"identity_is_{name}") for name in TYPES[:-1]]] = [kind == name for name in TYPES[:-1]]
    first[feature_names().index("known_events")] = 0.0
    second = first.copy()
    second[feature_names().index("known_events")] = math.log(2.0)

    curve, explanation = explainer.assess(first)

    assert curve.now == pytest.approx(1.0 - base_rates[kind], abs=1e-9)
    assert abs(explanation.margin - float(explainer.model.now_log_odds(first[None])[0])) < TOLERANCE
    assert next(each for each in explanation.contributions if each.feature == "known_events").contribution > 0.0
    assert explainer.assess(second)[0].now > curve.now
