"""Features of what a session accumulates of evidence that somebody else acts, see `evidence`.

It is in units of what is usual for the type in this deployment, see `features.history.evidence.usual_units`.
"""

from __future__ import annotations

from features.arrays import Record
from features.catalogue.registration import feature
from features.history.evidence.fields import (
    ACTION_CUSUM,
    DEVICE_CUSUM,
    HIGHEST,
    LARGEST,
    NETWORK_CUSUM,
    NEW,
    POPULATION_CUSUM,
    POPULATION_EWMA,
    REQUESTS,
    RESOURCE_CUSUM,
    RESOURCE_EWMA,
    STEP_ABOVE_USUAL,
    STEP_CUSUM,
    STEP_EWMA,
    TOTAL_ABOVE_USUAL,
    TOTAL_CUSUM,
    TOTAL_EWMA,
)


@feature(unit="usual units", direction=1, always=True, tells="another's session of work from one odd step")
def step_evidence_in_session(evidence: Record) -> float:
    """The session's actions follow each other more as those of others do than as this identity's do.

    >>> reading(step_evidence_in_session, evidence={"scaled": {STEP_CUSUM: 9.0}})
    9.0
    """
    return evidence.scaled[STEP_CUSUM]


@feature(unit="usual units", direction=1, always=True, tells="another's session of work from one new task")
def action_evidence_in_session(evidence: Record) -> float:
    """The session does more of what others of this type do than of what this identity does.

    >>> reading(action_evidence_in_session, evidence={"scaled": {ACTION_CUSUM: 9.0}})
    9.0
    """
    return evidence.scaled[ACTION_CUSUM]


@feature(unit="usual units", direction=1, always=True, tells="a walk through another's files from one new file")
def resource_evidence_in_session(evidence: Record) -> float:
    """The session touches more of what others of this type do than of what this identity does.

    >>> reading(resource_evidence_in_session, evidence={"scaled": {RESOURCE_CUSUM: 9.0}})
    9.0
    """
    return evidence.scaled[RESOURCE_CUSUM]


@feature(unit="usual units", direction=1, always=True, tells="an attacker's machine all along from one new client")
def device_evidence_in_session(evidence: Record) -> float:
    """The session's devices and clients speak for others of this type rather than for this identity.

    >>> reading(device_evidence_in_session, evidence={"scaled": {DEVICE_CUSUM: 9.0}})
    9.0
    """
    return evidence.scaled[DEVICE_CUSUM]


@feature(
    unit="usual units", direction=1, always=True, tells="an attacker's network all along from a journey's first request"
)
def network_evidence_in_session(evidence: Record) -> float:
    """The session's networks speak for others of this type rather than for this identity.

    >>> reading(network_evidence_in_session, evidence={"scaled": {NETWORK_CUSUM: 9.0}})
    9.0
    """
    return evidence.scaled[NETWORK_CUSUM]


@feature(unit="usual units", direction=1, always=True, tells="small signs that agree from small signs that do not")
def evidence_in_session(evidence: Record) -> float:
    """All that the session does speaks for others of this type rather than for this identity.

    >>> reading(evidence_in_session, evidence={"scaled": {TOTAL_CUSUM: 9.0}})
    9.0
    """
    return evidence.scaled[TOTAL_CUSUM]


@feature(unit="usual units", direction=1, always=True, tells="one strong sign from none")
def largest_evidence_in_session(evidence: Record) -> float:
    """Something about the session speaks for others of this type rather than for this identity.

    >>> reading(largest_evidence_in_session, evidence={"scaled": {LARGEST: 9.0}})
    9.0
    """
    return evidence.scaled[LARGEST]


@feature(unit="usual units", direction=1, always=True, tells="harmless reads after an attack from harmless reads alone")
def highest_evidence_in_session(evidence: Record) -> float:
    """What the session did at some time spoke for others of this type rather than for this identity.

    >>> reading(highest_evidence_in_session, evidence={"scaled": {HIGHEST: 12.0}})
    12.0
    """
    return evidence.scaled[HIGHEST]


@feature(unit="usual units", direction=1, always=True, tells="a session just taken over from an odd step long ago")
def recent_step_evidence(evidence: Record) -> float:
    """The session's last actions follow each other as those of others of this type do.

    >>> reading(recent_step_evidence, evidence={"scaled": {STEP_EWMA: 1.5}})
    1.5
    """
    return evidence.scaled[STEP_EWMA]


@feature(unit="usual units", direction=1, always=True, tells="another's files just now from a new file long ago")
def recent_resource_evidence(evidence: Record) -> float:
    """The session's last resources are likelier for others of this type than for this identity.

    >>> reading(recent_resource_evidence, evidence={"scaled": {RESOURCE_EWMA: 1.5}})
    1.5
    """
    return evidence.scaled[RESOURCE_EWMA]


@feature(unit="usual units", direction=1, always=True, tells="a session just taken over from a change long settled")
def recent_evidence(evidence: Record) -> float:
    """All that the session did last speaks for others of this type rather than for this identity.

    >>> reading(recent_evidence, evidence={"scaled": {TOTAL_EWMA: 1.5}})
    1.5
    """
    return evidence.scaled[TOTAL_EWMA]


@feature(unit="usual units", direction=1, always=True, tells="a takeover from an identity whose work always varies")
def step_evidence_above_usual(evidence: Record) -> float:
    """The session's order of actions speaks against this identity more than is usual in its sessions.

    >>> reading(step_evidence_above_usual, evidence={"scaled": {STEP_ABOVE_USUAL: 3.5}})
    3.5
    """
    return evidence.scaled[STEP_ABOVE_USUAL]


@feature(unit="usual units", direction=1, always=True, tells="a takeover from an identity that is never twice the same")
def evidence_above_usual(evidence: Record) -> float:
    """All that the session does speaks against this identity more than is usual in its sessions.

    >>> reading(evidence_above_usual, evidence={"scaled": {TOTAL_ABOVE_USUAL: 2.0}})
    2.0
    """
    return evidence.scaled[TOTAL_ABOVE_USUAL]


@feature(
    unit="usual units", direction=1, always=True, tells="an attacker in a new identity from a newcomer's first day"
)
def rare_values_in_session(evidence: Record) -> float:
    """The session does what is rare among events of this type, whoever it is.

    >>> reading(rare_values_in_session, evidence={"scaled": {POPULATION_CUSUM: 1.5}})
    1.5
    """
    return evidence.scaled[POPULATION_CUSUM]


@feature(unit="usual units", direction=1, always=True, tells="an attacker just begun from a rare act long ago")
def recent_rare_values(evidence: Record) -> float:
    """What the session did last is rare among events of this type, whoever it is.

    >>> reading(recent_rare_values, evidence={"scaled": {POPULATION_EWMA: 1.5}})
    1.5
    """
    return evidence.scaled[POPULATION_EWMA]


@feature(unit="share", direction=1, always=True, tells="a session of new things, whatever is new, from one new thing")
def new_values_share_in_session(evidence: Record) -> float:
    """Much of what the session did was in some way new to this identity.

    >>> reading(new_values_share_in_session, evidence={"after": {NEW: 3.0, REQUESTS: 4.0}})
    0.75
    """
    return evidence.after[NEW] / max(evidence.after[REQUESTS], 1.0)
