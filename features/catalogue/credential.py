"""Features of the credential: its age, scope and exposure, where it is used, and the last authentication."""

from __future__ import annotations

from features.arrays import NAN, NEVER, Record
from features.catalogue.registration import feature
from features.history.event_values import strong_time
from features.history.half_lives import DAY, HOUR, MINUTE
from features.history.recent_values import seen_within_an_hour
from features.kernels.decayed_counts import above_usual, changed, log_of_one_more, novelty, seconds_between


@feature(unit="yes or no", direction=1, tells="a key created by an attacker from the ones in use")
def credential_is_new(event: Record, identity: Record) -> float:
    """The credential is one this identity has not used before.

    >>> reading(credential_is_new, event={"credential_key": 7}, identity={"events": 2, "credential": {5: 2.0}})
    1.0
    """
    return novelty(identity.credential_key, identity.credential_count, event.credential_key, identity.events)


@feature(unit="yes or no", direction=1, tells="a session carried on with another token from one kept to its own")
def credential_changed_in_session(event: Record, session: Record) -> float:
    """The session goes on with another credential than it began with.

    >>> reading(credential_changed_in_session, event={"credential_key": 7}, session={"credential": 5})
    1.0
    """
    return changed(event.credential_key, session.credential)


@feature(unit="days", direction=1, tells="a long-lived secret (NHI7) from one issued for the task")
def credential_age_days(event: Record) -> float:
    """The credential was issued long ago.

    >>> reading(credential_age_days, event={"time": 172_800_000_000, "issued_at": 0})
    2.0
    """
    return seconds_between(event.time, event.issued_at) / DAY


@feature(unit="log ratio", direction=1, tells="a key that missed its rotation, or an old one revived (NHI1)")
def credential_age_above_rotation(event: Record, identity: Record) -> float:
    """The credential is older than this identity usually lets one become.

    >>> reading(
    ...     credential_age_above_rotation,
    ...     event={"time": 99_000_000, "issued_at": 0}, identity={"rotations": 3, "rotation": 2.0},
    ... )
    2.605
    """
    if identity.rotations == 0:
        return NAN
    return log_of_one_more(seconds_between(event.time, event.issued_at)) - identity.rotation


@feature(unit="hours", direction=0, tells="a stolen token that stays usable from one about to expire")
def credential_hours_left(event: Record) -> float:
    """The credential stays valid for so long.

    >>> reading(credential_hours_left, event={"time": 0, "expires_at": 7_200_000_000})
    2.0
    """
    return seconds_between(event.expires_at, event.time) / HOUR


@feature(unit="days", direction=1, tells="a standing secret from a short-lived credential (NHI7)")
def credential_lifetime_days(event: Record) -> float:
    """The credential was issued to last long.

    >>> reading(credential_lifetime_days, event={"issued_at": 0, "expires_at": 172_800_000_000})
    2.0
    """
    return seconds_between(event.expires_at, event.issued_at) / DAY


@feature(unit="log(1 + scopes)", direction=1, tells="a token for everything from one for the task (NHI5)")
def credential_breadth(event: Record) -> float:
    """The credential may be used for many things.

    >>> reading(credential_breadth, event={"breadth": 100.0})
    4.615
    """
    return log_of_one_more(event.breadth)


@feature(unit="log ratio", direction=1, tells="consent phished for more from the usual scope")
def breadth_above_usual(event: Record, identity: Record) -> float:
    """The credential may be used for more than this identity's usually may.

    >>> reading(breadth_above_usual, event={"breadth": 100.0}, identity={"breadth_sum": 2.0, "breadth_known": 2.0})
    3.615
    """
    return above_usual(log_of_one_more(event.breadth), identity.breadth_sum, identity.breadth_known)


@feature(unit="yes or no", direction=1, tells="a leaked key (NHI2) from one that was kept")
def credential_exposed(event: Record, credential: Record) -> float:
    """The credential has been seen where it must not be.

    >>> reading(credential_exposed, event={"exposed": 0.0}, credential={"exposed": 1.0})
    1.0
    """
    if credential.exposed == 1.0:
        return 1.0
    return event.exposed


