"""How time drifts: hours, rates, silences, and failures that pile up."""

from __future__ import annotations

import math

from features.fold import hour_bin
from features.measures import NAN, Record, seconds_between
from features.registry import feature

RATE_HOURS = 1.0
HABIT_HOURS = 720.0


@feature(unit="nats", direction=1)
def hour_rarity(event: Record, identity: Record) -> float:
    """This is an hour at which this identity seldom acts.

    >>> reading(hour_rarity, event={"time": 0}, identity={"mass": 9.0})
    2.996
    """
    if identity.mass <= 0.0:
        return NAN
    return -math.log((identity.hour_count[hour_bin(event.time)] + 0.5) / (identity.mass + 1.0))


@feature(unit="nats", direction=1)
def rate_above_usual(identity: Record) -> float:
    """Requests come faster than this identity usually makes them.

    >>> reading(rate_above_usual, identity={"mass": 719.0, "rate": 9.0})
    2.303
    """
    if identity.mass <= 0.0:
        return NAN
    return math.log(((identity.rate + 1.0) / RATE_HOURS) / ((identity.mass + 1.0) / HABIT_HOURS))


@feature(unit="log(1 + requests)", direction=0)
def pace(identity: Record) -> float:
    """Requests come in a burst, within about a minute.

    >>> reading(pace, identity={"pace": 19.0})
    2.996
    """
    return math.log1p(identity.pace)


@feature(unit="days", direction=1)
def days_since_last_success(event: Record, identity: Record) -> float:
    """The identity acts again after a long silence.

    >>> reading(days_since_last_success, event={"time": 86_400_000_000}, identity={"last_success": 0})
    1.0
    """
    return seconds_between(event.time, identity.last_success) / 86_400.0


@feature(unit="failures, fading in 10 minutes", direction=1)
def failures_recently(identity: Record) -> float:
    """Attempts of this identity have just failed or been denied.

    >>> reading(failures_recently, identity={"failures": 2.5})
    2.5
    """
    return identity.failures


@feature(unit="failures, fading in 6 hours", direction=1)
def sign_in_failures_recently(identity: Record) -> float:
    """Sign-ins of this identity have failed or gone unanswered, as under password spraying or repeated prompts.

    >>> reading(sign_in_failures_recently, identity={"sign_in_failures": 4.0})
    4.0
    """
    return identity.sign_in_failures
