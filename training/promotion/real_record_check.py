"""How often a model would challenge real people at work.

A model trained on a simulation may have learnt the simulation, and no figure on simulated data would show it. So it
is also scored on the OTRF incident without the stolen calls, which is in no training. These records can refuse a model;
they are too few to praise one.
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
from training.metrics.evaluation import MAIN_BUDGET
from training.metrics.policy_constants import LIFETIME_RISK, SHORTEST_LIFETIME_SECONDS
from training.real_records.otrf import made_with_stolen_keys, read_events
from training.real_records.scoring import ScoredRecords, score_records


@dataclass(frozen=True)
class RealRecordChallenges:
    """How many legitimate requests on record fall below the threshold, and how many meet an expired session."""

    requests: int
    below_threshold: int
    expired: int
    """Nobody can answer a prompt in a log, so an expired session stays expired."""

    @property
    def share(self) -> float:
        """The share of requests challenged for either reason, whichever is more frequent."""
        return max(self.below_threshold, self.expired) / self.requests


def challenge_real_records(model: TrustModel, tables: NetworkTables) -> RealRecordChallenges:
    """Score the legitimate requests in order of time, starting without any history."""
    records = score_records(model, read_events(), tables)
    legitimate = ~made_with_stolen_keys(records)
    return RealRecordChallenges(
        requests=int(legitimate.sum()),
        below_threshold=int((records.challenged(MAIN_BUDGET) & legitimate).sum()),
        expired=int((expired_requests(model, records) & legitimate).sum()),
    )


def expired_requests(model: TrustModel, records: ScoredRecords) -> Array:
    """Which requests come after their session has expired, shape (n,)."""
    hazards = model.hazards(records.matrix)
    sessions, seconds = session_keys(records.events), records.events["time"].cast("int64").to_numpy() / SECOND
    valid_until: dict[int, float] = {}
    expired = np.zeros(len(sessions), bool)
    for row in np.argsort(seconds, kind="stable"):
        session = int(sessions[row])
        expired[row] = seconds[row] > valid_until.get(session, math.inf)
        if session and not expired[row]:
            curve = TrustCurve(0.0, tuple(hazards[row].tolist()))  # the lifetime depends on the hazards alone
            valid_until[session] = seconds[row] + max(curve.seconds_until(LIFETIME_RISK), SHORTEST_LIFETIME_SECONDS)
    return expired
