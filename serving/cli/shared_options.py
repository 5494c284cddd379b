"""What all of the operator's commands share: the settings or a sentence, and the store as it is."""

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
def plainly() -> Iterator[Settings]:
    """The settings; what cannot be done is said in a sentence instead of a trace, with exit code 2."""
    try:
        yield get_settings()
    except (SettingsError, ServingError) as error:
        console.print(str(error), markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(2) from error


def store_of(here: Settings, otherwise: str = "") -> Store:
    """The store as it is: looking at a database that is not there must not make one; `otherwise` is what else helps."""
    store = Store(here.database_url)
    if store.database.file is not None and not store.database.file.exists():
        raise ServingError(f"there is no database at {store.database.file}: start the service once{otherwise}")
    return store
