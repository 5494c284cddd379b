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
from features.model.bundle import DIGEST_TAG, TRUSTED, TrustModel, fetch, save
from features.model.proven import proven_forests
from features.model.registered_version import FOLDER, NOW_FILE, NoSuchVersion, find_version, follow_moved_home
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
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")
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
    follow_moved_home(settings)
    mlflow.set_tracking_uri(settings.tracking_uri)
    mlflow.set_registry_uri(settings.tracking_uri)
    client: MlflowClient = mlflow.MlflowClient()
    mlflow.set_experiment(experiment_id=experiment_of(client, settings))
    return client


def experiment_of(client: MlflowClient, settings: Settings) -> str:
    """The id of the experiment that holds every run; made with the settings' artefact folder if there is none."""
    found = client.get_experiment_by_name(EXPERIMENT)
    return str(found.experiment_id) if found else client.create_experiment(EXPERIMENT, settings.artifacts)


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
            signature=signature(),
            pip_requirements=["scikit-learn", "skops"],
        )
        digests = save(model, Path(folder))
        mlflow.log_artifacts(folder, FOLDER)
        if report:
            mlflow.log_artifacts(str(report), "report")
    version = new_version(client, settings, logged.model_id, logged.run_id, digests | dict(tags))
    now = digest_of_file(find_version(settings, version).now)
    client.set_model_version_tag(settings.model_name, version, DIGEST_TAG + NOW_FILE, now)
    return version


def new_version(client: MlflowClient, settings: Settings, model_id: str, run_id: str, tags: Mapping[str, str]) -> str:
    """Make a logged model the next version of the registered model; returns its number."""
    if not client.search_registered_models(f"name = '{settings.model_name}'"):
        client.create_registered_model(settings.model_name)
    made = client.create_model_version(
        settings.model_name, f"models:/{model_id}", run_id=run_id, tags=dict(tags), model_id=model_id
    )
    return str(made.version)


def promote(settings: Settings, version: str, forced: ForcedPromotion | None = None) -> None:
    """Make a version the champion from the next start of the service on, after loading it as the service will.

    Raises NotPromoted when it did not pass its checks and is not forced, ModelMismatch when this build cannot load it,
    one of its files was changed or its explanation is not SHAP's, NoSuchVersion when there is no such version. Force
    does not help a version that cannot be loaded.
    """
    client = connect(settings)
    model = fetch(settings, version)
    outcome = model.tags.get(CHECKS_TAG, "no promotion checks are recorded")
    if outcome != PASSED and forced is None:
        raise NotPromoted(f"version {version} did not pass its promotion checks: {outcome}")
    if outcome != PASSED and forced is not None:
        for name, value in (("who", forced.who), ("why", forced.why), ("against", outcome)):
            client.set_model_version_tag(settings.model_name, version, f"forced.{name}", value)
    proven_forests(model, settings)
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
        return fetch(settings, settings.model_alias)
    except NoSuchVersion:
        return None


def load_version(settings: Settings, version: str) -> TrustModel:
    """A version by its number. Raises LookupError when there is none, ModelMismatch when this build cannot load it."""
    connect(settings)
    return fetch(settings, version)


def signature() -> ModelSignature:
    """The now-model's input, every feature as a number that may be missing, and its output."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema

    inputs = Schema([ColSpec(DataType.double, name, required=False) for name in feature_names()])
    return ModelSignature(inputs=inputs, outputs=Schema([ColSpec(DataType.long)]))
