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
from features.model.bundle import DIGEST_TAG, FOLDER, NOW_FILE, TRUSTED, TrustModel, fetch, save
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
    """MLflow, imported late: it takes seconds, and unless told before it reports usage from the user's home."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    import mlflow

    return mlflow


def connect(here: Settings) -> MlflowClient:
    """Point MLflow at the settings' registry, artefacts below the home folder; returns its client."""
    mlflow = _mlflow()
    here.ensure_home()
    mlflow.set_tracking_uri(here.tracking_uri)
    mlflow.set_registry_uri(here.tracking_uri)
    client: MlflowClient = mlflow.MlflowClient()
    if client.get_experiment_by_name(EXPERIMENT) is None:
        client.create_experiment(EXPERIMENT, here.artifacts)
    mlflow.set_experiment(EXPERIMENT)
    return client


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
            signature=_signature(),
            pip_requirements=["scikit-learn", "skops"],
            registered_model_name=here.model_name,
        )
        digests = save(model, Path(folder))
        mlflow.log_artifacts(folder, FOLDER)
        if report:
            mlflow.log_artifacts(str(report), "report")
    version = str(logged.registered_model_version)
    registered = Path(mlflow.artifacts.download_artifacts(f"models:/{here.model_name}/{version}"))
    digests[DIGEST_TAG + NOW_FILE] = digest_of_file(registered / NOW_FILE)
    for name, value in (digests | dict(tags)).items():
        client.set_model_version_tag(here.model_name, version, name, value)
    return version


def promote(here: Settings, version: str, forced: Forced | None = None) -> None:
    """Let a version answer from the next start on, after loading it as the service will.

    Raises NotPromoted when it did not pass the gate and is not forced, ModelMismatch when this build cannot load it or
    a file of it was swapped, MlflowException when there is none. Nothing forces a model that cannot be loaded.
    """
    client = connect(here)
    gate = fetch(here.tracking_uri, here.model_name, version).tags.get(GATE_TAG, "nothing says that it was at the gate")
    if gate != PASSED and forced is None:
        raise NotPromoted(f"version {version} did not pass the gate: {gate}")
    if gate != PASSED and forced is not None:
        for name, value in (("who", forced.who), ("why", forced.why), ("against", gate)):
            client.set_model_version_tag(here.model_name, version, f"forced.{name}", value)
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
        return fetch(here.tracking_uri, here.model_name, here.model_alias)
    except _mlflow().MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


def version_of(here: Settings, version: str) -> TrustModel:
    """A version by its number. Raises LookupError when there is none, ModelMismatch when this build cannot load it."""
    connect(here)
    try:
        return fetch(here.tracking_uri, here.model_name, version)
    except _mlflow().MlflowException as error:
        raise LookupError(f"there is no version {version} of {here.model_name}: {error.message}") from error


def _signature() -> ModelSignature:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema

    inputs = Schema([ColSpec(DataType.double, name, required=False) for name in feature_names()])
    return ModelSignature(inputs=inputs, outputs=Schema([ColSpec(DataType.long)]))
