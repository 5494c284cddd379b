"""Logs a model with all that stands behind it to MLflow, and registers it as one version."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from features.bundle import DIGEST_TAG, FOLDER, NOW_FILE, TRUSTED, TrustModel, fetch, save
from features.hashing import digest_of_file
from features.settings import Settings
from features.vector import names

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.models import ModelSignature

EXPERIMENT = "session-trust"


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


def promote(here: Settings, version: str) -> None:
    """Let a version answer from the next start on, after loading it as the service will.

    Raises ModelMismatch when this build cannot load it, MlflowException when there is none.
    """
    client = connect(here)
    fetch(here.tracking_uri, here.model_name, version)
    client.set_registered_model_alias(here.model_name, here.model_alias, version)


def champion(here: Settings) -> TrustModel | None:
    """The version that answers now; None when none does. Raises ModelMismatch when this build cannot load it."""
    connect(here)
    try:
        return fetch(here.tracking_uri, here.model_name, here.model_alias)
    except _mlflow().MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


def _signature() -> ModelSignature:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema

    inputs = Schema([ColSpec(DataType.double, name, required=False) for name in names()])
    return ModelSignature(inputs=inputs, outputs=Schema([ColSpec(DataType.long)]))
