"""A registered version is loaded complete and unchanged, or refused with the difference named."""

import json
from pathlib import Path

import numpy as np
import pytest
import skops.io
from sklearn.ensemble import HistGradientBoostingClassifier

from features.catalogue.all import FEATURES, feature_names
from features.hashing import digest_of_file
from features.history.population import empty_population
from features.model.bundle import (
    DIGEST_TAG,
    FILES,
    TYPES,
    Calibration,
    ModelMismatch,
    TrustModel,
    load,
    save,
    types_of,
)
from features.model.registered_version import NOW_FILE
from features.model.trust_curve import HORIZONS


def fit_small(columns: int) -> HistGradientBoostingClassifier:
    rng = np.random.default_rng(1)
    matrix = rng.normal(size=(400, columns))
    return HistGradientBoostingClassifier(max_iter=5, random_state=1).fit(matrix, matrix[:, 0] > 1.0)


@pytest.fixture(scope="module")
def model() -> TrustModel:
    return TrustModel(
        now=fit_small(len(FEATURES)),
        hazard=fit_small(len(FEATURES) + len(HORIZONS)),
        calibration=Calibration(0.9, -0.5, 1.1, {"agent": (-1.0, -1.5, -2.0, -2.5)}),
        population=empty_population(),
        thresholds={"human": [[0.001, 0.2], [0.01, 0.8]]},
    )


@pytest.fixture
def registered(model: TrustModel, tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """A folder with the files of a version, and the version's tags."""
    tags = save(model, tmp_path)
    skops.io.dump(model.now, tmp_path / NOW_FILE)
    return tmp_path, tags | {DIGEST_TAG + NOW_FILE: digest_of_file(tmp_path / NOW_FILE)}


def test_a_loaded_version_answers_as_the_saved_one(model: TrustModel, registered: tuple[Path, dict[str, str]]) -> None:
    """Margins, hazards and thresholds are the same to the last bit."""
    folder, tags = registered
    vector = np.random.default_rng(2).normal(size=len(FEATURES))

    loaded = load(folder, folder / NOW_FILE, tags, "7")

    assert loaded.curve(vector) == model.curve(vector)
    assert loaded.threshold("human", 0.003) == model.threshold("human", 0.003)


def test_the_identity_type_of_a_row_follows_from_its_features() -> None:
    """The last type is the one without a feature of its own."""
    rows = np.zeros((2, len(FEATURES)))
    rows[0, feature_names().index("identity_is_workload")] = 1.0

    assert [TYPES[number] for number in types_of(rows)] == ["workload", "agent"]


def test_hazards_are_calibrated_by_identity_type(model: TrustModel) -> None:
    """A type without intercepts gets none added."""
    rows = np.zeros((2, len(FEATURES)))
    rows[0, feature_names().index("identity_is_workload")] = 1.0

    log_odds = model.calibration.hazard_log_odds(np.ones((2, len(HORIZONS))), rows)

    assert log_odds.round(12).tolist() == [[1.1, 1.1, 1.1, 1.1], [0.1, -0.4, -0.9, -1.4]]


def test_a_version_with_one_intercept_for_all_types_still_loads(registered: tuple[Path, dict[str, str]]) -> None:
    """Models made before calibration by type have one intercept for each interval."""
    folder, tags = registered
    path = folder / "calibration.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"hazard_intercepts": [-1.0, -1.5, -2.0, -2.5]}))

    loaded = load(folder, folder / NOW_FILE, tags | {DIGEST_TAG + path.name: digest_of_file(path)}, "7")

    assert loaded.calibration.hazard_intercepts == dict.fromkeys(TYPES, (-1.0, -1.5, -2.0, -2.5))


@pytest.mark.parametrize("name", [NOW_FILE, *FILES])
def test_a_changed_file_is_refused(name: str, registered: tuple[Path, dict[str, str]]) -> None:
    """The message names the file and both digests."""
    folder, tags = registered
    (folder / name).write_bytes((folder / name).read_bytes() + b" ")

    with pytest.raises(ModelMismatch, match=rf"version 7: {name} is sha256:\w+, registered was sha256:"):
        load(folder, folder / NOW_FILE, tags, "7")


def test_a_model_for_other_features_is_refused_by_name(registered: tuple[Path, dict[str, str]]) -> None:
    """The message says which features differ."""
    folder, tags = registered
    contract = json.loads((folder / "catalogue.json").read_text())
    contract["features"][0][0] = "shoe_size"
    (folder / "catalogue.json").write_text(json.dumps(contract))
    tags |= {DIGEST_TAG + "catalogue.json": digest_of_file(folder / "catalogue.json")}

    with pytest.raises(ModelMismatch, match=r"this build lacks shoe_size; the model does not know network_is_new"):
        load(folder, folder / NOW_FILE, tags, "7")


@pytest.mark.parametrize(("budget", "trust"), [(1e-6, 0.2), (0.5, 0.8)])
def test_a_budget_beyond_the_measured_ones_takes_the_nearest(model: TrustModel, budget: float, trust: float) -> None:
    """Thresholds are not extrapolated."""
    assert model.threshold("human", budget) == trust
