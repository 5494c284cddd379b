"""The trust curve: trust decays and never rises."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.model.trust_curve import HORIZONS, TrustCurve

hazards = st.tuples(*(st.floats(0.0, 0.999) for _ in HORIZONS))


@given(st.floats(-50, 50), hazards, st.lists(st.floats(0, 200_000), min_size=2))
def test_trust_never_rises(log_odds: float, q: tuple[float, ...], moments: list[float]) -> None:
    """Whatever the hazards, trust later is at most trust earlier."""
    curve = TrustCurve(log_odds, q)

    assert all(curve.at(a) >= curve.at(b) for a, b in pairwise(sorted(moments)))


@given(st.floats(-50, 50), hazards)
def test_trust_at_each_horizon_is_the_product_of_survival(log_odds: float, q: tuple[float, ...]) -> None:
    """trust(h) = (1 - P0) · Π (1 - q_k)."""
    curve = TrustCurve(log_odds, q)
    survival = [math.prod(1 - x for x in q[: i + 1]) for i in range(len(HORIZONS))]

    assert [curve.at(h) for h in HORIZONS] == pytest.approx([curve.now * s for s in survival], rel=1e-9, abs=1e-300)


@given(hazards, st.floats(1e-6, 0.9))
def test_seconds_until_a_risk_inverts_the_cumulative_hazard(q: tuple[float, ...], risk: float) -> None:
    """After `seconds_until(risk)` that risk has accumulated; a risk that is never reached gives infinity."""
    curve = TrustCurve(-3.0, q)
    seconds = curve.seconds_until(risk)

    accumulated = 1 - math.exp(-curve.cumulative_hazard(min(seconds, 1e12)))

    assert accumulated == pytest.approx(risk, rel=1e-6) if seconds < 1e12 else accumulated < risk + 1e-9
