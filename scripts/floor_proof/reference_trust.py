"""A second, independent reading of the trust that counts for a request, while something of its place is new."""

import math

from scripts.floor_proof.random_requests import Request
from scripts.floor_proof.reference_readings import harm


def trust_of(request: Request) -> float:
    """Trust from log-odds of compromise; 0 when the model gave nothing valid."""
    odds = math.nan if request.log_odds is None else request.log_odds
    return 1 / (1 + math.exp(odds)) if math.isfinite(odds) and all(0 <= h < 1 for h in request.hazards) else 0.0


def counted_trust(request: Request) -> float:
    """The trust that thresholds are compared with. For more than viewing it is no higher than the lowest at what is
    new. `request` is read as it counts."""
    return _no_higher_than(request, "trust")


def stated_trust(request: Request) -> float:
    """The trust that denial and the strength of factors follow: of both lowest values the higher one."""
    return max(counted_trust(request), _no_higher_than(request, "trust_as_sent"))


def _no_higher_than(request: Request, name: str) -> float:
    trust, category = trust_of(request), request.event["action"]["category"]
    return trust if request.lowest is None or harm(category) == 0 else min(trust, request.lowest[name])
