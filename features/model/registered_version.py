"""Finds the files of a registered version, without MLflow's client where the registry is an SQLite file.

Importing the client takes seconds, reading four rows a millisecond. MLflow also stores absolute paths. When the
registry lies in the home folder, its artefacts are looked for below `Settings.artifacts`, so a home folder that was
copied or renamed reads its own files and never those of the old place.
"""

from __future__ import annotations

import importlib
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from features.settings import Settings

NOW_FILE = "model.skops"
"""The now-model, as MLflow itself writes the registered model."""
FOLDER = "trust"
"""The artefact folder of the run that holds all other files of a version."""
ARTIFACTS = "artifacts"
"""Name of the folder in the home folder that holds artefacts unless `Settings.artifacts` says otherwise."""

_VERSION_OF_ALIAS = "SELECT version FROM registered_model_aliases WHERE name = ? AND alias = ?"
_VERSION = """
SELECT v.storage_location, r.artifact_uri, e.artifact_location
FROM model_versions v JOIN runs r ON r.run_uuid = v.run_id JOIN experiments e ON e.experiment_id = r.experiment_id
WHERE v.name = ? AND v.version = ? AND v.current_stage IS NOT 'Deleted_Internal'
"""
_TAGS = "SELECT key, value FROM model_version_tags WHERE name = ? AND version = ?"


class NoSuchVersion(LookupError):
    """The registry has no version of this number or alias."""


class RegistryUnavailable(OSError):
    """The registry cannot be asked, or lacks the files of a version."""


class _NotReadable(Exception):
    """The registry's tables or paths are not as expected: MLflow's client must be asked."""


@dataclass(frozen=True)
class RegisteredVersion:
    """One version: its number, its tags and where its files are."""

    number: str
    tags: Mapping[str, str]
    now: Path
    """The now-model's file."""
    folder: Path
    """The folder of all other files."""


def find_version(settings: Settings, alias_or_number: str) -> RegisteredVersion:
    """Find a registered version by its alias or number. Raises NoSuchVersion when there is none, RegistryUnavailable
    when the registry cannot be asked."""
    file = registry_file(settings)
    if file is not None:
        if not file.exists():
            raise NoSuchVersion(f"there is no model registry at {file}. {_HELP}")
        try:
            with _reading(file) as registry:
                return _from_sqlite(registry, settings, alias_or_number)
        except (sqlite3.Error, _NotReadable):
            pass
    return _from_client(settings, alias_or_number)


def has_version(settings: Settings, alias_or_number: str) -> bool:
    """Whether the registry has a version of this alias or number."""
    try:
        find_version(settings, alias_or_number)
    except NoSuchVersion:
        return False
    return True


def registry_file(settings: Settings) -> Path | None:
    """The registry's SQLite file; None when the registry is a server or another database."""
    path = settings.tracking_uri.removeprefix("sqlite:///")
    return Path(path) if path != settings.tracking_uri else None


def is_in_home(settings: Settings) -> bool:
    """Whether the registry's file lies in the home folder, and so moves with it."""
    file = registry_file(settings)
    return file is not None and file.resolve().is_relative_to(settings.home.resolve())


def moved(location: Path, settings: Settings) -> bool:
    """Whether an experiment's artefact location is that of another home folder than the registry's own."""
    elsewhere = location != Path(settings.artifacts) and not location.is_relative_to(settings.home)
    return is_in_home(settings) and elsewhere and location.name == ARTIFACTS


_HELP = "Register the model that ships with session-trust (session-trust training register-model) or train one"


def _from_sqlite(registry: sqlite3.Connection, settings: Settings, alias_or_number: str) -> RegisteredVersion:
    name, number = settings.model_name, alias_or_number
    if not alias_or_number.isdecimal():
        row = registry.execute(_VERSION_OF_ALIAS, (name, alias_or_number)).fetchone()
        if row is None:
            raise NoSuchVersion(f"no version of {name} has the alias {alias_or_number}. {_HELP}")
        number = str(row[0])
    row = registry.execute(_VERSION, (name, int(number))).fetchone()
    if row is None:
        raise NoSuchVersion(f"there is no version {number} of {name}")
    model, run, location = (_local(uri) for uri in row)
    if moved(location, settings):
        model, run = (_below(settings.artifacts, location, path) for path in (model, run))
    tags = dict(registry.execute(_TAGS, (name, int(number))).fetchall())
    return RegisteredVersion(number, tags, model / NOW_FILE, run / FOLDER)


def follow_moved_home(settings: Settings) -> None:
    """Rewrite the absolute paths in the registry's file when it was moved or copied with the home folder.

    Whoever writes to the registry calls this first, or MLflow would write new artefacts to the old place.
    """
    file = registry_file(settings)
    if file is None or not file.exists() or not is_in_home(settings):
        return
    with closing(sqlite3.connect(file, timeout=30)) as registry, registry:
        for (stored,) in registry.execute("SELECT DISTINCT artifact_location FROM experiments").fetchall():
            with suppress(_NotReadable):
                if moved(_local(stored), settings):
                    _replace_prefix(registry, stored, settings.artifacts)


_PATHS = {
    "experiments": "artifact_location",
    "runs": "artifact_uri",
    "logged_models": "artifact_location",
    "model_versions": "storage_location",
}
"""Where MLflow's tables hold absolute paths."""


def _replace_prefix(registry: sqlite3.Connection, old: str, new: str) -> None:
    for table, column in _PATHS.items():
        registry.execute(
            f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE {column} = ? OR {column} LIKE ? ESCAPE '~'",
            (new, len(old) + 1, old, re.sub(r"([%_~])", r"~\1", old) + "/%"),
        )


def _from_client(settings: Settings, alias_or_number: str) -> RegisteredVersion:
    mlflow = importlib.import_module("mlflow")
    uri, name = settings.tracking_uri, settings.model_name
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)  # download_artifacts asks whichever registry the process has set
    client = mlflow.MlflowClient()
    look_up = client.get_model_version if alias_or_number.isdecimal() else client.get_model_version_by_alias
    try:
        version = look_up(name, alias_or_number)
        model = mlflow.artifacts.download_artifacts(f"models:/{name}/{version.version}")
        folder = mlflow.artifacts.download_artifacts(run_id=version.run_id, artifact_path=FOLDER)
    except mlflow.exceptions.MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise NoSuchVersion(f"there is no version {alias_or_number} of {name} in {uri}: {error.message}") from error
        raise RegistryUnavailable(f"{uri} gives no version {alias_or_number} of {name}: {error.message}") from error
    return RegisteredVersion(str(version.version), version.tags, Path(model) / NOW_FILE, Path(folder))


@contextmanager
def _reading(file: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as registry:
        yield registry


def _local(uri: Any) -> Path:
    """The path a stored location names; raises _NotReadable for one that is not on this machine's disk."""
    parts = urlsplit(uri or "")
    if parts.scheme not in ("", "file") or not parts.path.startswith("/"):
        raise _NotReadable(uri)
    return Path(unquote(parts.path) if parts.scheme else uri)


def _below(artifacts: str, location: Path, path: Path) -> Path:
    """The same artefact below this home's own artefact folder."""
    if not path.is_relative_to(location):
        raise _NotReadable(str(path))
    return Path(artifacts) / path.relative_to(location)
