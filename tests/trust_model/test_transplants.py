"""Masquerades as training examples: a model learns whose habits these are, and nothing of how sessions were moved."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from features.arrays import Array
from features.model.bundle import TrustModel
from training import Recipe, fit
from training.pipeline.dataset import Dataset
from training.pipeline.transplants import NO_TRANSPLANTS, WEIGHT, Transplants, transplant

SHARE = 0.3


@pytest.fixture(scope="module")
def model(simulated_dataset: Dataset, small_recipe: Recipe) -> TrustModel:
    """Of masquerades and scenarios."""
    return fit(simulated_dataset, replace(small_recipe, transplants=0.2), 3)


def rows_of_others(data: Dataset) -> Array:
    """Rows that the model was not fitted on."""
    return data.rows(data.split.test | data.split.calibrate)


def auc_against_home(model: TrustModel, data: Dataset, moved: Transplants) -> float:
    """How well moved events are told from the same events where they came from."""
    home, score = model.now_log_odds(data.matrix[moved.source]), model.now_log_odds(moved.matrix)
    return float(roc_auc_score(np.repeat([0, 1], len(score)), np.concatenate([home, score])))


def test_an_identitys_own_sessions_look_like_its_own(model: TrustModel, simulated_dataset: Dataset) -> None:
    """The null control: moved within an identity, they are neither more nor less suspicious than what was there.

    By the mean over draws: one draw of a small world moves by .05.
    """
    rows = rows_of_others(simulated_dataset)
    draws = [simulated_dataset.transplants(rows, SHARE, seed, own=True) for seed in range(4, 9)]

    assert all(len(moved.matrix) > 500 for moved in draws)
    assert 0.45 < np.mean([auc_against_home(model, simulated_dataset, moved) for moved in draws]) < 0.55


def test_somebody_elses_sessions_do_not(model: TrustModel, simulated_dataset: Dataset) -> None:
    """Moved between identities, they are told apart."""
    moved = simulated_dataset.transplants(rows_of_others(simulated_dataset), SHARE, 4)

    assert auc_against_home(model, simulated_dataset, moved) > 0.7


def test_no_masquerade_enters_the_population_or_the_dataset(simulated_dataset: Dataset) -> None:
    """They are examples beside the data: its rows, its labels and its populations stay as they were."""
    before = simulated_dataset.populations.snapshots.tobytes()
    rows = simulated_dataset.rows(simulated_dataset.split.fit)

    moved = simulated_dataset.transplants(rows, SHARE, 4)

    assert simulated_dataset.populations.snapshots.tobytes() == before
    assert not (simulated_dataset.targets.scenario == "masquerade").any()
    assert 0.3 < moved.outside < 0.7


def test_they_are_the_same_for_any_number_of_processes(simulated_dataset: Dataset) -> None:
    """To the last bit."""
    data = simulated_dataset
    rows, window = data.rows(data.split.stop), data.split.population

    one, two = (
        transplant(data.world, data.targets, rows, window, data.populations, SHARE, 4, processes=count)
        for count in (1, 2)
    )
    assert one.matrix.tobytes() == two.matrix.tobytes()
    assert len(one.matrix) > 0


def test_they_follow_the_other_examples_with_a_weight(simulated_dataset: Dataset) -> None:
    """All of them malicious; a share of zero adds none."""
    rows = simulated_dataset.rows(simulated_dataset.split.stop)
    examples = simulated_dataset.examples(rows)
    moved = simulated_dataset.transplants(rows, SHARE, 4)

    combined = moved.append_to(examples)

    assert combined.target[len(rows) :].all()
    assert set(combined.weight[len(rows) :].tolist()) == {WEIGHT}
    assert len(combined.target) == len(rows) + len(moved.matrix)
    assert simulated_dataset.transplants(rows, 0.0, 4) is NO_TRANSPLANTS
