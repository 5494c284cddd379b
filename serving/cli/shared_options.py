"""What every operator's command shares: the settings or a sentence, and the store as it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console

from features import Settings, SettingsError, get_settings
from features.cli.output import fail
from serving.errors import ServingError

if TYPE_CHECKING:
    from serving.store.store import Store

console = Console(stderr=True)


@contextmanager
def command_settings() -> Iterator[Settings]:
    """The settings for the body of a command. An expected error is printed as one sentence, with exit code 2."""
    try:
        yield get_settings()
    except (SettingsError, ServingError) as error:
        fail(console, error)


def existing_store(settings: Settings, alternative: str = "") -> Store:
    """The store, which must exist: a command that only looks must not create one.

    `alternative` ends the error's sentence with what else the operator can do. Raises ServingError.
    """
    from serving.store.store import Store  # imported late: a help text needs no database

    store = Store(settings.database_url)
    if store.database.file is not None and not store.database.file.exists():
        raise ServingError(f"there is no database at {store.database.file}: start the service once{alternative}")
    return store
