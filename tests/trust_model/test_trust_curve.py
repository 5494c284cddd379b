"""Trust decays and never rises."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.model.trust_curve import HORIZONS, TrustCurve

hazards = st.tuples(*(st.floats(0.0, 0.999) for _ in HORIZONS))


@given(st.floats(-50, 50), hazards, st.lists(st.floats(0, 200_000), min_size=2))
def test_trust_never_rises(log_odds: float, q: tuple[float, ...], moments: list[float]) -> None:
    """Whatever the hazards, later is never more trusted."""
    curve = TrustCurve(log_odds, q)

    assert all(curve.at(a) >= curve.at(b) for a, b in pairwise(sorted(moments)))


@given(st.floats(-50, 50), hazards)
def test_at_each_horizon_trust_is_the_product_that_defines_it(log_odds: float, q: tuple[float, ...]) -> None:
    """trust(h) = (1 - P0) · Π (1 - q_k)."""
    curve = TrustCurve(log_odds, q)
    surviving = [math.prod(1 - x for x in q[: i + 1]) for i in range(len(HORIZONS))]

    assert [curve.at(h) for h in HORIZONS] == pytest.approx([curve.now * s for s in surviving], rel=1e-9, abs=1e-300)


@given(hazards, st.floats(1e-6, 0.9))
def test_the_time_until_a_risk_is_spent_is_when_it_is_spent(q: tuple[float, ...], risk: float) -> None:
    """`seconds_until` is the inverse of the cumulative hazard."""
    curve = TrustCurve(-3.0, q)
    seconds = curve.seconds_until(risk)

    spent = 1 - math.exp(-curve.cumulative_hazard(min(seconds, 1e12)))

    assert spent == pytest.approx(risk, rel=1e-6) if seconds < 1e12 else spent < risk + 1e-9