@feature(
    unit="credentials, fading in 30 days",
    direction=1,
    always=True,
    tells="an identity that leaks from one that does not",
)
def exposures_recently(identity: Record) -> float:
    """Credentials of this identity have been seen where they must not be.

    >>> reading(exposures_recently, identity={"exposures": 2.0})
    2.0
    """
    return identity.exposures / identity.weight


@feature(unit="instances or devices", direction=1, tells="a copied key in two places (NHI9) from one moved once")
def credential_instances_last_hour(event: Record, credential: Record) -> float:
    """One credential is used from several devices or instances within an hour.

    >>> reading(
    ...     credential_instances_last_hour,
    ...     event={"time": 60_000_000, "instance": 7, "credential_key": 1}, credential={"instance": {5: 0}},
    ... )
    2.0
    """
    if event.credential_key == 0:
        return NAN
    return seen_within_an_hour(credential.instance_key, credential.instance_time, event.instance, event.time)


@feature(unit="network operators", direction=1, tells="a copied key on two networks (NHI9) from one behind its gateway")
def credential_networks_last_hour(event: Record, credential: Record) -> float:
    """One credential is used through several network operators within an hour.

    >>> reading(credential_networks_last_hour, event={"time": 0, "asn": 7, "credential_key": 1}, credential={})
    1.0
    """
    if event.credential_key == 0:
        return NAN
    return seen_within_an_hour(credential.network_key, credential.network_time, event.asn, event.time)


@feature(unit="client programs", direction=1, tells="a token an attacker uses as well from one client's own")
def credential_agents_last_hour(event: Record, credential: Record) -> float:
    """One credential is used by several client programs within an hour.

    >>> reading(
    ...     credential_agents_last_hour,
    ...     event={"time": 0, "agent": 7, "credential_key": 1}, credential={"agent": {5: 0, 6: 0}},
    ... )
    3.0
    """
    if event.credential_key == 0:
        return NAN
    return seen_within_an_hour(credential.agent_key, credential.agent_time, event.agent, event.time)


@feature(unit="yes or no", direction=1, tells="a test key used in production (NHI8) from one kept apart")
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
    return changed(event.resource_environment, own)


@feature(unit="minutes", direction=1, tells="a cookie stolen hours after sign-in from a session just begun")
def minutes_since_authentication(event: Record) -> float:
    """The last proof of who this is lies long back.

    >>> reading(minutes_since_authentication, event={"time": 120_000_000, "authenticated_at": 0})
    2.0
    """
    return seconds_between(event.time, event.authenticated_at) / MINUTE


@feature(unit="minutes", direction=1, tells="an account kept by password alone from one proved by several factors")
def minutes_since_strong_authentication(event: Record, identity: Record) -> float:
    """The last proof by several factors lies long back.

    >>> reading(minutes_since_strong_authentication, event={"time": 120_000_000}, identity={"strong_at": 0})
    2.0
    """
    return seconds_between(event.time, max(identity.strong_at, strong_time(event))) / MINUTE


@feature(unit="minutes", direction=1, tells="a session stolen after its step-up from one that just stepped up")
def minutes_since_step_up(event: Record, session: Record) -> float:
    """The session's last fresh proof lies long back.

    >>> reading(minutes_since_step_up, event={"time": 120_000_000}, session={"proved_at": 0, "step_up_at": 60_000_000})
    1.0
    """
    own = strong_time(event)
    fresh = own if session.proved_at != NEVER and own > session.proved_at else session.step_up_at
    return seconds_between(event.time, max(fresh, session.step_up_at)) / MINUTE


@feature(unit="0 none to 3 phishing-resistant", direction=-1, tells="a password guessed from a passkey held")
def authentication_strength(event: Record) -> float:
    """The session rests on so strong a proof of who this is.

    >>> math.isnan(reading(authentication_strength, event={}))
    True
    """
    return event.strength
