"""Settings, read once from environment variables.

The defaults need no configuration and write only below `.local/` in the working directory.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import NonNegativeInt, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

PREFIX = "SESSION_TRUST_"


class SettingsError(ValueError):
    """An environment variable, or a file it names, cannot be used; the message says what to write instead."""


class Settings(BaseSettings):
    """Settings of a deployment. Each field is set by the variable `SESSION_TRUST_<FIELD>`.

    `Settings()` holds the defaults; only `from_environment` and `get_settings` read environment variables.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, validate_default=True)

    home: Path = Path(".local")
    """Folder for everything written: database, registry, keys, compiled features. Made with mode 0700."""
    host: str = "127.0.0.1"
    """Address the service listens on."""
    port: NonNegativeInt = 3000
    """Port the service listens on."""
    database_url: str = "sqlite:///{home}/session-trust.db"
    """SQLAlchemy URL of histories and the decision log; `{home}` is replaced."""
    tracking_uri: str = "sqlite:///{home}/mlflow.db"
    """MLflow tracking and registry; `{home}` is replaced."""
    artifacts: str = "{home}/artifacts"
    """Where MLflow keeps artefacts of new experiments; `{home}` is replaced."""
    signing_key: str = "{home}/signing-key.pem"
    """Ed25519 key that signs anchors of the hash chains, made on the first start; `{home}` is replaced."""
    anchor_file: str = ""
    """File to which the service appends an anchor every hour, best on another machine's disk; empty means none."""
    retention_days: NonNegativeInt = 0
    """After how many days the service erases decisions and inactive identities; 0 keeps everything."""
    policy: str = ""
    """Path of the policy file; empty means the one that ships with the service."""
    maps: str = "{home}/maps"
    """Folder of maps: `POST /events?source=generic&map=badge` reads by `badge.yaml` in it; `{home}` is replaced."""
    network_tables: str = ""
    """Your own files on addresses, separated by `:`: `.mmdb` and lists of networks; empty means the bundled tables."""
    model_name: str = "session-trust"
    """Name of the registered model."""
    model_alias: str = "champion"
    """Alias of the model version that scores requests."""
    allowed_skew_seconds: NonNegativeInt = 300
    """How far an event's time may lie from the server's clock in enforce mode, in seconds."""
    habits_from: Literal["score", "events"] = "score"
    """Which traffic teaches habits: `score` (allowed requests) or `events` (shipped logs)."""
    population_days: NonNegativeInt = 30
    """How many days of its own events a deployment's population is measured on; 0 means the model's is used."""
    population_refresh_hours: NonNegativeInt = 24
    """After how many hours the service measures its population anew; 0 means only `population refresh` does."""
    trusted_proxies: str = ""
    """Addresses and networks of proxies, separated by commas, whose `X-Forwarded-For` and `-Proto` are believed."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read the settings from variables; raises SettingsError naming the variable, its value and what it must be."""
        variables = EnvSettingsSource(cls)
        variables.env_vars = {name.lower(): text for name, text in environment.items() if name.isupper()}
        try:
            return cls(**variables())
        except ValidationError as error:
            raise SettingsError(_sentence(error)) from None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        *_: PydanticBaseSettingsSource,
        **__: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read constructor arguments only, so that a test's settings do not depend on its environment."""
        return (init_settings,)

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        return home.resolve()

    @field_validator("*")
    @classmethod
    def _below_home(cls, value: Any, info: ValidationInfo) -> Any:
        return value.replace("{home}", str(info.data["home"])) if isinstance(value, str) else value

    def ensure_home(self) -> Path:
        """Create the home folder with mode 0700 if it is missing, and return it."""
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.home.chmod(0o700)
        return self.home


def _sentence(error: ValidationError) -> str:
    first = error.errors()[0]
    must_be = first["ctx"]["expected"] if first["type"] == "literal_error" else "a whole number"
    return f"{PREFIX}{str(first['loc'][0]).upper()} is {first['input']!r}; it must be {must_be}"


@cache
def get_settings() -> Settings:
    """The settings of this process, read at the first call; from then on matplotlib keeps its caches in the home."""
    settings = Settings.from_environment(os.environ)
    os.environ.setdefault("MPLCONFIGDIR", str(settings.home / "matplotlib"))
    return settings
