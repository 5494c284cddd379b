"""An explanation is exact: of the model that answers, for whatever is unknown, and of no other model."""

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
from features.model.bundle import ModelMismatch
from serving.model.explainer import TOLERANCE, Explainer

ROWS = replay(table_of(random_events(80, seed=5)), small_explainer().model.population)


@pytest.mark.parametrize("place", range(0, 80, 4))
def test_contributions_sum_to_the_estimators_own_margin(place: int) -> None:
    """base + Σ contributions is what the model's decision function gives, calibrated."""
    curve, said = small_explainer().assess(ROWS[place])
    total = math.fsum([said.base, *(each.contribution for each in said.contributions)])
    margin = float(small_explainer().model.now_log_odds(ROWS[place : place + 1])[0])

    assert max(abs(total - said.margin), abs(said.margin - margin), abs(curve.now_log_odds - margin)) < TOLERANCE


def test_the_curve_is_the_models_own() -> None:
    """Explaining does not change how trust decays."""
    curves = [small_explainer().assess(row)[0].hazards for row in ROWS]

    assert np.allclose(curves, small_explainer().model.hazards(ROWS), rtol=0, atol=TOLERANCE)


def test_every_feature_is_there_strongest_first() -> None:
    """Nothing is left out, also where nothing is known; and each has its sentence."""
    parts = small_explainer().assess(np.full(len(feature_names()), math.nan))[1].contributions
    sizes = [abs(each.contribution) for each in parts]

    assert (sorted(each.feature for each in parts), sizes, all(each.sentence for each in parts)) == (
        sorted(feature_names()),
        sorted(sizes, reverse=True),
        True,
    )


def test_what_changed_in_mid_session_is_the_strongest_reason() -> None:
    """The small model distrusts a network that changed, and says so in words."""
    row = np.full(len(feature_names()), math.nan)
    row[feature_names().index("asn_changed_in_session")] = 1.0
    strongest = small_explainer().assess(row)[1].contributions[0]

    assert (strongest.feature, strongest.contribution > 0) == ("asn_changed_in_session", True)


def test_a_model_that_is_explained_wrongly_is_refused() -> None:
    """The proof at the start finds a calibration that is not the explained one."""

    class Crooked(Explainer):
        def assess(self, values):  # type: ignore[no-untyped-def]
            curve, said = super().assess(values)
            return replace(curve, now_log_odds=curve.now_log_odds + 1e-6), said

    with pytest.raises(ModelMismatch, match="its explanation is off by 1e-06"):
        Crooked(small_explainer().model)
