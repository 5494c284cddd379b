"""How one event changes what is remembered: `fold` is the only thing that does, in constant time.

Only a successful event teaches a habit; failures and denials enter pressure counters; what policy challenged, or whose
outcome is unknown, moves the clock and nothing else, so a blocked attacker cannot teach the engine that he is normal.
Late events fold in arrival order, their gap counted as 0.
"""

from __future__ import annotations

import math

from features.history import SESSION_RESOURCES
from features.kinds import AUTHENTICATE, is_write, privilege_of
from features.measures import NEVER, SECOND, Array, Record, add, faded, jit, scale, seconds_between

UNKNOWN, SUCCESS, FAILURE, DENIED, CHALLENGED = range(5)
"""How an event is folded. The first three that are known are codes of `action.outcome`; the last is our own doing."""

MINUTE = 60.0
HOUR = 3_600.0
DAY = 86_400.0
HABIT_HALF_LIFE = 30 * DAY
"""How long habits last, in seconds: half of what was learnt a month ago still counts."""
RATE_HALF_LIFE = HOUR
"""The window in which the present rate of events is felt, in seconds."""
PACE_HALF_LIFE = MINUTE
"""The window in which bursts are felt, in seconds."""
FAILURE_HALF_LIFE = 10 * MINUTE
"""How long a failed attempt is felt, in seconds."""
SIGN_IN_FAILURE_HALF_LIFE = 6 * HOUR
"""How long failed sign-ins (spraying, unanswered prompts) are felt, in seconds."""


