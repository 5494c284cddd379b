"""The model in `data/model` is for this build's features, is what its manifest says, and gives the same bits."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.old_home import settings_of
from support.small_champion import small_model

from features.catalogue.describe import difference
from features.model.bundle import DIGEST_TAG, FILES, ModelMismatch, TrustModel, fetch, load
from features.model.proven import TOLERANCE, error_of, prove, read_proof, trial_rows
from features.model.registered_version import NOW_FILE, find_version
from features.settings import Settings
from training.promotion.registry import promote, register
from training.promotion.shipping import (
    CARD,
    MANIFEST,
    PROOF,
    export_model,
    read_manifest,
    register_exported,
    scores_of,
    shipped_model,
)

ROOT = Path(__file__).resolve().parents[2]
SHIP_A_NEW_ONE = (
    "data/model was made for other features ({difference}). Make and ship a new one:\n"
    "    session-trust training retrain --promote\n"
    "    session-trust training export-model data/model"
)


def shipped() -> TrustModel:
    """The model in `data/model`."""
    _, tags = read_manifest(shipped_model())
    return load(shipped_model(), shipped_model() / NOW_FILE, tags, "shipped")


def test_it_is_for_this_builds_features() -> None:
    """A change of the catalogue makes the shipped model stale."""
    stale = difference(json.loads((shipped_model() / "catalogue.json").read_text()))

    assert not stale, SHIP_A_NEW_ONE.format(difference=stale)


def test_it_gives_the_pinned_scores_to_the_last_bit() -> None:
    """Whatever libraries and machines it is loaded with."""
    manifest, _ = read_manifest(shipped_model())

    assert scores_of(shipped()) == manifest["scores"]


def test_its_proof_is_its_own() -> None:
    """The forests a first start takes from it give what scikit-learn and SHAP give for its files."""
    forests = read_proof(shipped_model() / PROOF)
    again = prove(shipped())

    assert forests is not None
    assert error_of(shipped(), forests) <= TOLERANCE
    for name, value in vars(again.reference).items():
        assert np.allclose(vars(forests.reference)[name], value, rtol=0, atol=TOLERANCE), name


def test_its_manifest_says_where_it_comes_from() -> None:
    """Simulated data, the command and commit that made it, and every check passed."""
    manifest, _ = read_manifest(shipped_model())

    assert manifest["data"] == "simulated"
    assert manifest["promotion_checks"] == "passed"
    assert manifest["made_by"].endswith("training retrain --promote")
    assert len(manifest["commit"]) == 40
    assert manifest["checks"]
    assert all(check.startswith("passed: ") for check in manifest["checks"])


def test_it_is_small_enough_for_a_repository() -> None:
    """A few megabytes."""
    assert sum(file.stat().st_size for file in shipped_model().iterdir()) < 8e6


def test_registering_it_makes_version_1_that_answers(tmp_path: Path) -> None:
    """With its digests and tags in MLflow; a second time nothing is added."""
    settings = settings_of(tmp_path / "home")
    manifest, _ = read_manifest(shipped_model())

    assert [register_exported(settings), register_exported(settings)] == ["1", "1"]

    tags = find_version(settings, "champion").tags
    assert {name: tags[DIGEST_TAG + name] for name in (NOW_FILE, *FILES)} == {
        name: manifest["files"][name] for name in (NOW_FILE, *FILES)
    }
    assert tags["gate"] == "passed"
    assert tags["data"] == "simulated"
    assert scores_of(fetch(settings, "champion")) == scores_of(shipped())


def test_the_registered_version_is_one_that_mlflow_can_load(tmp_path: Path) -> None:
    """Its tools work as with any other model."""
    import mlflow

    settings = settings_of(tmp_path / "home")
    register_exported(settings)
    mlflow.set_tracking_uri(settings.tracking_uri)
    loaded = mlflow.sklearn.load_model(f"models:/{settings.model_name}/1")

    assert loaded.decision_function(trial_rows()).tobytes() == shipped().now.decision_function(trial_rows()).tobytes()


def test_registering_says_nothing_and_loads_neither_scikit_learn_nor_shap(tmp_path: Path) -> None:
    """A first start waits for it: no notes of MLflow's, and no library that takes seconds to import."""
    program = (
        "import sys; from features.settings import get_settings; "
        "from training.promotion.shipping import register_exported; "
        "register_exported(get_settings()); print(sorted({'sklearn', 'shap'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={"SESSION_TRUST_HOME": str(tmp_path / "home"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stderr == ""
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("name", [NOW_FILE, "hazard.skops", "population.npy", CARD, PROOF])
def test_a_swapped_file_is_refused_by_its_name(tmp_path: Path, name: str) -> None:
    """Before anything is registered."""
    folder = Path(shutil.copytree(shipped_model(), tmp_path / "model"))
    (folder / name).write_bytes((folder / name).read_bytes() + b" ")

    with pytest.raises(ModelMismatch, match=rf"{name} is sha256:\w+, {MANIFEST} says"):
        register_exported(settings_of(tmp_path / "home"), folder)
    assert not (tmp_path / "home").exists()


def test_a_folder_without_a_manifest_is_named(tmp_path: Path) -> None:
    """An empty folder is no model."""
    with pytest.raises(FileNotFoundError, match=r"manifest\.json is missing: .* holds no exported model"):
        register_exported(settings_of(tmp_path / "home"), tmp_path)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A registry whose champion is a small model, with a model card."""
    settings, report = settings_of(tmp_path_factory.mktemp("registry") / "home"), tmp_path_factory.mktemp("report")
    (report / CARD).write_text("# Model card\n\n**Checks.**\n- passed: monotone: 0 (none asked for)\n")
    tags = {"data": "simulated", "gate": "passed", "catalogue": "sha256:0"}
    register(small_model(), settings, tags=tags, parameters={"seed": 1}, figures={"recall": 0.5}, report=report)
    promote(settings, "1")
    return settings


def test_an_exported_model_gives_the_same_bits(registry: Settings, tmp_path: Path) -> None:
    """Its archives are compressed anew, and hold the same arrays."""
    export_model(registry, tmp_path / "model", command="session-trust training retrain")
    settings = settings_of(tmp_path / "home")
    register_exported(settings, tmp_path / "model")

    assert scores_of(fetch(settings, "champion")) == scores_of(fetch(registry, "champion"))
    assert (tmp_path / "model" / NOW_FILE).stat().st_size < find_version(registry, "champion").now.stat().st_size


def test_an_export_is_the_same_bytes_each_time(registry: Settings, tmp_path: Path) -> None:
    """So a new one in the repository differs where the model does."""
    for name in ("one", "other"):
        export_model(registry, tmp_path / name, command="session-trust training retrain")

    files = {path.name: path.read_bytes() for path in (tmp_path / "one").iterdir()}
    assert {path.name: path.read_bytes() for path in (tmp_path / "other").iterdir()} == files


def test_the_manifest_holds_what_the_run_recorded(registry: Settings, tmp_path: Path) -> None:
    """Parameters, figures, checks, seed and libraries."""
    manifest = export_model(registry, tmp_path / "model", command="session-trust training retrain", commit="0" * 40)

    assert manifest["parameters"] == {"seed": "1"}
    assert manifest["figures"] == {"recall": 0.5}
    assert manifest["checks"] == ["passed: monotone: 0 (none asked for)"]
    assert manifest["seed"] == 1
    assert manifest["commit"] == "0" * 40
    assert set(manifest["libraries"]) == {"numpy", "scikit-learn", "shap", "skops"}
