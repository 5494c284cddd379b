"""Ports, paths and databases: read from the environment once, into one frozen record.

The defaults need no configuration and write only below `.local/` in the working directory.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Literal, get_args

PREFIX = "SESSION_TRUST_"
HabitsFrom = Literal["score", "events"]


class SettingsError(ValueError):
    """An environment variable holds something that cannot be used."""


@dataclass(frozen=True)
class Settings:
    """What a deployment may choose. Each field is the variable `SESSION_TRUST_<FIELD>`."""

    home: Path = Path(".local")
    """Folder for everything written: database, registry, keys, compiled features. Made with mode 0700."""
    host: str = "127.0.0.1"
    """Address the service listens on."""
    port: int = 3000
    """Port the service listens on."""
    database_url: str = "sqlite:///{home}/session-trust.db"
    """SQLAlchemy URL of histories and the decision log; `{home}` is replaced."""
    tracking_uri: str = "sqlite:///{home}/mlflow.db"
    """MLflow tracking and registry; `{home}` is replaced."""
    artifacts: str = "{home}/artifacts"
    """Where MLflow keeps artefacts of new experiments; `{home}` is replaced."""
    policy: str = ""
    """Path of the policy file; empty means the one that ships with the service."""
    network_tables: str = ""
    """Your own files on addresses, separated by `:`: `.mmdb` and lists of networks; empty means the bundled tables."""
    model_name: str = "session-trust"
    """Name of the registered model."""
    model_alias: str = "champion"
    """Alias of the version that answers."""
    allowed_skew_seconds: int = 300
    """How far an event's time may lie from the server's clock in enforce mode, in seconds."""
    habits_from: HabitsFrom = "score"
    """Which traffic teaches habits: `score` (allowed requests) or `events` (shipped logs)."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read the settings; raises SettingsError naming the variable, its value and what it must be."""
        values: dict[str, object] = {}
        for field in fields(cls):
            variable = PREFIX + field.name.upper()
            if variable in environment:
                values[field.name] = _parsed(variable, environment[variable], type(field.default))
        settings = cls(**values)  # type: ignore[arg-type]  # _parsed gives each field its default's type
        if settings.habits_from not in get_args(HabitsFrom):
            raise SettingsError(f"{PREFIX}HABITS_FROM is {settings.habits_from!r}; it must be 'score' or 'events'")
        return settings.placed()

    def placed(self) -> Settings:
        """The same settings with `{home}` replaced by the absolute home folder."""
        home = self.home.resolve()
        texts = {f.name: getattr(self, f.name) for f in fields(self) if isinstance(f.default, str)}
        return replace(self, home=home, **{name: text.replace("{home}", str(home)) for name, text in texts.items()})

    def ensure_home(self) -> Path:
        """Make the home folder, readable by its owner only, and return it."""
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.home.chmod(0o700)
        return self.home


def _parsed(variable: str, text: str, kind: type) -> object:
    if kind is int:
        if not text.isdecimal():
            raise SettingsError(f"{variable} is {text!r}; it must be a whole number")
        return int(text)
    return Path(text) if issubclass(kind, Path) else text


@cache
def get_settings() -> Settings:
    """The settings of this process, read at the first call."""
    return Settings.from_environment(os.environ)
