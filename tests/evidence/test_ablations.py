"""Ablations: what is left out appears nowhere in what a model is fitted on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from support.prepared import prepared

from features.catalogue.all import FEATURES
from training import augment, prepare, simulate
from training.evaluation.studies import ablations
from training.evaluation.studies.ablations import (
    FEATURE_GROUPS,
    Ablation,
    fit_without_features,
    light_recipe,
    run_ablations,
)
from training.model.fit import Examples, fit_now
from training.model.recipe import Recipe
from training.pipeline.augmentation import Augmentation
from training.pipeline.dataset import Dataset
from training.progress import no_progress

RECIPE = Recipe(trees=4, leaves=4, smallest_leaf=5, augmentation=1)


@pytest.fixture(scope="module")
def data() -> Dataset:
    return prepared("dataset", lambda: prepare(simulate(4, identities=240, days=30), 4), 4, 240, 30)


@pytest.fixture(scope="module")
def augmentation(data: Dataset) -> Augmentation:
    return augment(data, light_recipe(RECIPE), 4)


@pytest.fixture
def fitted_on(monkeypatch: pytest.MonkeyPatch) -> list[Examples]:
    """The examples that each model is fitted on, in order."""
    examples: list[Examples] = []

    def recording_fit(fitting: Examples, *others: Any) -> Any:
        examples.append(fitting)
        return fit_now(fitting, *others)

    monkeypatch.setattr(ablations, "fit_now", recording_fit)
    return examples


def test_left_out_rows_are_neither_fitted_nor_augmented(
    data: Dataset, augmentation: Augmentation, fitted_on: list[Examples]
) -> None:
    """A scenario's malicious requests, or all requests of an identity type, are missing; all others are there."""
    results = run_ablations(data, RECIPE, 4, no_progress)
    rows = data.rows(data.split.fit)
    scenario = np.append(data.targets.scenario[rows], augmentation.scenario)
    identity_type = np.append(data.identity_type[rows], augmentation.identity_type)
    malicious = np.append(data.targets.malicious[rows], augmentation.malicious)

    assert fitted_on[0].target.tolist() == malicious.tolist()
    for ablation, examples in zip(results, fitted_on[1:], strict=True):
        kind, name = _what_is_left_out(ablation)
        kept = {
            "scenario": scenario != name,
            "type": identity_type != name,
            "features": np.full(len(malicious), True),
        }[kind]
        assert examples.target.tolist() == malicious[kept].tolist()
    assert {_what_is_left_out(ablation)[0] for ablation in results} == {"scenario", "type", "features"}


def _what_is_left_out(ablation: Ablation) -> tuple[str, str]:
    """The kind of ablation, and the name of what it leaves out."""
    *kind, name, _ = ablation.name.split()
    return (kind[-1] if kind else "features"), name


def test_left_out_features_are_never_seen(data: Dataset, augmentation: Augmentation, fitted_on: list[Examples]) -> None:
    """A model without some features sees them neither when fitted nor when it scores; the dataset is unchanged."""
    before, group = data.matrix.tobytes(), FEATURE_GROUPS["network"]
    columns = np.array([group(feature.name, feature.module) for feature in FEATURES])
    other_values = data.matrix.copy()
    other_values[:, columns] = 7.0

    score = fit_without_features(data, RECIPE, 4, group, augmentation)
    other_score = fit_without_features(replace(data, matrix=other_values), RECIPE, 4, group, augmentation)

    inputs = fitted_on[0].all_inputs()
    assert np.isnan(inputs[:, columns]).all()
    assert not np.isnan(inputs[:, ~columns]).all()
    assert data.matrix.tobytes() == before
    assert score.tobytes() == other_score.tobytes()
