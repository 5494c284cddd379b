"""Writes the model that ships with session-trust into a folder, and registers such a folder in MLflow.

The folder holds plain files and a manifest: the digest of every file, what made the model, on which data and with which
libraries. A service without a model registers it in seconds instead of training one for minutes.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import zipfile
from collections.abc import Mapping
from importlib.metadata import version as version_of_package
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from features.data_files import data_folder
from features.hashing import digest_of_file
from features.model.bundle import DIGEST_TAG, FILES, TRUSTED, ModelMismatch, TrustModel, load
from features.model.proven import keep_proof, prove, trial_rows, write_proof
from features.model.registered_version import FOLDER, NOW_FILE, find_version
from features.model.trust_curve import HORIZONS
from features.settings import Settings, get_settings
from training.promotion.registry import CHECKS_TAG, connect, experiment_of, new_version, promote, signature

if TYPE_CHECKING:
    from mlflow import MlflowClient

MANIFEST = "manifest.json"
CARD = "MODEL_CARD.md"
PROOF = "proof.npz"
"""The forests as plain arrays, with scikit-learn's and SHAP's results: a first start needs neither library."""
REPORT = "report"
"""The artefact folder of a run that holds its model card."""
LIBRARIES = ("numpy", "scikit-learn", "shap", "skops")
"""Libraries whose versions decide whether the files can be read and give the same bits."""
PINNED_ROWS = 8
"""How many of the trial rows have their scores in the manifest."""
SHIPPED_TAG = "shipped"
"""The tag of a version that was registered from a folder: the digest of its manifest."""
_EARLIEST = (1980, 1, 1, 0, 0, 0)
"""The time of every entry of a shipped archive, so that an export is the same bytes each time."""


def shipped_model() -> Path:
    """The folder of the model that ships with this build."""
    return data_folder() / "model"


def export_model(
    settings: Settings, folder: Path, *, version: str = "", command: str, commit: str = ""
) -> dict[str, Any]:
    """Write a registered version (by default the one that answers) into a folder; returns its manifest.

    `command` is what trained it, `commit` the revision it was trained with (by default the one checked out here).
    Raises NoSuchVersion when there is none, ModelMismatch when this build cannot load it.
    """
    client = connect(settings)
    found = find_version(settings, version or settings.model_alias)
    model = load(found.folder, found.now, found.tags, found.number)
    run = client.get_run(str(client.get_model_version(settings.model_name, found.number).run_id))
    folder.mkdir(parents=True, exist_ok=True)
    for path in (found.now, *(found.folder / name for name in FILES)):
        (_recompress if path.suffix == ".skops" else shutil.copyfile)(path, folder / path.name)
    shutil.copyfile(found.folder.parent / REPORT / CARD, folder / CARD)
    write_proof(folder / PROOF, prove(model))
    manifest = {
        "made_by": command,
        "commit": commit or _commit(),
        "seed": int(run.data.params["seed"]),
        "data": found.tags["data"],
        "promotion_checks": found.tags[CHECKS_TAG],
        "checks": [
            line[2:]
            for line in (folder / CARD).read_text().splitlines()
            if line.startswith(("- passed: ", "- skipped: ", "- NOT PASSED: "))
        ],
        "catalogue": found.tags["catalogue"],
        "parameters": dict(sorted(run.data.params.items())),
        "figures": dict(sorted(run.data.metrics.items())),
        "scores": scores_of(model),
        "libraries": {name: version_of_package(name) for name in LIBRARIES},
        "files": {name: digest_of_file(folder / name) for name in (NOW_FILE, *FILES, CARD, PROOF)},
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")
    return manifest


def register_exported(settings: Settings, folder: Path | None = None) -> str:
    """Register the model in a folder (by default the shipped one) and let it answer; returns its version.

    A folder that was registered before only gets the alias again. Raises ModelMismatch when a file is not what the
    manifest says, or the model is for other features; FileNotFoundError without a manifest.
    """
    folder = folder or shipped_model()
    manifest, tags = read_manifest(folder)
    model = load(folder, folder / NOW_FILE, tags, f"in {folder}")
    keep_proof(folder / PROOF, model, settings)
    client = connect(settings)
    version = _registered_before(client, settings, tags[SHIPPED_TAG])
    if version is None:
        version = _log(client, settings, folder, manifest, tags)
    promote(settings, version)
    return version


def load_shipped() -> TrustModel:
    """The model that ships with this build. Raises ModelMismatch when a file is not what its manifest says."""
    folder = shipped_model()
    _, tags = read_manifest(folder)
    return load(folder, folder / NOW_FILE, tags, f"in {folder}")


def scores_of(model: TrustModel) -> dict[str, list[str]]:
    """Calibrated log-odds of both models for a few fixed rows, as hexadecimal floats: whoever loads the files gets the
    same bits. Probabilities are left out, since exp() differs in its last bit from one processor to another."""
    rows = trial_rows()[:PINNED_ROWS]
    intervals = len(HORIZONS)
    inputs = np.hstack([np.repeat(rows, intervals, axis=0), np.tile(np.eye(intervals), (len(rows), 1))])
    hazard = model.calibration.hazard_log_odds(model.hazard.decision_function(inputs).reshape(-1, intervals), rows)
    return {
        "log_odds": [value.hex() for value in model.now_log_odds(rows).tolist()],
        "hazard_log_odds": [value.hex() for value in hazard.ravel().tolist()],
    }


def read_manifest(folder: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """The manifest of a folder, and the tags its version gets. Raises ModelMismatch when a file is another one."""
    path = folder / MANIFEST
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: {folder} holds no exported model")
    manifest = json.loads(path.read_text())
    for name, registered in manifest["files"].items():
        found = digest_of_file(folder / name) if (folder / name).exists() else "missing"
        if found != registered:
            raise ModelMismatch(f"{folder / name} is {found}, {MANIFEST} says {registered}")
    tags = {DIGEST_TAG + name: digest for name, digest in manifest["files"].items() if name not in (CARD, PROOF)}
    tags |= {"data": manifest["data"], "catalogue": manifest["catalogue"], CHECKS_TAG: manifest["promotion_checks"]}
    return manifest, tags | {SHIPPED_TAG: digest_of_file(path)}


def _registered_before(client: MlflowClient, settings: Settings, manifest: str) -> str | None:
    """The version with this manifest, if there is one."""
    found = client.search_model_versions(f"name = '{settings.model_name}' and tag.`{SHIPPED_TAG}` = '{manifest}'")
    return str(found[0].version) if found else None


def _log(
    client: MlflowClient, settings: Settings, folder: Path, manifest: Mapping[str, Any], tags: Mapping[str, str]
) -> str:
    """Make one run with all files, and a version of it: MLflow's own `log_model` would inspect the environment."""
    from mlflow.entities import Metric, Param
    from mlflow.models import Model

    experiment = experiment_of(client, settings)
    run = client.create_run(experiment, run_name="shipped model", tags={"made_by": manifest["made_by"]}).info.run_id
    params = [Param(name, str(value)) for name, value in manifest["parameters"].items()]
    client.log_batch(run, [Metric(name, value, 0, 0) for name, value in manifest["figures"].items()], params)
    logged = client.create_logged_model(experiment, name="now", source_run_id=run)
    with TemporaryDirectory() as name:
        model, beside = Path(name) / "now", Path(name) / "beside"
        model.mkdir()
        beside.mkdir()
        shutil.copyfile(folder / NOW_FILE, model / NOW_FILE)
        described = Model(run_id=run, model_id=logged.model_id, signature=signature())
        described.add_flavor("python_function", loader_module="mlflow.sklearn", model_path=NOW_FILE)
        described.add_flavor(
            "sklearn", pickled_model=NOW_FILE, serialization_format="skops", skops_trusted_types=TRUSTED
        )
        described.save(model / "MLmodel")
        for file in FILES:
            shutil.copyfile(folder / file, beside / file)
        client.log_model_artifacts(logged.model_id, str(model))
        client.log_artifacts(run, str(beside), FOLDER)
    client.log_artifact(run, str(folder / CARD), REPORT)
    client.finalize_logged_model(logged.model_id, "READY")
    version = new_version(client, settings, logged.model_id, run, tags)
    client.set_terminated(run)
    return version


def _recompress(source: Path, target: Path) -> None:
    """Copy a skops archive with its entries deflated: a fifth of the size, and the same bytes each time."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as new:
        for name in sorted(old.namelist()):
            new.writestr(zipfile.ZipInfo(name, _EARLIEST), old.read(name), zipfile.ZIP_DEFLATED, compresslevel=9)


def _commit() -> str:
    """The revision checked out here; "unknown" outside a checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


if __name__ == "__main__":  # the command `register-model` without the others, whose imports take seconds
    register_exported(get_settings())
