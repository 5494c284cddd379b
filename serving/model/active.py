"""What is in force while the service runs: the policy, the model if there is one, and what addresses tell."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from features.catalogue.describe import digest
from features.engine.online import fold, vector
from features.enrichment.ip_lookup import NetworkTables, lookup
from features.event.numpy_row import row_of
from features.event.schema import Event
from features.history.layout import History
from features.history.population import unmeasured
from features.history.update import SUCCESS
from features.model.bundle import fetch
from features.model.proven import proven_forests
from features.settings import Settings
from serving.decision.inputs import Versions
from serving.model.explainer import Explainer
from serving.policy.schema import BUILT_IN, Policy
from serving.policy.thresholds import threshold_for

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class InForce:
    """The deployment's settings, policy, network tables and champion; `missing` says why there is no champion,
    `policy_refused` why a newer policy file is not in force."""

    settings: Settings
    policy: Policy
    networks: NetworkTables
    champion: Explainer | None
    missing: str | None
    policy_refused: str | None = None

    @property
    def versions(self) -> Versions:
        """What every decision names."""
        model = self.champion.model.version if self.champion else None
        return Versions(model=model, policy=self.policy.digest, features=digest())

    @property
    def model_tags(self) -> Mapping[str, str]:
        """What the registry says of the champion."""
        return self.champion.model.tags if self.champion else {}

    def threshold(self, event: Event) -> float | None:
        """The trust this identity type needs for this sensitivity; None where nothing can tell."""
        return threshold_for(self.policy, self.champion.model if self.champion else None, event)


def policy_file(settings: Settings) -> Path:
    """The file the policy is read from."""
    return Path(settings.policy) if settings.policy else BUILT_IN


def in_force(settings: Settings) -> InForce:
    """Load everything; a missing or refused model is logged and named, and the service fails closed without it.

    Raises PolicyError when the policy is not sound: without one nothing can be ruled.
    """
    policy = Policy.load(policy_file(settings))
    champion, missing = None, None
    try:
        model = fetch(settings, settings.model_alias)
        champion = Explainer(model, proven_forests(model, settings))
    except Exception as error:  # whatever keeps the model away, the service must say so and stay closed
        missing = f"{settings.model_name}@{settings.model_alias} cannot be used: {error}"
        log.error(missing)
    _warm()
    return InForce(settings, policy, lookup(settings.network_tables), champion, missing)


def _warm() -> None:
    """Compile what the first request would otherwise wait for."""
    event = Event.model_validate(
        {"time": "2026-01-01T00:00:00Z", "identity": {"id": "nobody", "type": "workload"}, "action": {"name": "none"}}
    )
    history = History.empty()
    vector(row_of(event), history, unmeasured())
    fold(row_of(event), history, SUCCESS)
