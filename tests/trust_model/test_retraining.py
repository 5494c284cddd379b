"""Retraining: from a small simulated world to a registered version. Tests of properties, not of scores."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from features.model.bundle import fetch
from features.settings import Settings
from training import (
    ForcedPromotion,
    NotPromoted,
    Recipe,
    RetrainResult,
    World,
    augment,
    champion,
    fit,
    promote,
    register_model,
    retrain,
    simulate,
)
from training.pipeline.dataset import Dataset
from training.pipeline.retraining import data_digest
from training.promotion.checks import Check


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    yield Settings(home=tmp_path_factory.mktemp("registry"))


@pytest.fixture(scope="module")
def stages() -> list[tuple[str, float]]:
    """What the retraining reports as progress."""
    return []


@pytest.fixture(scope="module")
def first(
    simulated_world: World, settings: Settings, small_recipe: Recipe, stages: list[tuple[str, float]]
) -> RetrainResult:
    return retrain(
        simulated_world,
        settings,
        seed=3,
        recipe=small_recipe,
        progress=lambda stage, share: stages.append((stage, share)),
    )


def test_the_same_seed_gives_the_same_world(simulated_world: World) -> None:
    """Events and labels, by their digest."""
    assert data_digest(simulate(3, identities=500, days=30)) == data_digest(simulated_world)


def test_progress_names_every_stage(first: RetrainResult, stages: list[tuple[str, float]]) -> None:
    """In order, with a share that never falls; the time of each stage is kept."""
    names = ["computing features", "augmenting", "fitting", "evaluating", "promotion checks", "registering"]

    assert list(dict.fromkeys(stage for stage, _ in stages)) == names
    assert [share for _, share in stages] == sorted(share for _, share in stages)
    assert stages[-1][1] == 1.0
    assert list(first.seconds) == names


def test_a_registered_version_scores_as_the_fitted_model(
    first: RetrainResult, settings: Settings, simulated_dataset: Dataset, small_recipe: Recipe
) -> None:
    """To the last bit, when fitted again on the same augmentation."""
    loaded = fetch(settings, first.version)
    rows = simulated_dataset.matrix[simulated_dataset.rows(simulated_dataset.split.test)[:200]]

    fitted = fit(simulated_dataset, small_recipe, 3, augment(simulated_dataset, small_recipe, 3))

    assert loaded.now_log_odds(rows).tobytes() == fitted.now_log_odds(rows).tobytes()


def test_a_model_that_fails_its_checks_is_registered_and_not_promoted(
    simulated_world: World, settings: Settings, first: RetrainResult, small_recipe: Recipe
) -> None:
    """With meaningless labels a model is no better than rules, and the champion stays."""
    promote(settings, first.version, ForcedPromotion("a test", "it needs a champion, however good"))
    before = champion(settings)
    compromised = simulated_world.labels["compromised"].fill_null(0).to_numpy().astype(np.int8)
    shuffled = np.random.default_rng(4).permutation(compromised)
    labels = simulated_world.labels.set_column(0, simulated_world.labels.schema.field(0), [shuffled])

    result = retrain(World(simulated_world.events, labels), settings, seed=3, recipe=small_recipe)

    after = champion(settings)
    assert not result.promoted
    assert before is not None
    assert after is not None
    assert after.version == before.version


def test_a_forced_promotion_records_who_and_why(
    settings: Settings, simulated_dataset: Dataset, first: RetrainResult, small_recipe: Recipe
) -> None:
    """Without force the version is refused with its reasons; with force, who, why and the reasons stay with it."""
    failed = Check("no leak", False, "9.0 times", "at most 3")
    model = fit(simulated_dataset, small_recipe, 3)
    version = register_model(model, simulated_dataset, first.evaluation, [failed], settings, small_recipe, 3)

    with pytest.raises(NotPromoted, match=f"version {version} did not pass its promotion checks: no leak: 9.0 times"):
        promote(settings, version)
    promote(settings, version, ForcedPromotion("R. Ito", "a drill"))

    tags = fetch(settings, "champion").tags
    assert tags["forced.who"] == "R. Ito"
    assert tags["forced.why"] == "a drill"
    assert tags["forced.against"] == str(failed)


def test_a_forced_promotion_needs_a_name_and_a_reason() -> None:
    """Blanks are not enough."""
    with pytest.raises(ValueError, match="give who decides it and why"):
        ForcedPromotion("R. Ito", " ")


def test_without_abuse_there_is_nothing_to_learn(
    simulated_world: World, settings: Settings, small_recipe: Recipe
) -> None:
    """A benign log is refused before anything is registered."""
    labels = simulated_world.labels
    benign = labels.set_column(0, labels.schema.field(0), [np.zeros(len(labels), np.int8)])

    with pytest.raises(ValueError, match="nothing to tell apart"):
        retrain(World(simulated_world.events, benign), settings, seed=3, recipe=small_recipe)


def test_the_run_holds_card_tables_and_plots(first: RetrainResult, settings: Settings) -> None:
    """The card says that its figures are simulated."""
    import mlflow

    version = mlflow.MlflowClient(settings.tracking_uri).get_model_version(settings.model_name, first.version)
    folder = Path(mlflow.artifacts.download_artifacts(run_id=version.run_id, artifact_path="report"))

    assert {file.name for file in folder.iterdir()} == {
        "MODEL_CARD.md",
        "recall.json",
        "slices.json",
        "reliability.png",
        "friction_recall.png",
        "decay_calibration.png",
        "shap_summary.png",
        "shap_dependence.png",
    }
    assert "(simulated)" in (folder / "MODEL_CARD.md").read_text()
