"""The population that a replay names: a recorded decision is reproduced with the one it was made with."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from features.history.population import Snapshot
from serving.errors import InvalidField, PopulationRefused
from serving.model.active import ActiveConfiguration
from serving.store.store import Store

IN_MEMORY = 4
"""Populations in memory beside the one in force; each takes some three megabytes."""


def compared_with(store: Store, active: ActiveConfiguration, digest: str) -> ActiveConfiguration:
    """The configuration with the stored population of this digest.

    It is read in the caller's thread, so the engine does not wait. Raises InvalidField when none can be used.
    """
    for known in (active.snapshot, active.prior):
        if known.digest == digest:
            return replace(active, replayed=known)
    try:
        return replace(active, replayed=_stored(store, digest))
    except PopulationRefused as error:
        raise InvalidField("population", str(error)) from error


@lru_cache(IN_MEMORY)
def _stored(store: Store, digest: str) -> Snapshot:
    with store.reading() as tx:
        return tx.populations.find(digest)
