"""Hazard calibration: predicted losses match actual ones for every identity type and interval."""

from __future__ import annotations

import numpy as np

from features.arrays import Array
from features.model.bundle import Calibration
from features.model.trust_curve import HORIZONS
from training.data.targets import AtRisk
from training.model.calibration import PRIOR_POSITIVES, calibrate_hazard

INTERVALS = range(len(HORIZONS))


def make_pairs(compromised: dict[str, int], count: int = 20_000) -> tuple[AtRisk, Array]:
    """`count` pairs of each identity type in each interval, of which so many are compromised; and their types."""
    parts = [(name, k, np.arange(count) < losses) for name, losses in compromised.items() for k in INTERVALS]
    interval = np.repeat([k for _, k, _ in parts], count)
    identity_type = np.repeat(np.array([name for name, _, _ in parts], object), count)
    losses = np.concatenate([part for _, _, part in parts])
    return AtRisk(np.arange(len(interval)), interval, losses), identity_type


def predicted(
    calibration: Calibration, margin: Array, pairs: AtRisk, types: Array, identity_type: str, interval: int
) -> float:
    """The number of losses predicted for an identity type in an interval."""
    mask = (types == identity_type) & (pairs.interval == interval)
    log_odds = margin[mask] + calibration.hazard_intercepts[identity_type][interval]
    return float((1.0 / (1.0 + np.exp(-log_odds))).sum())


def test_predicted_losses_match_actual_ones_by_type() -> None:
    """The model treats all types alike; a type with few losses is shrunk a little towards the others."""
    pairs, types = make_pairs({"human": 4_000, "agent": 400})
    margin = np.random.default_rng(1).normal(-3.0, 1.0, len(types))

    calibration = calibrate_hazard(Calibration(), margin, np.ones(len(types)), pairs, types)

    for interval in INTERVALS:
        assert abs(predicted(calibration, margin, pairs, types, "human", interval) / 4_000 - 1.0) < 0.01
        assert abs(predicted(calibration, margin, pairs, types, "agent", interval) / 400 - 1.0) < 0.05


def test_a_type_with_little_data_is_calibrated_like_the_others() -> None:
    """Twenty rows without a loss say next to nothing, least of all that there never is one."""
    many, human = make_pairs({"human": 200})
    few, agent = make_pairs({"agent": 0}, count=20)
    pairs = AtRisk(
        np.arange(len(human) + len(agent)),
        np.append(many.interval, few.interval),
        np.append(many.compromised, few.compromised),
    )
    types = np.append(human, agent)

    calibration = calibrate_hazard(Calibration(), np.full(len(types), -4.0), np.ones(len(types)), pairs, types)

    difference = np.subtract(calibration.hazard_intercepts["agent"], calibration.hazard_intercepts["human"])
    assert np.abs(difference).max() < 1.0 / PRIOR_POSITIVES


def test_a_pair_of_weight_ten_counts_as_ten_pairs() -> None:
    """Thinned negatives stand for those that were left out."""
    pairs, types = make_pairs({"human": 200, "workload": 60}, count=2_000)
    margin = np.random.default_rng(2).normal(-3.0, 1.0, len(types))
    tenfold = AtRisk(*(np.repeat(each, 10) for each in (pairs.rows, pairs.interval, pairs.compromised)))
    ten = np.full(len(types), 10.0)

    weighted = calibrate_hazard(Calibration(), margin, ten, pairs, types)
    repeated = calibrate_hazard(
        Calibration(), np.repeat(margin, 10), np.ones(10 * len(types)), tenfold, np.repeat(types, 10)
    )

    for identity_type, intercepts in repeated.hazard_intercepts.items():
        assert np.allclose(weighted.hazard_intercepts[identity_type], intercepts, atol=1e-9)
