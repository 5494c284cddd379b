"""What owners are asked when floors ask as well, counted by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.synthetic_dataset import HOUR, case_of, outcomes_of

from features.catalogue.all import feature_names
from training.metrics.bootstrap import bootstrap_weights
from training.metrics.prompts import by_floors, prompted, rates


def test_a_privileged_act_and_a_challenge_prompt_and_a_proof_counts_for_a_while() -> None:
    """Of one session: asked at 0 s, quiet at 300 s, asked again at 600 s; in another session at once; a thief never."""
    seconds = np.array([0.0, 300.0, 600.0, 700.0, 310.0, 320.0])
    of = outcomes_of(np.array([0, 0, 0, 0, 1, 2]), np.array([False] * 5 + [True]), seconds)
    tested = case_of(of, power=np.array([3.0, 3.0, 0.0, 0.0, 0.0, 3.0]))
    challenged = np.array([False, False, True, False, True, True])

    assert prompted(tested, challenged).tolist() == [True, False, True, False, True, False]


def test_floors_do_not_prompt_where_a_proof_is_fresh() -> None:
    """Privileged acts four and six minutes after a second factor and after none, and a harmless one."""
    of = outcomes_of(np.arange(4), np.zeros(4, bool), np.arange(4) * 60.0)
    matrix = case_of(of, power=np.array([3.0, 3.0, 3.0, 1.0])).matrix
    matrix[:, feature_names().index("minutes_since_strong_authentication")] = [4.0, 6.0, np.nan, np.nan]

    assert by_floors(matrix).tolist() == [False, True, True, False]


def test_prompts_are_counted_by_the_weeks_of_people_and_the_days_of_machines() -> None:
    """Two people's, of three weeks in which they did anything; a machine's, of two days."""
    seconds = np.array([0.0, HOUR, 8 * 24 * HOUR, 0.0, 0.0, 30 * HOUR])
    of = outcomes_of(np.array([0, 0, 0, 2, 4, 4]), np.zeros(6, bool), seconds)
    kind = np.array(["human"] * 4 + ["workload"] * 2)
    tested = replace(case_of(of), kind=kind)
    found = rates(tested, np.array([True, False, True, True, True, False]), bootstrap_weights(of.identity, 1))

    assert (found["human"].value, found["machine"].value) == pytest.approx((1.0, 0.5))
