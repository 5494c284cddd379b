"""What a model makes of real people at work. One that learnt from a simulation may have learnt the simulation: nothing
it was judged on so far would tell, and whoever is asked again and again for reading his own lists is a real person.

The records are the OTRF incident's, less the stolen calls, in no training. They can refuse a model and praise none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from features.arrays import SECOND, Array
from features.enrichment.ip_lookup import NetworkTables
from features.model.bundle import TrustModel
from features.model.trust_curve import TrustCurve
from training.data.sessions import session_keys
from training.metrics.evaluation import MAIN
from training.metrics.policy_constants import RISK, SHORTEST_SECONDS
from training.real_records.otrf import logged, stolen
from training.real_records.scoring import ScoredRecords, seen


@dataclass(frozen=True)
class Asked:
    """Of so many ordinary requests on record: how many lie below the threshold, and how many meet an expired session.

    Nobody in a log can answer, so what has expired stays so.
    """

    requests: int
    below: int
    expired: int

    @property
    def share(self) -> float:
        """Of requests, each counted once."""
        return max(self.below, self.expired) / self.requests


def ordinary(model: TrustModel, tables: NetworkTables) -> Asked:
    """The person's requests and the cloud's own, as the service would meet them: in order of time, nobody known."""
    of = seen(model, logged(), tables)
    own = ~stolen(of)
    return Asked(int(own.sum()), int((of.challenged(MAIN) & own).sum()), int((expired(model, of) & own).sum()))


def expired(model: TrustModel, of: ScoredRecords) -> Array:
    """Which requests come after their session's trust has run out, shape (n,)."""
    hazards = model.hazards(of.matrix)
    keys, seconds = session_keys(of.events), of.events["time"].cast("int64").to_numpy() / SECOND
    until: dict[int, float] = {}
    over = np.zeros(len(keys), bool)
    for row in np.argsort(seconds, kind="stable"):
        key = int(keys[row])
        over[row] = seconds[row] > until.get(key, math.inf)
        if key and not over[row]:
            curve = TrustCurve(0.0, tuple(hazards[row].tolist()))  # how long is a matter of the hazard alone
            until[key] = seconds[row] + max(curve.seconds_until(RISK), SHORTEST_SECONDS)
    return over
