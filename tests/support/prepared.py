"""Simulated worlds and datasets are made once and kept in `.local/test-cache/`, by what they are made from."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TypeVar

from features.hashing import digest_of

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("features", "training", "data/reference", "data/stratus", "requirements.lock")
"""A change of anything in these makes everything anew."""
KEPT = 20
"""How many are kept; the oldest go first."""

Made = TypeVar("Made")


def prepared(name: str, make: Callable[[], Made], *settings: object) -> Made:
    """What `make` gives for these settings, from the cache where sources and settings are the same.

    `name` and `settings` (a seed, sizes) name the result, so they must say everything that `make` depends on besides
    the sources. The files are pickles of this very test run's own making, and are read by nobody else.
    """
    digest = digest_of(repr((name, settings, _digest_of_sources())).encode()).partition(":")[2]
    path = ROOT / ".local/test-cache" / f"{name}-{digest[:24]}.pickle"
    if path.exists():
        made: Made = pickle.loads(path.read_bytes())
        return made
    made = make()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for old in sorted(path.parent.glob("*.pickle"), key=lambda each: each.stat().st_mtime)[: -KEPT or None]:
        old.unlink(missing_ok=True)
    draft = path.with_suffix(f".{id(made)}")
    draft.write_bytes(pickle.dumps(made))
    draft.replace(path)
    return made


@cache
def _digest_of_sources() -> str:
    files = [
        file for source in SOURCES for file in sorted([ROOT / source, *(ROOT / source).rglob("*")]) if file.is_file()
    ]
    return digest_of(b"\0".join(file.read_bytes() for file in files if file.suffix not in (".pyc",)))
