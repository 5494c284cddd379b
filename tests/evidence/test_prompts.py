"""Prompts shown when floors act as well as the model, counted by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.synthetic_dataset import HOUR, make_targets, make_test_set

from features.catalogue.all import feature_names
from training.metrics.bootstrap import bootstrap_weights
from training.metrics.prompts import prompt_rates, prompted_by_floors, prompts_shown


def test_a_completed_step_up_suppresses_prompts_for_a_while() -> None:
    """In one session: prompts at 0 s and 600 s, none at 300 s. Other sessions prompt at once; attackers never do."""
    seconds = np.array([0.0, 300.0, 600.0, 700.0, 310.0, 320.0])
    targets = make_targets(np.array([0, 0, 0, 0, 1, 2]), np.array([False] * 5 + [True]), seconds)
    test_set = make_test_set(targets, privilege=np.array([3.0, 3.0, 0.0, 0.0, 0.0, 3.0]))
    challenged = np.array([False, False, True, False, True, True])

    assert prompts_shown(test_set, challenged).tolist() == [True, False, True, False, True, False]


def test_floors_do_not_prompt_while_a_proof_is_fresh() -> None:
    """Privileged actions four minutes, six minutes and never after a second factor, and one without privilege."""
    targets = make_targets(np.arange(4), np.zeros(4, bool), np.arange(4) * 60.0)
    matrix = make_test_set(targets, privilege=np.array([3.0, 3.0, 3.0, 1.0])).matrix
    matrix[:, feature_names().index("minutes_since_strong_authentication")] = [4.0, 6.0, np.nan, np.nan]

    assert prompted_by_floors(matrix).tolist() == [False, True, True, False]


def test_prompts_are_counted_per_week_for_people_and_per_day_for_machines() -> None:
    """Two people are active in three weeks together, and a machine on two days."""
    seconds = np.array([0.0, HOUR, 8 * 24 * HOUR, 0.0, 0.0, 30 * HOUR])
    targets = make_targets(np.array([0, 0, 0, 2, 4, 4]), np.zeros(6, bool), seconds)
    test_set = replace(make_test_set(targets), identity_type=np.array(["human"] * 4 + ["workload"] * 2))
    prompts = np.array([True, False, True, True, True, False])

    rates = prompt_rates(test_set, prompts, bootstrap_weights(targets.identity, 1))

    assert rates["human"].value == pytest.approx(1.0)
    assert rates["machine"].value == pytest.approx(0.5)
