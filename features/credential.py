"""How the credential drifts: its age and exposure, and how many hands it seems to be in."""

from __future__ import annotations

from features.history import RECENT
from features.measures import NAN, Array, Record, jit, novelty, seconds_between
from features.registry import feature

DAY = 86_400.0
HOUR = 3_600.0


@jit
def _seen_within_an_hour(keys: Array, times: Array, key: int, time: int) -> float:
    """How many different keys were seen within the last hour, the present one included."""
    seen = 1.0
    for i in range(RECENT):
        if keys[i] not in (0, key) and seconds_between(time, times[i]) <= HOUR:
            seen += 1.0
    return seen


@feature(unit="yes or no", direction=1)
def credential_is_new(event: Record, identity: Record) -> float:
    """The credential is one this identity has not used before.

    >>> reading(credential_is_new, event={"credential_key": 7}, identity={"events": 2, "credential": {5: 2.0}})
    1.0
    """
    return novelty(identity.credential_key, identity.credential_count, event.credential_key, identity.events)


@feature(unit="days", direction=1)
def credential_age_days(event: Record) -> float:
    """The credential was issued long ago.

    >>> reading(credential_age_days, event={"time": 172_800_000_000, "issued_at": 0})
    2.0
    """
    return seconds_between(event.time, event.issued_at) / DAY


@feature(unit="yes or no", direction=1)
def credential_exposed(event: Record, credential: Record) -> float:
    """The credential has been seen where it must not be.

    >>> reading(credential_exposed, event={"exposed": 0.0}, credential={"exposed": 1.0})
    1.0
    """
    if credential.exposed == 1.0:
        return 1.0
    return event.exposed


@feature(unit="instances or devices", direction=1)
def credential_instances_last_hour(event: Record, credential: Record) -> float:
    """One credential is used from several devices or instances within an hour.

    >>> reading(
    ...     credential_instances_last_hour,
    ...     event={"time": 60_000_000, "instance": 7, "credential_key": 1}, credential={"instance": {5: 0}},
    ... )
    2.0
    """
    if event.instance == 0 or event.credential_key == 0:
        return NAN
    return _seen_within_an_hour(credential.instance_key, credential.instance_time, event.instance, event.time)


@feature(unit="network operators", direction=1)
def credential_networks_last_hour(event: Record, credential: Record) -> float:
    """One credential is used through several network operators within an hour.

    >>> reading(credential_networks_last_hour, event={"time": 0, "asn": 7, "credential_key": 1}, credential={})
    1.0
    """
    if event.asn == 0 or event.credential_key == 0:
        return NAN
    return _seen_within_an_hour(credential.network_key, credential.network_time, event.asn, event.time)


@feature(unit="yes or no", direction=1)
def credential_environment_mismatch(event: Record, credential: Record) -> float:
    """The credential is used in another environment than its own.

    Its own is the one it declares, else the first it was used in.

    >>> reading(
    ...     credential_environment_mismatch,
    ...     event={"resource_environment": 1, "credential_environment": 2}, credential={},
    ... )
    1.0
    """
    own = event.credential_environment if event.credential_environment != 0 else credential.environment
    if own == 0 or event.resource_environment == 0:
        return NAN
    return 1.0 if own != event.resource_environment else 0.0


@feature(unit="minutes", direction=1)
def minutes_since_authentication(event: Record) -> float:
    """The last proof of who this is lies long back.

    >>> reading(minutes_since_authentication, event={"time": 120_000_000, "authenticated_at": 0})
    2.0
    """
    return seconds_between(event.time, event.authenticated_at) / 60.0


@feature(unit="0 none to 3 phishing-resistant", direction=-1)
def authentication_strength(event: Record) -> float:
    """The session rests on a weak proof of who this is.

    >>> math.isnan(reading(authentication_strength, event={}))
    True
    """
    return event.strength
