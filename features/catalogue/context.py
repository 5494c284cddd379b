"""Features of how much is known about a request, so that missing data is never mistaken for safety."""

from __future__ import annotations

from features.arrays import NAN, Record
from features.catalogue.registration import feature
from features.event.row_fields import CONTEXT
from features.history.category_codes import HUMAN, SERVICE_ACCOUNT, WORKLOAD
from features.kernels.decayed_counts import log_of_one_more

FIELDS_OF_CONTEXT = float(len(CONTEXT))


@feature(unit="share", direction=0, always=True, tells="a call stripped of its context from a routine one")
def context_known_fraction(event: Record) -> float:
    """So much of the context of this request is known.

    >>> reading(context_known_fraction, event={"known": 12.0})
    0.5
    """
    return event.known / FIELDS_OF_CONTEXT


@feature(unit="share", direction=1, tells="a replay by a client that hides its device from the usual client")
def context_lost(event: Record, identity: Record) -> float:
    """Less is known of this request than is usual for this identity.

    >>> reading(context_lost, event={"known": 6.0}, identity={"mass": 2.0, "context_sum": 36.0})
    0.5
    """
    if identity.mass <= 0.0:
        return NAN
    return max(identity.context_sum / identity.mass - event.known, 0.0) / FIELDS_OF_CONTEXT


@feature(
    unit="log(1 + events)",
    direction=0,
    always=True,
    tells="a newcomer's first day from a veteran's unusual one",
)
def known_events(identity: Record) -> float:
    """So much of this identity's past is known.

    >>> reading(known_events, identity={"events": 0})
    0.0
    """
    return log_of_one_more(identity.events)


@feature(unit="yes or no", direction=0, always=True, tells="a person's odd hour from a job's")
def identity_is_human(event: Record) -> float:
    """The identity is a person's.

    >>> reading(identity_is_human, event={"identity_type": 1})
    1.0
    """
    return 1.0 if event.identity_type == HUMAN else 0.0


@feature(unit="yes or no", direction=0, always=True, tells="a key in two places from a workload on two machines")
def identity_is_service_account(event: Record) -> float:
    """The identity is a service account's.

    >>> reading(identity_is_service_account, event={"identity_type": 2})
    1.0
    """
    return 1.0 if event.identity_type == SERVICE_ACCOUNT else 0.0


@feature(unit="yes or no", direction=0, always=True, tells="an instance never seen from a person's new laptop")
def identity_is_workload(event: Record) -> float:
    """The identity is a workload's.

    >>> reading(identity_is_workload, event={"identity_type": 3})
    1.0
    """
    return 1.0 if event.identity_type == WORKLOAD else 0.0