@jit
def hour_bin(time: int) -> int:
    """The hour of the day in UTC (0-23), 24 more at weekends; 1970 began on a Thursday."""
    hours = time // (3_600 * SECOND)
    weekend = (hours // 24 + 3) % 7 >= 5
    return int(hours % 24 + (24 if weekend else 0))


@jit
def mixed(first: int, second: int) -> int:
    """One key for an ordered pair of keys, unknown if either is. Shifts only: they wrap alike with or without JIT."""
    if first == 0 or second == 0:
        return 0
    return ((first << 7) ^ (first >> 9) ^ second) & 0x7FFF_FFFF_FFFF_FFFF


@jit
def _remember_recent(keys: Array, times: Array, key: int, time: int) -> None:
    """Note when a key was last seen; a new key takes the place of the one unseen for longest."""
    oldest = 0
    for i in range(keys.shape[0]):
        if keys[i] == key:
            times[i] = max(times[i], time)
            return
        if times[i] < times[oldest]:
            oldest = i
    keys[oldest] = key
    times[oldest] = time


@jit
def _count(keys: Array, counts: Array, key: int) -> None:
    if key != 0:
        add(keys, counts, key, 1.0)


@jit
def _learn_rhythm(event: Record, identity: Record) -> None:
    """The gaps between successes, as mean and variance of log(1 + seconds), each new gap weighing a twentieth."""
    gap = seconds_between(event.time, identity.last_success)
    if not math.isnan(gap):
        if identity.gap_variance == 0.0:
            identity.gap_mean = math.log1p(gap)
            identity.gap_variance = 1.0
        surprise = math.log1p(gap) - identity.gap_mean
        identity.gap_mean += 0.05 * surprise
        identity.gap_variance += 0.05 * (surprise * surprise - identity.gap_variance)
    identity.last_success = max(identity.last_success, event.time)


@jit
def _learn_habit(event: Record, identity: Record, session: Record) -> None:
    """A success teaches what this identity usually does, from where, when and with what."""
    _learn_rhythm(event, identity)
    identity.events += 1
    identity.mass += 1.0
    identity.rate += 1.0
    identity.pace += 1.0
    _count(identity.network_key, identity.network_count, event.network)
    _count(identity.asn_key, identity.asn_count, event.asn)
    _count(identity.country_key, identity.country_count, event.country)
    _count(identity.instance_key, identity.instance_count, event.instance)
    _count(identity.agent_key, identity.agent_count, event.agent)
    _count(identity.system_key, identity.system_count, event.system)
    _count(identity.action_key, identity.action_count, event.action)
    _count(identity.step_key, identity.step_count, mixed(session.last_action, event.action))
    _count(identity.intended_key, identity.intended_count, mixed(event.intent, event.action))
    _count(identity.resource_key, identity.resource_count, event.resource)
    _count(identity.credential_key, identity.credential_count, event.credential_key)
    identity.category_count[event.category] += 1.0
    identity.hour_count[hour_bin(event.time)] += 1.0
    identity.context_sum += event.known
    if is_write(event.category) == 1.0:
        identity.writes += 1.0
    if not math.isnan(event.hosting):
        identity.hosting_seen += event.hosting
        identity.hosting_known += 1.0
    if event.sensitivity > 0:
        identity.sensitivity_sum += event.sensitivity
        identity.sensitivity_known += 1.0
    power = privilege_of(event.category)
    if not math.isnan(power):
        identity.privilege_max = max(identity.privilege_max, power)
    if not (math.isnan(event.latitude) or math.isnan(event.longitude)):
        identity.latitude = event.latitude
        identity.longitude = event.longitude
        identity.located_at = event.time


@jit
def _note_resource(resource: int, session: Record) -> None:
    """Note a resource not yet seen in the session, as long as there is room."""
    if resource == 0 or session.resources == SESSION_RESOURCES:
        return
    for i in range(session.resources):
        if session.resource_key[i] == resource:
            return
    session.resource_key[session.resources] = resource
    session.resources += 1


@jit
def _first_known(before: int, now: int) -> int:
    return now if before == 0 else before


@jit
def _learn_session(event: Record, session: Record) -> None:
    """The first known value of each kind is how the session began; the rest is what it reached."""
    if session.events == 0:
        session.started = event.time
    session.events += 1
    session.network = _first_known(session.network, event.network)
    session.asn = _first_known(session.asn, event.asn)
    session.country = _first_known(session.country, event.country)
    session.instance = _first_known(session.instance, event.instance)
    session.agent = _first_known(session.agent, event.agent)
    session.system = _first_known(session.system, event.system)
    if is_write(event.category) == 1.0:
        session.writes += 1.0
    power = privilege_of(event.category)
    if not math.isnan(power):
        session.privilege_max = max(session.privilege_max, power)
    if not math.isnan(event.compliant):
        session.compliant = event.compliant
    session.last_action = event.action
    _note_resource(event.resource, session)


@jit
def _learn_credential(event: Record, credential: Record) -> None:
    """Where a credential is used, and whether it was ever seen where it must not be."""
    credential.events += 1
    if credential.environment == 0:
        credential.environment = event.resource_environment
    if event.instance != 0:
        _remember_recent(credential.instance_key, credential.instance_time, event.instance, event.time)
    if event.asn != 0:
        _remember_recent(credential.network_key, credential.network_time, event.asn, event.time)


@jit
def age(event: Record, identity: Record) -> None:
    """Let what is remembered fade up to the event's time; a late event lets nothing fade."""
    if identity.clock == NEVER:
        identity.clock = event.time
        return
    gap = seconds_between(event.time, identity.clock)
    if gap <= 0.0:
        return
    habit = faded(gap, HABIT_HALF_LIFE)
    scale(identity.network_count, habit)
    scale(identity.asn_count, habit)
    scale(identity.country_count, habit)
    scale(identity.instance_count, habit)
    scale(identity.agent_count, habit)
    scale(identity.system_count, habit)
    scale(identity.action_count, habit)
    scale(identity.step_count, habit)
    scale(identity.intended_count, habit)
    scale(identity.resource_count, habit)
    scale(identity.credential_count, habit)
    scale(identity.category_count, habit)
    scale(identity.hour_count, habit)
    identity.mass *= habit
    identity.writes *= habit
    identity.hosting_seen *= habit
    identity.hosting_known *= habit
    identity.context_sum *= habit
    identity.sensitivity_sum *= habit
    identity.sensitivity_known *= habit
    identity.rate *= faded(gap, RATE_HALF_LIFE)
    identity.pace *= faded(gap, PACE_HALF_LIFE)
    identity.failures *= faded(gap, FAILURE_HALF_LIFE)
    identity.sign_in_failures *= faded(gap, SIGN_IN_FAILURE_HALF_LIFE)
    identity.clock = event.time


@jit
def fold(event: Record, identity: Record, session: Record, credential: Record, outcome: int) -> None:
    """Take one event into the three records. Late events fold as they arrive."""
    age(event, identity)
    if event.exposed == 1.0:
        credential.exposed = 1.0
    if outcome == SUCCESS:
        _learn_habit(event, identity, session)
        _learn_session(event, session)
        _learn_credential(event, credential)
    elif outcome in (FAILURE, DENIED):
        identity.failures += 1.0
        session.failures += 1.0
        if event.category == AUTHENTICATE:
            identity.sign_in_failures += 1.0
