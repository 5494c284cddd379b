"""What every operator's command shares: the settings or a sentence, and the store as it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console

from features import Settings, SettingsError, get_settings
from serving.errors import ServingError
from serving.store.store import Store

console = Console(stderr=True)


@contextmanager
def command_settings() -> Iterator[Settings]:
    """The settings for the body of a command. An expected error is printed as one sentence, with exit code 2."""
    try:
        yield get_settings()
    except (SettingsError, ServingError) as error:
        console.print(str(error), markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(2) from error


def existing_store(settings: Settings, alternative: str = "") -> Store:
    """The store, which must exist: a command that only looks must not create one.

    `alternative` ends the error's sentence with what else the operator can do. Raises ServingError.
    """
    store = Store(settings.database_url)
    if store.database.file is not None and not store.database.file.exists():
        raise ServingError(f"there is no database at {store.database.file}: start the service once{alternative}")
    return store
