"""What a model is refitted without is in nothing that it learns from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from features.catalogue.all import FEATURES
from training import more_examples, prepare, simulate
from training.evaluation.studies import ablations as module
from training.evaluation.studies.ablations import WITHOUT, Ablation, ablations, lighter, without_features
from training.model.fit import Examples, Recipe, fit_now
from training.pipeline.augmentation import Augmentation
from training.pipeline.dataset import Dataset

RECIPE = Recipe(trees=4, leaves=4, smallest_leaf=5, again=1)


@pytest.fixture(scope="module")
def data() -> Dataset:
    return prepare(simulate(4, identities=240, days=30), 4)


@pytest.fixture(scope="module")
def more(data: Dataset) -> Augmentation:
    return more_examples(data, lighter(RECIPE), 4)


@pytest.fixture
def learnt(monkeypatch: pytest.MonkeyPatch) -> list[Examples]:
    """What each model was fitted on, in turn."""
    given: list[Examples] = []

    def watched(fitting: Examples, *others: Any) -> Any:
        given.append(fitting)
        return fit_now(fitting, *others)

    monkeypatch.setattr(module, "fit_now", watched)
    return given


def test_what_is_left_out_is_neither_fitted_nor_put_in_again(
    data: Dataset, more: Augmentation, learnt: list[Examples]
) -> None:
    """A scenario's own acts, everything of an identity type; all else is there."""
    found = ablations(data, RECIPE, 4, lambda what: None)
    rows = data.rows(data.split.fit)
    scenario, kind = np.append(data.targets.scenario[rows], more.scenario), np.append(data.kind[rows], more.kind)
    malicious = np.append(data.targets.malicious[rows], more.malicious)

    assert learnt[0].target.tolist() == malicious.tolist()
    for ablation, given in zip(found, learnt[1:], strict=True):
        what, name = _left_out(ablation)
        kept = {"scenario": scenario != name, "type": kind != name, "features": np.full(len(malicious), True)}[what]
        assert given.target.tolist() == malicious[kept].tolist()
    assert {_left_out(ablation)[0] for ablation in found} == {"scenario", "type", "features"}


def _left_out(ablation: Ablation) -> tuple[str, str]:
    """Of which sort it is, and its name."""
    *sort, name, _ = ablation.name.split()
    return (sort[-1] if sort else "features"), name


def test_a_model_without_features_never_sees_them(data: Dataset, more: Augmentation, learnt: list[Examples]) -> None:
    """Neither when it learns nor when it is asked; the others it sees, and the data stays as it was."""
    before, gone = data.matrix.tobytes(), WITHOUT["network"]
    score = without_features(data, RECIPE, 4, gone, more)
    columns = np.array([gone(feature.name, feature.module) for feature in FEATURES])
    elsewhere = data.matrix.copy()
    elsewhere[:, columns] = 7.0

    seen = learnt[0].all_inputs()
    assert np.isnan(seen[:, columns]).all() and not np.isnan(seen[:, ~columns]).all()
    assert data.matrix.tobytes() == before
    assert score.tobytes() == without_features(replace(data, matrix=elsewhere), RECIPE, 4, gone, more).tobytes()
