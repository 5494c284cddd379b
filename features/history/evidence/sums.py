"""What a session accumulates of evidence: sums that fall to zero, and moving averages.

A sum (CUSUM, Page 1954) grows with every event by which somebody else is likelier than the identity, and falls with
every other. It adds up what no single event shows, and forgets what lies before the change.
"""

from __future__ import annotations

import math

from features.arrays import NEVER, Record
from features.history.evidence.fields import (
    ACTION,
    ACTION_CUSUM,
    AGENT,
    ASN,
    DEVICE_CUSUM,
    FAILED,
    FIRST,
    HIGHEST,
    INSTANCE,
    NETWORK,
    NETWORK_CUSUM,
    NEW,
    POPULATION_CUSUM,
    POPULATION_EWMA,
    REQUESTS,
    RESOURCE,
    RESOURCE_CUSUM,
    RESOURCE_EWMA,
    STEP,
    STEP_CUSUM,
    STEP_EWMA,
    SUMS,
    TOTAL_CUSUM,
    TOTAL_EWMA,
)
from features.history.evidence.frequencies import IDLE
from features.kernels.compilation import jit

DRIFT = 0.5
"""The bits that an event of the identity itself is allowed for each field, before a sum grows."""
HIGHEST_SUM = 60.0
KEPT = 0.85
"""The weight of what was before in a moving average."""


@jit
def previous_action(event: Record, identity: Record, session: Record) -> int:
    """The action before this one in its session, FIRST if there is none."""
    if event.session_key == 0:
        return FIRST if _is_over(event, identity) else identity.loose_action
    return session.last_action if session.events > 0 else FIRST


@jit
def _is_over(event: Record, identity: Record) -> bool:
    """Whether the last session without a name has ended."""
    return identity.loose_at == NEVER or event.time - identity.loose_at > IDLE


@jit
def read_sums(event: Record, identity: Record, session: Record, evidence: Record) -> None:
    """Start from the sums of the session before this event."""
    loose = event.session_key == 0
    over = loose and _is_over(event, identity)
    for i in range(SUMS):
        before = identity.loose_sum[i] if loose else session.evidence_sum[i]
        evidence.after[i] = 0.0 if over else before


@jit
def add_evidence(evidence: Record, is_new: float) -> None:
    """Add the event's own bits to the sums."""
    step, action, resource = _known(evidence, STEP), _known(evidence, ACTION), _known(evidence, RESOURCE)
    device, network = _of_device(evidence), _of_network(evidence)
    total = step + 0.5 * (resource + device + network)
    _accumulate(evidence, STEP_CUSUM, step, DRIFT)
    _accumulate(evidence, ACTION_CUSUM, action, DRIFT)
    _accumulate(evidence, RESOURCE_CUSUM, resource, DRIFT)
    _accumulate(evidence, DEVICE_CUSUM, device, DRIFT)
    _accumulate(evidence, NETWORK_CUSUM, network, DRIFT)
    _accumulate(evidence, TOTAL_CUSUM, total, 2.0 * DRIFT)
    _average(evidence, STEP_EWMA, step)
    _average(evidence, RESOURCE_EWMA, resource)
    _average(evidence, TOTAL_EWMA, total)
    rare = _against_all(evidence)
    _accumulate(evidence, POPULATION_CUSUM, rare, 2.0 * DRIFT)
    _average(evidence, POPULATION_EWMA, rare)
    evidence.after[HIGHEST] = max(evidence.after[HIGHEST], evidence.after[TOTAL_CUSUM])
    evidence.after[REQUESTS] += 1.0
    evidence.after[NEW] += is_new


@jit
def keep_sums(event: Record, evidence: Record, identity: Record, session: Record, failed: float) -> None:
    """Write the sums back to where the session is kept."""
    evidence.after[FAILED] += failed
    if event.session_key != 0:
        for i in range(SUMS):
            session.evidence_sum[i] = evidence.after[i]
        return
    for i in range(SUMS):
        identity.loose_sum[i] = evidence.after[i]
    if failed == 0.0:
        identity.loose_action = event.action
    elif _is_over(event, identity):
        identity.loose_action = FIRST
    identity.loose_at = max(identity.loose_at, event.time)


@jit
def _accumulate(evidence: Record, place: int, bits: float, drift: float) -> None:
    total = evidence.after[place] + bits - drift
    evidence.after[place] = min(max(total, 0.0), HIGHEST_SUM)


@jit
def _average(evidence: Record, place: int, bits: float) -> None:
    evidence.after[place] = KEPT * evidence.after[place] + (1.0 - KEPT) * bits


@jit
def _known(evidence: Record, field: int) -> float:
    """The bits of a field, 0 where it is unknown."""
    bits = evidence.bits[field]
    return 0.0 if math.isnan(bits) else bits


@jit
def _of_device(evidence: Record) -> float:
    """The bits of device and client: what speaks for somebody else counts before what speaks for the identity."""
    device, client = _known(evidence, INSTANCE), _known(evidence, AGENT)
    return max(device, client) if device > 0.0 or client > 0.0 else min(device, client)


@jit
def _of_network(evidence: Record) -> float:
    """The bits of the network: a new network of a known operator is half as odd, in a known network the operator says
    it all."""
    network, operator = _known(evidence, NETWORK), evidence.bits[ASN]
    if math.isnan(operator):
        return network
    if operator > 0.0:
        return max(network, operator)
    return 0.5 * network + 0.5 * operator if network > 0.0 else operator


@jit
def _against_all(evidence: Record) -> float:
    """The bits by which action, client and network are rarer than is usual for the type."""
    network = evidence.against_all[ASN]
    if math.isnan(network):
        network = evidence.against_all[NETWORK]
    rare = 0.5 * evidence.against_all[ACTION]
    rare += 0.0 if math.isnan(evidence.against_all[AGENT]) else 0.25 * evidence.against_all[AGENT]
    rare += 0.0 if math.isnan(network) else 0.25 * network
    return 0.0 if math.isnan(rare) else rare
