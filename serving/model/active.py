"""The active configuration of a running service: settings, policy, catalogues, network tables, the model if any."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from features.arrays import Array
from features.catalogue.describe import digest
from features.engine.online import fold, vector
from features.enrichment.ip_lookup import NetworkTables, lookup
from features.event.numpy_row import row_of
from features.event.schema import Event
from features.history.layout import History
from features.history.population import Snapshot, no_population
from features.history.update import SUCCESS
from features.model.bundle import fetch
from features.model.proven import proven_forests
from features.settings import Settings
from serving.decision.inputs import Versions
from serving.deployment.catalogue_files import NO_CATALOGUES, Catalogues, load_catalogues
from serving.deployment.own_population import OwnPopulation
from serving.model.explainer import Explainer
from serving.policy.schema import BUILT_IN, Policy
from serving.policy.thresholds import threshold_for

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RefusedFile:
    """A file of the policy that changed and was not put into force: which, why, and since when."""

    file: str
    reason: str
    since: datetime
    part: str = ""
    """The part of the configuration it belongs to: the policy's file, or the catalogues' folder."""


@dataclass(frozen=True)
class ActiveConfiguration:
    """The settings, policy, network tables and champion model that decisions use.

    `missing` says why there is no champion, `refused_files` why a newer file is not in force.
    """

    settings: Settings
    policy: Policy
    networks: NetworkTables
    champion: Explainer | None
    missing: str | None
    catalogues: Catalogues = NO_CATALOGUES
    """What the deployment itself knows of its actions, assets and identities."""
    refused_files: tuple[RefusedFile, ...] = ()
    own: OwnPopulation | None = None
    """The population measured on the deployment's own events; None while the model's is in force."""
    replayed: Snapshot | None = None
    """The population that a replay names, in place of the one in force."""
    population_fault: str | None = None
    """Why a newer population is not in force."""

    def refusing(self, part: Path, reasons: Mapping[str, str], at: datetime) -> ActiveConfiguration:
        """The same with these files of a part (the policy's file, the catalogues' folder) refused, each for its reason,
        and no others of that part. A reason that stands keeps its time."""
        since = {(each.file, each.reason): each.since for each in self.refused_files}
        refused = tuple(
            RefusedFile(file, reason, since.get((file, reason), at), str(part)) for file, reason in reasons.items()
        )
        files = (*(each for each in self.refused_files if each.part != str(part)), *refused)
        return self if files == self.refused_files else replace(self, refused_files=files)

    @property
    def prior(self) -> Snapshot:
        """The champion's population, or none without a champion."""
        return self.champion.population if self.champion else no_population()

    @property
    def snapshot(self) -> Snapshot:
        """What events are compared with: the deployment's own population, else the champion's."""
        if self.replayed is not None:
            return self.replayed
        return self.own.snapshot if self.own else self.prior

    @property
    def population(self) -> Array:
        """The same without its digest."""
        return self.snapshot.population

    @property
    def versions(self) -> Versions:
        """The versions every decision names."""
        model = self.champion.model.version if self.champion else None
        return Versions(
            model=model,
            policy=self.policy.digest,
            features=digest(),
            catalogues=self.catalogues.digest,
            population=self.snapshot.digest,
        )

    @property
    def model_tags(self) -> Mapping[str, str]:
        """The registry's tags of the champion."""
        return self.champion.model.tags if self.champion else {}

    def threshold(self, event: Event) -> float | None:
        """The trust this identity type needs for this sensitivity; None when neither policy nor model sets one."""
        return threshold_for(self.policy, self.champion.model if self.champion else None, event)


def active_population(settings: Settings) -> Array:
    """The population of the champion in the registry, or none where no champion can be used."""
    try:
        return fetch(settings, settings.model_alias).population
    except Exception as error:  # whatever the fault of the model: histories can be compared without one
        log.warning(f"{settings.model_name}@{settings.model_alias} cannot be used: {error}")
        return no_population().population


def policy_file(settings: Settings) -> Path:
    """The path of the policy file: the configured one, or the built-in policy."""
    return Path(settings.policy) if settings.policy else BUILT_IN


def catalogue_folder(settings: Settings) -> Path:
    """Where actions.yaml, assets.yaml and identities.yaml stand: beside the configured policy, else in the home."""
    return Path(settings.policy).parent if settings.policy else settings.home


def load_configuration(settings: Settings) -> ActiveConfiguration:
    """Load the policy, the catalogues beside it, the network tables and the champion.

    Without a usable champion the reason is logged and kept in `missing`, and the service fails closed.
    Raises PolicyError when the policy or a catalogue is not valid: without them nothing can be decided.
    """
    policy = Policy.load(policy_file(settings))
    catalogues = load_catalogues(catalogue_folder(settings))
    champion, missing = None, None
    try:
        model = fetch(settings, settings.model_alias)
        champion = Explainer(model, proven_forests(model, settings))
    except Exception as error:  # whatever the fault of the model, the service starts, says so and fails closed
        missing = f"{settings.model_name}@{settings.model_alias} cannot be used: {error}"
        log.error(missing)
    _warm_up()
    return ActiveConfiguration(settings, policy, lookup(settings.network_tables), champion, missing, catalogues)


def _warm_up() -> None:
    """Compile the feature kernels now, so that the first request does not wait for them."""
    event = Event.model_validate(
        {"time": "2026-01-01T00:00:00Z", "identity": {"id": "nobody", "type": "workload"}, "action": {"name": "none"}}
    )
    history = History.empty()
    vector(row_of(event), history, no_population().population)
    fold(row_of(event), history, no_population().population, SUCCESS)
