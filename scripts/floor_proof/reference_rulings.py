"""A second, independent answer to whether anything but a floor asks a request without proofs for one."""

import math
from typing import Any

from scripts.floor_proof.random_requests import NOW, Request
from scripts.floor_proof.reference_readings import reference_readings
from scripts.floor_proof.reference_trust import counted_trust


def asks_for_proof(policy: dict[str, Any], request: Request) -> bool:
    """Whether the model, the end of its session, or a revoked session of its identity asks for a proof."""
    read, _ = reference_readings(policy, request)
    identity_type, needed = read.event["identity"]["type"], request.threshold
    enforced = "shadow" not in (policy["threshold_mode"], policy["thresholds"][identity_type].get("mode"))
    doubted = needed is None or not math.isfinite(needed) or counted_trust(read) < needed
    expired = request.valid_until is not None and request.valid_until < NOW
    goes_on = request.event["session"]["id"] is not None and request.valid_until is not None
    may_be_revoked = request.session_revoked_at is not None and not goes_on
    return (doubted and enforced) or expired or may_be_revoked or request.revoked
