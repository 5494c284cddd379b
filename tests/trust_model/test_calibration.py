"""As many are compromised as were said to be, of every identity type in every interval."""

from __future__ import annotations

import numpy as np

from features.arrays import Array
from features.model.bundle import Calibration
from features.model.trust_curve import HORIZONS
from training.data.targets import AtRisk
from training.model.calibration import LIKE_OTHERS, calibrate_hazard

INTERVALS = range(len(HORIZONS))


def pairs(compromised: dict[str, int], of: int = 20_000) -> tuple[AtRisk, Array]:
    """So many pairs of each type in each interval, and how many of them are compromised."""
    parts = [(kind, k, np.arange(of) < count) for kind, count in compromised.items() for k in INTERVALS]
    interval = np.repeat([k for _, k, _ in parts], of)
    kind = np.repeat(np.array([kind for kind, _, _ in parts], object), of)
    return AtRisk(np.arange(len(interval)), interval, np.concatenate([here for _, _, here in parts])), kind


def said(line: Calibration, margin: Array, these: AtRisk, kind: Array, which: str, interval: int) -> float:
    """How many of a type are said to be compromised in an interval."""
    here = (kind == which) & (these.interval == interval)
    return float((1.0 / (1.0 + np.exp(-(margin[here] + line.hazard_intercepts[which][interval])))).sum())


def test_each_type_loses_as_many_as_were_said() -> None:
    """Though the model takes all types for alike; to within what counts as the others have it."""
    these, kind = pairs({"human": 4_000, "agent": 400})
    margin = np.random.default_rng(1).normal(-3.0, 1.0, len(kind))
    line = calibrate_hazard(Calibration(), margin, np.ones(len(kind)), these, kind)

    for interval in INTERVALS:
        assert abs(said(line, margin, these, kind, "human", interval) / 4_000 - 1.0) < 0.01
        assert abs(said(line, margin, these, kind, "agent", interval) / 400 - 1.0) < 0.05


def test_a_type_of_which_little_is_known_is_taken_for_like_the_others() -> None:
    """Of twenty rows none compromised: that says next to nothing, and least of all that none ever is."""
    many, kinds = pairs({"human": 200})
    few, agents = pairs({"agent": 0}, of=20)
    both = map(np.append, (many.interval, many.compromised), (few.interval, few.compromised))
    these = AtRisk(np.arange(len(kinds) + len(agents)), *both)
    kind = np.append(kinds, agents)
    line = calibrate_hazard(Calibration(), np.full(len(kind), -4.0), np.ones(len(kind)), these, kind)

    differ = np.subtract(line.hazard_intercepts["agent"], line.hazard_intercepts["human"])
    assert np.abs(differ).max() < 1.0 / LIKE_OTHERS


def test_a_pair_that_counts_for_ten_is_like_ten_pairs() -> None:
    """What was thinned stands for what is gone."""
    these, kind = pairs({"human": 200, "workload": 60}, of=2_000)
    margin = np.random.default_rng(2).normal(-3.0, 1.0, len(kind))
    tenfold = AtRisk(*(np.repeat(each, 10) for each in (these.rows, these.interval, these.compromised)))
    weighed = calibrate_hazard(Calibration(), margin, np.full(len(kind), 10.0), these, kind)
    ones, kinds = np.ones(len(kind) * 10), np.repeat(kind, 10)
    repeated = calibrate_hazard(Calibration(), np.repeat(margin, 10), ones, tenfold, kinds)

    for each, values in repeated.hazard_intercepts.items():
        assert np.allclose(weighed.hazard_intercepts[each], values, atol=1e-9)
