"""How one event changes the history of its session: where it began, what it reached, how unusual it was."""

from __future__ import annotations

import math

from features.arrays import NEVER, Record
from features.history.category_codes import is_write, privilege_of
from features.history.event_values import request_of, strong_time
from features.history.layout import LONGEST_LOOP, SESSION_RESOURCES
from features.kernels.bucket_table import contains
from features.kernels.compilation import jit
from features.kernels.decayed_counts import log_of_one_more, seconds_between


@jit
def learn_pace(event: Record, identity: Record, session: Record) -> None:
    """Update the gaps within the session (each weighs 1/5) and how much they usually vary for the identity."""
    gap = seconds_between(event.time, session.last)
    if not math.isnan(gap):
        deviation = log_of_one_more(gap) - session.gap_mean
        session.gap_mean += deviation if session.gaps == 0 else 0.2 * deviation
        if session.gaps > 0:
            session.gap_variance += 0.2 * (deviation * deviation - session.gap_variance)
            identity.session_gap_variance += 0.05 * (deviation * deviation - identity.session_gap_variance)
        session.gaps += 1
    session.last = max(session.last, event.time)


@jit
def _record_resource(resource: int, session: Record) -> None:
    """Add a resource to the distinct resources of the session, up to SESSION_RESOURCES."""
    if resource == 0 or session.resources == SESSION_RESOURCES:
        return
    for i in range(session.resources):
        if session.resource_key[i] == resource:
            return
    session.resource_key[session.resources] = resource
    session.resources += 1


@jit
def _record_request(request: int, session: Record) -> None:
    """Add a request to the last eight, and update for each lag how many requests in a row have repeated at it."""
    if contains(session.request_key, request):
        for lag in range(1, LONGEST_LOOP + 1):
            repeated = session.request_key[(session.events - lag) & (LONGEST_LOOP - 1)] == request
            session.repeats[lag - 1] = session.repeats[lag - 1] + 1 if repeated else 0
    else:
        session.repeats[:] = 0
    session.request_key[session.events & (LONGEST_LOOP - 1)] = request


@jit
def _record_authentication(event: Record, session: Record) -> None:
    """Record the session's first authentication, and its latest strong one after that."""
    if session.proved_at == NEVER:
        session.proved_at = event.authenticated_at
    elif strong_time(event) > session.proved_at:
        session.step_up_at = max(session.step_up_at, strong_time(event))


@jit
def _first_known(before: int, now: int) -> int:
    return now if before == 0 else before


@jit
def learn_session(event: Record, session: Record) -> None:
    """Record where and how the session began (the first known value of each field), and what it has reached since."""
    session.network = _first_known(session.network, event.network)
    session.asn = _first_known(session.asn, event.asn)
    session.country = _first_known(session.country, event.country)
    session.instance = _first_known(session.instance, event.instance)
    session.agent = _first_known(session.agent, event.agent)
    session.system = _first_known(session.system, event.system)
    session.credential = _first_known(session.credential, event.credential_key)
    if is_write(event.category) == 1.0:
        session.writes += 1.0
    privilege = privilege_of(event.category)
    if not math.isnan(privilege):
        session.privilege_max = max(session.privilege_max, privilege)
    if not math.isnan(event.compliant):
        session.compliant = event.compliant
    session.category_count[event.category] += 1.0
    session.last_action = event.action
    _record_authentication(event, session)
    _record_resource(event.resource, session)
    _record_request(request_of(event), session)
    session.events += 1


@jit
def _zero_if_unknown(amount: float) -> float:
    return 0.0 if math.isnan(amount) else amount


@jit
def _higher_known(before: float, now: float) -> float:
    """The higher of two values; an unknown one (NaN) is never higher."""
    return now if now > before else before


@jit
def record_rarities(values: Record, session: Record) -> None:
    """Record how rare a request was when it was made: once it succeeds it becomes a habit and is no longer rare."""
    session.noted += 1
    session.action_rarity_sum += _zero_if_unknown(values.action_rarity)
    session.action_rarity_max = _higher_known(session.action_rarity_max, values.action_rarity)
    session.step_rarity_sum += _zero_if_unknown(values.step_rarity)
    session.new_actions += _zero_if_unknown(values.action_is_new)
    session.new_resources += _zero_if_unknown(values.resource_is_new)
    session.network_rarity_max = _higher_known(session.network_rarity_max, values.network_rarity)
    session.agent_rarity_max = _higher_known(session.agent_rarity_max, values.agent_rarity)
    session.hour_rarity_max = _higher_known(session.hour_rarity_max, values.hour_rarity)
    session.gap_unlike_usual_max = _higher_known(session.gap_unlike_usual_max, values.gap_unlike_usual)
    session.privilege_above_max = _higher_known(session.privilege_above_max, values.privilege_above_identity)
