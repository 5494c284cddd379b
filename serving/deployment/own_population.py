"""A population that a deployment measured on its own events, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from features.history.population import Snapshot


@dataclass(frozen=True, eq=False)
class OwnPopulation:
    """A population measured on a deployment's own events; equal only to itself."""

    snapshot: Snapshot
    features: str
    """Digest of the feature catalogue it was measured with: sums of evidence of another one mean something else."""
    prior: str
    """Digest of the model's population, with which it is blended while the window is small."""
    measured_at: datetime
    in_force_since: datetime
    days: int
    """Of the window it was measured on."""
    rows: int
    """Events of the window that were measured."""
    drift: float | None
    """How far it moved from the population that was in force before: see `drift_between`."""
    why: str
    """What was left out of the window."""

    @property
    def fresh_until(self) -> datetime:
        """When the last event it was measured on has left the window."""
        return self.measured_at + timedelta(days=self.days)
