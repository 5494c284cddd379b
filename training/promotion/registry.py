"""The MLflow model registry: register a version with everything behind it, promote it, and load the champion."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
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
CHECKS_TAG, PASSED = "gate", "passed"
"""The version's tag that holds the outcome of its promotion checks, and its value when all of them passed."""


class NotPromoted(Exception):
    """The version did not pass its promotion checks, and the promotion is not forced."""


@dataclass(frozen=True)
class ForcedPromotion:
    """Who promotes a version that did not pass its checks, and why. Both stay in the version's tags."""

    who: str
    why: str

    def __post_init__(self) -> None:
        if not (self.who.strip() and self.why.strip()):
            raise ValueError("to force a promotion, give who decides it and why: both are recorded")


def _mlflow() -> Any:
    """MLflow, imported late because it takes seconds, and silent: see `_silence`."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    import mlflow

    _silence()
    return mlflow


@cache
def _silence() -> None:
    """Turn off MLflow's messages for the whole process; its errors are raised, not logged.

    They would stand between the lines of a command's own progress. MLflow counts who wants silence and turns its
    messages on again when the last one leaves, so this enters once and stays.
    """
    from mlflow.utils.autologging_utils.logging_and_warnings import MlflowEventsAndWarningsBehaviorGlobally

    silent = MlflowEventsAndWarningsBehaviorGlobally(  # type: ignore[no-untyped-call]
        disable_event_logs=True, disable_warnings=False, reroute_warnings=False
    )
    silent.__enter__()  # type: ignore[no-untyped-call]


def connect(settings: Settings) -> MlflowClient:
    """Point MLflow at the configured registry, with artefacts below the home folder, and return its client."""
    mlflow = _mlflow()
    settings.ensure_home()
    mlflow.set_tracking_uri(settings.tracking_uri)
    mlflow.set_registry_uri(settings.tracking_uri)
    client: MlflowClient = mlflow.MlflowClient()
    if client.get_experiment_by_name(EXPERIMENT) is None:
        client.create_experiment(EXPERIMENT, settings.artifacts)
    mlflow.set_experiment(EXPERIMENT)
    return client


def register(
    model: TrustModel,
    settings: Settings,
    *,
    tags: Mapping[str, str],
    parameters: Mapping[str, Any],
    figures: Mapping[str, float],
    report: Path | None = None,
) -> str:
    """Log a model in one run, register it as a version and return the version's number. No alias is set.

    `report` is a folder of plots, tables and the model card.
    """
    mlflow, client = _mlflow(), connect(settings)
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
            registered_model_name=settings.model_name,
        )
        digests = save(model, Path(folder))
        mlflow.log_artifacts(folder, FOLDER)
        if report:
            mlflow.log_artifacts(str(report), "report")
    version = str(logged.registered_model_version)
    registered = Path(mlflow.artifacts.download_artifacts(f"models:/{settings.model_name}/{version}"))
    digests[DIGEST_TAG + NOW_FILE] = digest_of_file(registered / NOW_FILE)
    for name, value in (digests | dict(tags)).items():
        client.set_model_version_tag(settings.model_name, version, name, value)
    return version


def promote(settings: Settings, version: str, forced: ForcedPromotion | None = None) -> None:
    """Make a version the champion from the next start of the service on, after loading it as the service will.

    Raises NotPromoted when it did not pass its checks and is not forced, ModelMismatch when this build cannot load it
    or one of its files was changed, MlflowException when there is no such version. Force does not help a version that
    cannot be loaded.
    """
    client = connect(settings)
    tags = fetch(settings.tracking_uri, settings.model_name, version).tags
    outcome = tags.get(CHECKS_TAG, "no promotion checks are recorded")
    if outcome != PASSED and forced is None:
        raise NotPromoted(f"version {version} did not pass its promotion checks: {outcome}")
    if outcome != PASSED and forced is not None:
        for name, value in (("who", forced.who), ("why", forced.why), ("against", outcome)):
            client.set_model_version_tag(settings.model_name, version, f"forced.{name}", value)
    client.set_registered_model_alias(settings.model_name, settings.model_alias, version)


def log_evaluation(settings: Settings, version: str, figures: Mapping[str, float], report: Path) -> None:
    """Log one run that names the version, with every finite figure and the report."""
    mlflow = _mlflow()
    connect(settings)
    usable = {re.sub(r"[^\w./ -]", "_", name): value for name, value in figures.items() if math.isfinite(value)}
    with mlflow.start_run(tags={"evaluates": version}):
        mlflow.log_metrics(usable)
        mlflow.log_artifact(str(report), "report")


def champion(settings: Settings) -> TrustModel | None:
    """The version that answers, or None. Raises ModelMismatch when this build cannot load it."""
    connect(settings)
    try:
        return fetch(settings.tracking_uri, settings.model_name, settings.model_alias)
    except _mlflow().MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


def load_version(settings: Settings, version: str) -> TrustModel:
    """A version by its number. Raises LookupError when there is none, ModelMismatch when this build cannot load it."""
    connect(settings)
    try:
        return fetch(settings.tracking_uri, settings.model_name, version)
    except _mlflow().MlflowException as error:
        raise LookupError(f"there is no version {version} of {settings.model_name}: {error.message}") from error


def _signature() -> ModelSignature:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema

    inputs = Schema([ColSpec(DataType.double, name, required=False) for name in feature_names()])
    return ModelSignature(inputs=inputs, outputs=Schema([ColSpec(DataType.long)]))
