"""How one event changes what is remembered: `fold` is the only thing that does, in constant time.

Only a successful event teaches a habit; failures and denials enter pressure counters; what policy challenged, or whose
outcome is unknown, moves the clock and nothing else, so a blocked attacker cannot teach the engine that he is normal.
Late events fold in arrival order, their gap counted as 0; events of one time fold one by one, with gap 0 as well.
"""

from __future__ import annotations

import math

from features.arrays import NEVER, SECOND, Array, Record
from features.history import half_lives
from features.history.category_codes import AUTHENTICATE, is_write, privilege_of
from features.history.layout import LONGEST_LOOP, SESSION_RESOURCES
from features.history.recent_values import remember
from features.kernels.decayed_counts import add, faded, log_of_one_more, seconds_between
from features.kernels.jit import jit
from features.kernels.simd_lookup import holds

UNKNOWN, SUCCESS, FAILURE, DENIED, CHALLENGED = range(5)
"""How an event is folded. The first three that are known are codes of `action.outcome`; the last is our own doing."""

STRONG = 2.0
"""The least strength of an authentication by several factors."""


@jit
def hour_bin(time: int) -> int:
    """The hour of the day in UTC (0-23), 24 more at weekends; 1970 began on a Thursday."""
    hours = time // (3_600 * SECOND)
    return hours % 24 + 24 * ((hours // 24 + 3) % 7 >= 5)


@jit
def mixed(first: int, second: int) -> int:
    """One key for an ordered pair of keys, unknown if either is. Shifts only: they wrap alike with or without JIT."""
    if first == 0 or second == 0:
        return 0
    return ((first << 7) ^ (first >> 9) ^ second) & 0x7FFF_FFFF_FFFF_FFFF


@jit
def request_of(event: Record) -> int:
    """One key for what is asked for: the action on its resource, or the action where no resource is known."""
    return event.action if event.resource == 0 else mixed(event.resource, event.action)


@jit
def loop_rounds(request: int, session: Record) -> float:
    """How many rounds of one to eight requests the session has gone through on end, were this request its next."""
    most = 0.0
    if not holds(session.request_key, request):
        return most
    for lag in range(1, LONGEST_LOOP + 1):
        again = session.request_key[(session.events - lag) & (LONGEST_LOOP - 1)] == request
        rounds = (session.repeats[lag - 1] + 1.0) / lag if again else 0.0
        most = rounds if rounds > most else most
    return most


@jit
def strong_time(event: Record) -> int:
    """When the identity proved itself by several factors, as this event has it; never where it did not."""
    return event.authenticated_at if event.strength >= STRONG or event.aal >= STRONG else NEVER


@jit
def is_exit(event: Record) -> bool:
    """Whether the place is a data centre's or a VPN exit's, which tells nothing of where the identity is."""
    return event.hosting == 1.0 or event.anonymizer == 1.0


@jit
def _count(keys: Array, counts: Array, key: int, weight: float) -> None:
    if key != 0:
        add(keys, counts, key, weight)


@jit
def _learn_rhythm(event: Record, identity: Record) -> None:
    """The gaps between successes, as mean and variance of log(1 + seconds), each new gap weighing a twentieth."""
    gap = seconds_between(event.time, identity.last_success)
    if not math.isnan(gap):
        if identity.gap_variance == 0.0:
            identity.gap_mean = log_of_one_more(gap)
            identity.gap_variance = 1.0
        surprise = log_of_one_more(gap) - identity.gap_mean
        identity.gap_mean += 0.05 * surprise
        identity.gap_variance += 0.05 * (surprise * surprise - identity.gap_variance)
    identity.last_success = max(identity.last_success, event.time)


@jit
def _learn_pace(event: Record, identity: Record, session: Record) -> None:
    """The gaps within the session, each weighing a fifth, and how even they usually are for this identity."""
    gap = seconds_between(event.time, session.last)
    if not math.isnan(gap):
        surprise = log_of_one_more(gap) - session.gap_mean
        session.gap_mean += surprise if session.gaps == 0 else 0.2 * surprise
        if session.gaps > 0:
            session.gap_variance += 0.2 * (surprise * surprise - session.gap_variance)
            identity.session_gap_variance += 0.05 * (surprise * surprise - identity.session_gap_variance)
        session.gaps += 1
    session.last = max(session.last, event.time)


@jit
def _learn_values(event: Record, identity: Record, session: Record) -> None:
    """Which values are usual, table by table."""
    weight = identity.weight
    _count(identity.network_key, identity.network_count, event.network, weight)
    _count(identity.asn_key, identity.asn_count, event.asn, weight)
    _count(identity.country_key, identity.country_count, event.country, weight)
    _count(identity.instance_key, identity.instance_count, event.instance, weight)
    _count(identity.agent_key, identity.agent_count, event.agent, weight)
    _count(identity.credential_key, identity.credential_count, event.credential_key, weight)
    _count(identity.action_key, identity.action_count, event.action, weight)
    _count(identity.step_key, identity.step_count, mixed(session.last_action, event.action), weight)
    _count(identity.intended_key, identity.intended_count, mixed(event.intent, event.action), weight)
    _count(identity.resource_key, identity.resource_count, event.resource, weight)
    identity.category_count[event.category] += weight
    identity.hour_count[hour_bin(event.time)] += weight


@jit
def _learn_means(event: Record, identity: Record, session: Record) -> None:
    """How much of everything is usual; a mean is over the events in which the value was known."""
    weight = identity.weight
    identity.context_sum += weight * event.known
    identity.session_events_sum += weight * log_of_one_more(session.events)
    identity.session_resources_sum += weight * log_of_one_more(session.resources)
    identity.loop_sum += weight * log_of_one_more(loop_rounds(request_of(event), session))
    if is_write(event.category) == 1.0:
        identity.writes += weight
    if not math.isnan(event.hosting):
        identity.hosting_sum += weight * event.hosting
        identity.hosting_known += weight
    if not math.isnan(event.reputation):
        identity.reputation_sum += weight * event.reputation
        identity.reputation_known += weight
    if event.sensitivity > 0:
        identity.sensitivity_sum += weight * event.sensitivity
        identity.sensitivity_known += weight
    if not math.isnan(event.breadth):
        identity.breadth_sum += weight * log_of_one_more(event.breadth)
        identity.breadth_known += weight


@jit
def _learn_rotation(event: Record, identity: Record) -> None:
    """How long this identity keeps a credential before it is issued the next."""
    if event.issued_at <= identity.last_issued:
        return
    if identity.last_issued != NEVER:
        kept = log_of_one_more(seconds_between(event.issued_at, identity.last_issued))
        identity.rotation += (kept - identity.rotation) if identity.rotations == 0 else 0.2 * (kept - identity.rotation)
        identity.rotations += 1
    identity.last_issued = event.issued_at


@jit
def _learn_habit(event: Record, identity: Record, session: Record) -> None:
    """A success teaches what this identity usually does, from where, when and with what."""
    _learn_rhythm(event, identity)
    _learn_values(event, identity, session)
    _learn_means(event, identity, session)
    _learn_rotation(event, identity)
    identity.events += 1
    identity.mass += identity.weight
    identity.rate += 1.0
    identity.pace += 1.0
    identity.failure_streak = 0.0
    identity.strong_at = max(identity.strong_at, strong_time(event))
    power = privilege_of(event.category)
    if not math.isnan(power):
        identity.privilege_max = max(identity.privilege_max, power)
    if not (math.isnan(event.latitude) or math.isnan(event.longitude) or is_exit(event)):
        identity.latitude = event.latitude
        identity.longitude = event.longitude
        identity.located_at = event.time
    if event.category == AUTHENTICATE:
        identity.prompts += 1.0
        identity.step_ups += 1.0


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
def _note_request(request: int, session: Record) -> None:
    """Note a request among the last eight, and for each distance how long requests have repeated at it."""
    if holds(session.request_key, request):
        for lag in range(1, LONGEST_LOOP + 1):
            again = session.request_key[(session.events - lag) & (LONGEST_LOOP - 1)] == request
            session.repeats[lag - 1] = session.repeats[lag - 1] + 1 if again else 0
    else:
        session.repeats[:] = 0
    session.request_key[session.events & (LONGEST_LOOP - 1)] = request


@jit
def _note_proof(event: Record, session: Record) -> None:
    """The proof the session began with, and the latest strong one since."""
    if session.proved_at == NEVER:
        session.proved_at = event.authenticated_at
    elif strong_time(event) > session.proved_at:
        session.step_up_at = max(session.step_up_at, strong_time(event))


@jit
def _first_known(before: int, now: int) -> int:
    return now if before == 0 else before


@jit
def _learn_session(event: Record, session: Record) -> None:
    """The first known value of each kind is how the session began; the rest is what it reached."""
    session.network = _first_known(session.network, event.network)
    session.asn = _first_known(session.asn, event.asn)
    session.country = _first_known(session.country, event.country)
    session.instance = _first_known(session.instance, event.instance)
    session.agent = _first_known(session.agent, event.agent)
    session.system = _first_known(session.system, event.system)
    session.credential = _first_known(session.credential, event.credential_key)
    if is_write(event.category) == 1.0:
        session.writes += 1.0
    power = privilege_of(event.category)
    if not math.isnan(power):
        session.privilege_max = max(session.privilege_max, power)
    if not math.isnan(event.compliant):
        session.compliant = event.compliant
    session.category_count[event.category] += 1.0
    session.last_action = event.action
    _note_proof(event, session)
    _note_resource(event.resource, session)
    _note_request(request_of(event), session)
    session.events += 1


@jit
def _learn_credential(event: Record, credential: Record) -> None:
    """Where a credential is used, by what, and since when."""
    if credential.environment == 0:
        credential.environment = event.resource_environment
    remember(credential.instance_key, credential.instance_time, event.instance, event.time)
    remember(credential.network_key, credential.network_time, event.asn, event.time)
    remember(credential.agent_key, credential.agent_time, event.agent, event.time)


@jit
def age(event: Record, identity: Record) -> None:
    """Let what is remembered fade up to the event's time; a late event lets nothing fade."""
    gap = seconds_between(event.time, identity.clock)
    identity.clock = max(identity.clock, event.time)
    if not gap > 0.0:
        return
    grown = 1.0 / faded(gap / 2.0, half_lives.HABIT)  # in two steps, or the 130 years an event may span overflow
    identity.weight *= grown
    identity.weight *= grown
    identity.rate *= faded(gap, half_lives.RATE)
    identity.pace *= faded(gap, half_lives.PACE)
    if identity.failures > 0.0:
        identity.failures *= faded(gap, half_lives.FAILURE)
    if identity.sign_in_failures > 0.0:
        identity.sign_in_failures *= faded(gap, half_lives.SIGN_IN_FAILURE)
    if identity.prompts > 0.0:
        prompt = faded(gap, half_lives.PROMPT)
        identity.prompts *= prompt
        identity.step_ups *= prompt


@jit
def _press(event: Record, identity: Record) -> None:
    """A failed or denied attempt is felt for a while, and teaches nothing else."""
    identity.failures += 1.0
    identity.failure_streak += 1.0
    if event.category == AUTHENTICATE:
        identity.sign_in_failures += 1.0
        identity.prompts += 1.0


@jit
def _known_or_none(amount: float) -> float:
    return 0.0 if math.isnan(amount) else amount


@jit
def _higher(before: float, now: float) -> float:
    """The higher of the two; one that is not known is not higher."""
    return now if now > before else before


@jit
def _note_oddity(read: Record, session: Record) -> None:
    """How odd a request was as it was made, tried or done: what succeeds is a habit soon, and no longer odd."""
    session.noted += 1
    session.action_rarity_sum += _known_or_none(read.action_rarity)
    session.action_rarity_max = _higher(session.action_rarity_max, read.action_rarity)
    session.step_rarity_sum += _known_or_none(read.step_rarity)
    session.new_actions += _known_or_none(read.action_is_new)
    session.new_resources += _known_or_none(read.resource_is_new)
    session.network_rarity_max = _higher(session.network_rarity_max, read.network_rarity)
    session.agent_rarity_max = _higher(session.agent_rarity_max, read.agent_rarity)
    session.hour_rarity_max = _higher(session.hour_rarity_max, read.hour_rarity)
    session.gap_unlike_usual_max = _higher(session.gap_unlike_usual_max, read.gap_unlike_usual)
    session.privilege_above_max = _higher(session.privilege_above_max, read.privilege_above_identity)


@jit
def take_in(event: Record, read: Record, identity: Record, session: Record, credential: Record, outcome: int) -> None:
    """Take one event into the three records of an identity that has aged up to it. Late events fold as they arrive.

    `read` is what the features read of the event just before, by name. Only what they read of histories may be taken
    in: a history must not depend on a model's population.
    """
    if event.exposed == 1.0 and credential.exposed == 0.0:
        credential.exposed = 1.0
        identity.exposures += identity.weight
    if outcome == UNKNOWN or outcome == CHALLENGED:  # noqa: PLR1714, SIM109  (see seconds_between)
        return
    _note_oddity(read, session)
    if outcome == SUCCESS:
        _learn_pace(event, identity, session)
        _learn_habit(event, identity, session)
        _learn_session(event, session)
        _learn_credential(event, credential)
    else:
        _press(event, identity)
