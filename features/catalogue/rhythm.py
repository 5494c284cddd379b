"""Features of time: hours, rates, periods of silence, and repeated failures."""

from __future__ import annotations

import math

from features.arrays import NAN, Record
from features.catalogue.registration import feature
from features.history import half_lives
from features.history.event_values import hour_bin
from features.history.evidence.fields import FAILED, REQUESTS
from features.history.half_lives import DAY
from features.kernels.decayed_counts import log2, log2_of_one_more, log_of_one_more, seconds_between, surprise

HABITS_IN_A_RATE = half_lives.HABIT / half_lives.RATE
"""The half-life of habits over that of the current rate."""


@feature(unit="nats", direction=1, tells="an attacker in another time zone from the usual working day")
def hour_rarity(event: Record, identity: Record) -> float:
    """This is an hour at which this identity seldom acts.

    >>> reading(hour_rarity, event={"time": 0}, identity={"mass": 9.0})
    2.996
    """
    return surprise(identity.hour_count[hour_bin(event.time)], identity.mass, identity.weight)


@feature(unit="nats", direction=1, tells="a person active when no one else is from a night shift")
def hour_population_rarity(event: Record, population: Record) -> float:
    """This is an hour at which few identities of this type act.

    >>> reading(hour_population_rarity, event={"time": 0, "identity_type": 1}, population={"hour": {0: 0.5}})
    0.693
    """
    kind = event.identity_type
    return population.hour_rarity[kind, hour_bin(event.time)] if population.people[kind] > 0.0 else NAN


@feature(unit="nats", direction=1, tells="a scripted run from the usual speed")
def rate_above_usual(identity: Record) -> float:
    """Requests come faster than this identity usually makes them.

    >>> reading(rate_above_usual, identity={"mass": 719.0, "rate": 9.0})
    2.303
    """
    if identity.mass <= 0.0:
        return NAN
    return math.log((identity.rate + 1.0) * HABITS_IN_A_RATE / (identity.mass / identity.weight + 1.0))


@feature(unit="log(1 + requests)", direction=0, always=True, tells="a tool that enumerates from single requests")
def pace(identity: Record) -> float:
    """So many requests come within about a minute.

    >>> reading(pace, identity={"pace": 19.0})
    2.996
    """
    return log_of_one_more(identity.pace)


@feature(unit="days", direction=1, tells="a dormant identity that wakes from one in daily use (NHI1)")
def days_since_last_success(event: Record, identity: Record) -> float:
    """The identity acts again after a long silence.

    >>> reading(days_since_last_success, event={"time": 86_400_000_000}, identity={"last_success": 0})
    1.0
    """
    return seconds_between(event.time, identity.last_success) / DAY


@feature(
    unit="failures, fading in 10 minutes",
    direction=1,
    always=True,
    tells="an attacker's guesses from one typo",
)
def failures_recently(identity: Record) -> float:
    """Attempts of this identity have just failed or been denied.

    >>> reading(failures_recently, identity={"failures": 2.5})
    2.5
    """
    return identity.failures


@feature(unit="failures", direction=1, always=True, tells="guessing that now succeeds from a password typed right")
def failure_streak(identity: Record) -> float:
    """All attempts since the last success have failed.

    >>> reading(failure_streak, identity={"failure_streak": 6.0})
    6.0
    """
    return identity.failure_streak


@feature(
    unit="failures, fading in 6 hours", direction=1, always=True, tells="spraying and unanswered prompts from quiet"
)
def sign_in_failures_recently(identity: Record) -> float:
    """Sign-ins of this identity have failed or gone unanswered, as under password spraying or repeated prompts.

    >>> reading(sign_in_failures_recently, identity={"sign_in_failures": 4.0})
    4.0
    """
    return identity.sign_in_failures


@feature(
    unit="prompts, fading in an hour", direction=1, always=True, tells="MFA fatigue from one sign-in in the morning"
)
def prompts_recently(identity: Record) -> float:
    """This identity has been asked to prove itself again and again.

    >>> reading(prompts_recently, identity={"prompts": 5.0})
    5.0
    """
    return identity.prompts


@feature(unit="proofs, fading in an hour", direction=0, always=True, tells="prompts that were met from prompts ignored")
def step_ups_recently(identity: Record) -> float:
    """This identity has proved itself when asked.

    >>> reading(step_ups_recently, identity={"step_ups": 1.0})
    1.0
    """
    return identity.step_ups


@feature(unit="nats", direction=1, always=True, tells="an attacker's night from an early morning")
def highest_hour_rarity_in_session(session: Record) -> float:
    """The session has acted at an hour at which this identity seldom acted until then.

    >>> reading(highest_hour_rarity_in_session, session={"hour_rarity_max": 3.0})
    3.0
    """
    return session.hour_rarity_max


@feature(unit="log2(1 + failures), fading in 6 hours", direction=1, always=True, tells="slow guessing from one typo")
def failures_over_hours(identity: Record) -> float:
    """Attempts of this identity have failed or been denied over the last hours.

    >>> reading(failures_over_hours, identity={"recent_failures": 31.0})
    5.0
    """
    return log2_of_one_more(identity.recent_failures)


@feature(unit="log2(1 + failures), fading in a day", direction=1, always=True, tells="guesses that succeed from typos")
def failures_before_success(identity: Record) -> float:
    """This identity's sign-ins failed again and again before one succeeded.

    >>> reading(failures_before_success, identity={"guesses": 127.0})
    7.0
    """
    return log2_of_one_more(identity.guesses)


@feature(unit="log2(1 + failures)", direction=1, always=True, tells="a session that tries doors from one that works")
def failures_in_session(evidence: Record) -> float:
    """Requests of this session have failed or been denied.

    >>> reading(failures_in_session, evidence={"after": {FAILED: 7.0}})
    3.0
    """
    return log2_of_one_more(evidence.after[FAILED])


@feature(unit="log2 ratio", direction=1, always=True, tells="a session that tries doors from a job that always fails")
def failures_above_usual_in_session(identity: Record, evidence: Record) -> float:
    """More of this session's requests have failed or been denied than is usual for this identity.

    >>> reading(failures_above_usual_in_session, evidence={"after": {FAILED: 7.0, REQUESTS: 10.0}})
    2.0
    """
    failed, attempts = identity.failed_attempts / identity.weight, identity.attempts / identity.weight
    usual = evidence.after[REQUESTS] * (failed + 0.5) / (attempts + 5.0)
    return log2((evidence.after[FAILED] + 1.0) / (usual + 1.0)) if evidence.after[FAILED] > usual else 0.0
