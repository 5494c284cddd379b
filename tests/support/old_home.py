"""A home folder as version 0.1.0 left it: registry, artefacts and database, with two decisions."""

from __future__ import annotations

import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

from features.settings import Settings

ARCHIVE = Path(__file__).resolve().parents[1] / "packaging/data/home-0.1.tar.xz"
WRITTEN_AT = "/tmp/pk/v01"
"""Where that home folder was: its registry names this path, which is on no other machine."""


def unpack(home: Path) -> Settings:
    """Unpack it somewhere else; returns the settings of a deployment there."""
    home.mkdir(mode=0o700)
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(home, filter="data")
    return settings_of(home)


def settings_of(home: Path) -> Settings:
    """The settings of a home folder, whatever this process's own are."""
    return Settings.from_environment({"SESSION_TRUST_HOME": str(home)})


def retag(settings: Settings, tag: str, value: str) -> None:
    """Change a tag of the registered version, as if it had been registered so."""
    with closing(sqlite3.connect(settings.home / "mlflow.db")) as registry, registry:
        registry.execute("UPDATE model_version_tags SET value = ? WHERE key = ?", (value, tag))
