"""Locate the data files of this build: beside the packages in a checkout, inside `features` once installed."""

from __future__ import annotations

from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


@cache
def data_folder() -> Path:
    """The folder `data/` of this build; raises FileNotFoundError if there is none."""
    for folder in (PACKAGE.parent / "data", PACKAGE / "data"):
        if (folder / "reference").is_dir():
            return folder
    raise FileNotFoundError(
        f"{PACKAGE.parent / 'data'} and {PACKAGE / 'data'} are both missing: reinstall session-trust"
    )
