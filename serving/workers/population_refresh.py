"""Measures a deployment's population on its own recent events, and stores it for services to take up.

Frequencies and scales are measured together, by identity type, and blended with the model's while a type has fewer
than 500 events. A window that is not worth it leaves the one in force as it is, and says why. Thresholds are the
model's, whatever the population.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from features.arrays import Array
from features.catalogue.describe import digest as features_digest
from features.engine.population_window import measure_window_rows
from features.history.population import Snapshot
from features.history.population_blend import blend
from features.history.update import SUCCESS
from serving.deployment.own_population import OwnPopulation
from serving.errors import PopulationRefused, ServingError
from serving.model.active import ActiveConfiguration
from serving.model.judged_window import trusted_by_model
from serving.policy_analysis.reviews.population_drift import drift_between
from serving.store.populations.snapshots import own_population, packed
from serving.store.populations.window import Window, read_window
from serving.store.store import Store

log = logging.getLogger(__name__)

LEAST_EVENTS, LEAST_IDENTITIES, LEAST_TIME = 100, 3, timedelta(days=1)
"""A window with fewer successful events, fewer identities or a shorter time says nothing of what is usual here."""
DISTRUSTED = "that the model would have challenged, where nothing else decided"
KEPT_AT_LEAST = timedelta(days=1)
"""How long a population that no event names is kept: a service may still be about to take it up."""
Stage = Callable[[str, float], None]


@dataclass(frozen=True)
class Refresh:
    """What a refresh came to: the population that is in force from now on, or why the one before stays."""

    own: OwnPopulation | None
    window: Window
    refused: str | None

    @property
    def left_out(self) -> str:
        """What was left out of the window, in words."""
        return "; ".join(f"{count:,} {reason}" for reason, count in self.window.left_out.items()) or "nothing"


def refresh_population(
    store: Store,
    active: ActiveConfiguration,
    at: datetime,
    stage: Stage = lambda name, share: None,
) -> Refresh:
    """Measure the population on the window that ends now, and put it into force if the window is worth it.

    `active` needs a champion: without one nothing can judge the window. Raises ServingError.
    """
    settings = active.settings
    if not settings.population_days:
        raise ServingError("SESSION_TRUST_POPULATION_DAYS is 0: the model's population is used. Set it to 30, say")
    if active.champion is None:
        raise ServingError(f"nothing can judge the window: {active.missing}")
    active = in_force(store, active)
    since = at - timedelta(days=settings.population_days)
    stage("reading the window", 0.0)
    window = read_window(store, since, at)
    stage("judging what nobody decided", 0.3)
    trusted = trusted_by_model(active, window.events, window.rows)
    window = window.keep(window.decided | trusted, DISTRUSTED)
    refused = not_worth_it(window.rows)
    if refused:
        with store.transaction() as tx:
            tx.populations.note(active.snapshot, f"{at:%F %T}: kept, since the window {refused}")
        return Refresh(None, window, refused)
    stage("measuring", 0.6)
    snapshot = Snapshot.of(blend(active.prior.population, measure_window_rows(window.rows)))
    stage("storing", 0.95)
    own = OwnPopulation(
        snapshot=snapshot,
        features=features_digest(),
        prior=active.prior.digest,
        measured_at=at,
        in_force_since=at,
        days=settings.population_days,
        rows=len(window.rows),
        drift=drift_between(active.population, snapshot.population),
        why="",
    )
    refresh = Refresh(own, window, None)
    _store(store, replace(own, why=f"left out of the window: {refresh.left_out}"), at)
    return refresh


def in_force(store: Store, active: ActiveConfiguration) -> ActiveConfiguration:
    """The configuration with the population that the store says is in force; where that cannot be used, the one before
    stays, and `population_fault` says why."""
    with store.reading() as tx:
        newest = tx.populations.newest()
        if newest is None:
            return replace(active, own=None, population_fault=None)
        own = active.own
        if own and (own.snapshot.digest, own.in_force_since) == (newest.digest, newest.since):
            return replace(active, population_fault=None) if active.population_fault else active
        try:
            return replace(active, own=own_population(tx.populations, newest), population_fault=None)
        except PopulationRefused as error:
            return replace(active, population_fault=str(error))


def not_worth_it(rows: Array) -> str | None:
    """Why a window says nothing of what is usual here; None where it does."""
    successful = rows[rows["outcome"] == SUCCESS]
    identities = len(np.unique(successful["identity_key"]))
    lasted = timedelta(microseconds=int(np.ptp(successful["time"]))) if len(successful) else timedelta()
    if len(successful) < LEAST_EVENTS:
        return f"has {len(successful)} events that may be measured, and {LEAST_EVENTS} are needed"
    if identities < LEAST_IDENTITIES:
        return f"has {identities} identities, and others can be compared with {LEAST_IDENTITIES} or more"
    if lasted < LEAST_TIME:
        return f"spans {lasted.total_seconds() / 3600:.1f} hours, and a day is needed"
    return None


def _store(store: Store, own: OwnPopulation, at: datetime) -> None:
    packed(own.snapshot)
    with store.transaction() as tx:
        tx.populations.put_in_force(own)
    with store.reading() as tx:
        unused = tx.populations.unused(at - KEPT_AT_LEAST)
    if unused:
        with store.transaction() as tx:
            tx.populations.remove(unused)
