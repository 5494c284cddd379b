"""A small real champion in a real registry, in seconds: for tests of the service, not of the model."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import mlflow
import numpy as np
from histories import random_events
from mlflow import MlflowClient
from sklearn.ensemble import HistGradientBoostingClassifier

from features.bundle import DIGEST_TAG, FOLDER, NOW_FILE, TRUSTED, Calibration, TrustModel, save
from features.columns import table_of
from features.decay import HORIZONS
from features.hashing import digest_of_file
from features.population import measure
from features.replay import replay
from features.settings import Settings
from features.vector import names

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
BUDGETS = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05)


def small_model(seed: int = 1) -> TrustModel:
    """Fitted on random events; a network that changed in mid-session is what it learns to distrust."""
    table = table_of(random_events(3_000, seed=seed))
    population = measure(table)
    matrix = replay(table, population)
    lost = matrix[:, names().index("asn_changed_in_session")] == 1.0
    lost |= np.random.default_rng(seed).random(len(lost)) < 0.02
    intervals = np.tile(np.eye(len(HORIZONS)), (len(matrix) // len(HORIZONS), 1))
    fit = {"max_iter": 30, "max_leaf_nodes": 8, "random_state": seed}
    return TrustModel(
        now=HistGradientBoostingClassifier(**fit).fit(matrix, lost),
        hazard=HistGradientBoostingClassifier(**fit).fit(np.hstack([matrix[: len(intervals)], intervals]), lost),
        calibration=Calibration(0.9, -0.4, 0.8, (-3.0, -2.5, -2.0, -1.5)),
        population=population,
        thresholds={
            kind: [[b, 0.35 + b] for b in BUDGETS] for kind in ("human", "service_account", "workload", "agent")
        },
    )


def register(model: TrustModel, here: Settings) -> str:
    """Register the model as champion; returns its version."""
    here.ensure_home()
    mlflow.set_tracking_uri(here.tracking_uri)
    client = MlflowClient(here.tracking_uri)
    if client.get_experiment_by_name("tests") is None:
        client.create_experiment("tests", here.artifacts)
    mlflow.set_experiment("tests")
    with mlflow.start_run() as run, TemporaryDirectory() as folder:
        logged = mlflow.sklearn.log_model(
            model.now,
            name="now",
            serialization_format="skops",
            skops_trusted_types=TRUSTED,
            pip_requirements=["scikit-learn"],
            registered_model_name=here.model_name,
        )
        tags = save(model, Path(folder))
        mlflow.log_artifacts(folder, FOLDER)
        version = str(logged.registered_model_version)
        registered = mlflow.artifacts.download_artifacts(f"models:/{here.model_name}/{version}")
        tags |= {DIGEST_TAG + NOW_FILE: digest_of_file(Path(registered) / NOW_FILE), "data": "simulated"}
        assert run.info.run_id
    for name, value in tags.items():
        client.set_model_version_tag(here.model_name, version, name, value)
    client.set_registered_model_alias(here.model_name, here.model_alias, version)
    return version
