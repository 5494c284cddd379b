"""Logs a model with all that stands behind it to MLflow, and registers it as one version."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from features.catalogue.all import feature_names
from features.hashing import digest_of_file
from features.model.bundle import DIGEST_TAG, TRUSTED, TrustModel, fetch, save
from features.model.proven import proven_forests
from features.model.registry import FOLDER, NOW_FILE, NoSuchVersion, find_version, follow_moved_home
from features.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.models import ModelSignature

EXPERIMENT = "session-trust"
GATE_TAG, PASSED = "gate", "passed"
"""The version's tag that says how it stood at the gate, and what it says when nothing was found missing."""


class NotPromoted(Exception):
    """A version that did not pass the gate, and that nobody has taken upon himself."""


@dataclass(frozen=True)
class Forced:
    """Who lets a version answer although it did not pass, and why: kept in the version's tags for good."""

    who: str
    why: str

    def __post_init__(self) -> None:
        if not (self.who.strip() and self.why.strip()):
            raise ValueError("to force a version, say who decides it and why: both are recorded")


def _mlflow() -> Any:
    """Import MLflow late, since that takes seconds, and without telemetry, progress bars and notes on its progress."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")
    import mlflow

    return mlflow


def connect(here: Settings) -> MlflowClient:
    """Point MLflow at the settings' registry, artefacts below the home folder; returns its client."""
    mlflow = _mlflow()
    here.ensure_home()
    follow_moved_home(here)
    mlflow.set_tracking_uri(here.tracking_uri)
    mlflow.set_registry_uri(here.tracking_uri)
    client: MlflowClient = mlflow.MlflowClient()
    mlflow.set_experiment(experiment_id=experiment_of(client, here))
    return client


def experiment_of(client: MlflowClient, here: Settings) -> str:
    """The id of the experiment that holds every run, made with the settings' artefact folder if there is none."""
    found = client.get_experiment_by_name(EXPERIMENT)
    return str(found.experiment_id) if found else client.create_experiment(EXPERIMENT, here.artifacts)


def register(
    model: TrustModel,
    here: Settings,
    *,
    tags: Mapping[str, str],
    parameters: Mapping[str, Any],
    figures: Mapping[str, float],
    report: Path | None = None,
) -> str:
    """Log everything in one run and register it; returns the version. No alias is set.

    `report` is a folder of plots, tables and the model card.
    """
    mlflow, client = _mlflow(), connect(here)
    with mlflow.start_run(), TemporaryDirectory() as folder:
        mlflow.log_params(dict(parameters))
        mlflow.log_metrics(dict(figures))
        logged = mlflow.sklearn.log_model(
            model.now,
            name="now",
            serialization_format="skops",
            skops_trusted_types=TRUSTED,
            signature=signature(),
            pip_requirements=["scikit-learn", "skops"],
        )
        digests = save(model, Path(folder))
        mlflow.log_artifacts(folder, FOLDER)
        if report:
            mlflow.log_artifacts(str(report), "report")
    version = new_version(client, here, logged.model_id, logged.run_id, digests | dict(tags))
    now = digest_of_file(find_version(here, version).now)
    client.set_model_version_tag(here.model_name, version, DIGEST_TAG + NOW_FILE, now)
    return version


def new_version(client: MlflowClient, here: Settings, model_id: str, run_id: str, tags: Mapping[str, str]) -> str:
    """Make a logged model the next version of the registered model; returns its number."""
    if not client.search_registered_models(f"name = '{here.model_name}'"):
        client.create_registered_model(here.model_name)
    made = client.create_model_version(
        here.model_name, f"models:/{model_id}", run_id=run_id, tags=dict(tags), model_id=model_id
    )
    return str(made.version)


def promote(here: Settings, version: str, forced: Forced | None = None) -> None:
    """Let a version answer from the next start on, after loading it as the service will.

    Raises NotPromoted when it did not pass the gate and is not forced, ModelMismatch when this build cannot load it, a
    file of it was swapped or its explanation is not SHAP's, NoSuchVersion when there is none. Nothing forces a model
    that cannot be loaded.
    """
    client = connect(here)
    model = fetch(here, version)
    gate = model.tags.get(GATE_TAG, "nothing says that it was at the gate")
    if gate != PASSED and forced is None:
        raise NotPromoted(f"version {version} did not pass the gate: {gate}")
    if gate != PASSED and forced is not None:
        for name, value in (("who", forced.who), ("why", forced.why), ("against", gate)):
            client.set_model_version_tag(here.model_name, version, f"forced.{name}", value)
    proven_forests(model, here)
    client.set_registered_model_alias(here.model_name, here.model_alias, version)


def log_evidence(here: Settings, version: str, figures: Mapping[str, float], report: Path) -> None:
    """One run that names the version: every figure, and the report."""
    mlflow = _mlflow()
    connect(here)
    usable = {re.sub(r"[^\w./ -]", "_", name): value for name, value in figures.items() if math.isfinite(value)}
    with mlflow.start_run(tags={"evaluates": version}):
        mlflow.log_metrics(usable)
        mlflow.log_artifact(str(report), "report")


def champion(here: Settings) -> TrustModel | None:
    """The version that answers now; None when none does. Raises ModelMismatch when this build cannot load it."""
    connect(here)
    try:
        return fetch(here, here.model_alias)
    except NoSuchVersion:
        return None


def version_of(here: Settings, version: str) -> TrustModel:
    """A version by its number. Raises LookupError when there is none, ModelMismatch when this build cannot load it."""
    connect(here)
    return fetch(here, version)


def signature() -> ModelSignature:
    """What the now-model takes and gives: every feature as a number that may be missing, and a class."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema

    inputs = Schema([ColSpec(DataType.double, name, required=False) for name in feature_names()])
    return ModelSignature(inputs=inputs, outputs=Schema([ColSpec(DataType.long)]))
