"""Features of actions: which, in what order, on which resources and under which intent, compared with habits."""

from __future__ import annotations

import math

from features.arrays import NAN, Record
from features.catalogue.registration import feature
from features.history.category_codes import is_write
from features.history.event_values import combine_keys
from features.history.layout import CATEGORIES
from features.kernels.decayed_counts import (
    above_usual,
    log_of_one_more,
    novelty,
    per_request,
    population_rarity,
    rarity,
    surprise,
)


@feature(unit="yes or no", direction=1, tells="discovery calls by an attacker from routine work")
def action_is_new(event: Record, identity: Record) -> float:
    """The action is one this identity has not done before.

    >>> reading(action_is_new, event={"action": 7}, identity={"events": 9, "action": {5: 9.0}})
    1.0
    """
    return novelty(identity.action_key, identity.action_count, event.action, identity.events)


@feature(unit="nats", direction=1, tells="a seldom task from an everyday one")
def action_rarity(event: Record, identity: Record) -> float:
    """The action is one this identity seldom does.

    >>> reading(action_rarity, event={"action": 7}, identity={"mass": 9.0, "action": {7: 1.0}})
    1.897
    """
    return rarity(identity.action_key, identity.action_count, event.action, identity.mass, identity.weight)


@feature(unit="nats", direction=1, tells="an attacker's call from a colleague's task taken over")
def action_population_rarity(event: Record, population: Record) -> float:
    """The action is one that few identities of this type do.

    >>> reading(action_population_rarity, event={"action": 7, "identity_type": 1}, population={"action": {7: 0.01}})
    4.605
    """
    kind = event.identity_type
    return population_rarity(
        population.action_key[kind], population.action_rarity[kind], event.action, population.people[kind]
    )


@feature(unit="nats", direction=1, tells="a reader who begins to delete from a writer who does so daily")
def category_rarity(event: Record, identity: Record) -> float:
    """This kind of action is one this identity seldom does.

    >>> reading(category_rarity, event={"category": 1}, identity={"mass": 3.0})
    2.079
    """
    if event.category == 0:
        return NAN
    return surprise(identity.category_count[event.category], identity.mass, identity.weight)


@feature(unit="nats", direction=1, tells="a service account that manages access from an administrator who does")
def category_population_rarity(event: Record, population: Record) -> float:
    """This kind of action is one that few identities of this type do.

    >>> reading(
    ...     category_population_rarity,
    ...     event={"category": 3, "identity_type": 1}, population={"category": {3: 0.5}},
    ... )
    0.693
    """
    if event.category == 0:
        return NAN
    kind = event.identity_type
    return population.category_rarity[kind, event.category] if population.people[kind] > 0.0 else NAN


@feature(unit="nats", direction=1, tells="an attacker's order of actions from the usual order")
def step_rarity(event: Record, identity: Record, session: Record) -> float:
    """This action seldom follows the one before it in this identity's sessions.

    >>> reading(step_rarity, event={"action": 7}, identity={"mass": 9.0}, session={"last_action": 5})
    2.996
    """
    step = combine_keys(session.last_action, event.action)
    return rarity(identity.step_key, identity.step_count, step, identity.mass, identity.weight)


@feature(unit="cosine distance, 0 to 1", direction=1, tells="a session of another kind of work from a busy usual day")
def action_mix_drift(event: Record, identity: Record, session: Record) -> float:
    """The session does other kinds of things than this identity usually does.

    >>> reading(
    ...     action_mix_drift,
    ...     event={"category": 1}, identity={"category": {1: 9.0}}, session={"category": {1: 2.0, 3: 4.0}},
    ... )
    0.4
    """
    now, usual, alike = 0.0, 0.0, 0.0
    an_event = 1.0 / identity.weight
    for kind in range(1, CATEGORIES):
        count, habit = session.category_count[kind], identity.category_count[kind] * an_event
        now += count * count
        usual += habit * habit
        alike += count * habit
    if event.category > 0:
        now += 2.0 * session.category_count[event.category] + 1.0
        alike += identity.category_count[event.category] * an_event
    if now == 0.0 or usual == 0.0:
        return NAN
    return max(1.0 - alike / math.sqrt(now) / math.sqrt(usual), 0.0)


@feature(unit="yes or no", direction=1, tells="an agent diverted to another task from one at its own")
def action_outside_intent(event: Record, identity: Record) -> float:
    """The action is one this identity has not done before under the task it declares.

    >>> reading(action_outside_intent, event={"intent": 3, "action": 7}, identity={"events": 5})
    1.0
    """
    pair = combine_keys(event.intent, event.action)
    return novelty(identity.intended_key, identity.intended_count, pair, identity.events)


@feature(unit="events", direction=1, tells="impact after reconnaissance from a session that writes all along")
def first_write_after_reads(event: Record, session: Record) -> float:
    """The session only looked so far, and now changes something for the first time.

    >>> reading(first_write_after_reads, event={"category": 3}, session={"events": 12})
    12.0
    """
    writes = is_write(event.category)
    if math.isnan(writes):
        return NAN
    return float(session.events) if writes == 1.0 and session.writes == 0.0 else 0.0


@feature(unit="share", direction=1, tells="destruction from the usual mix of looking and changing")
def write_share_above_usual(event: Record, identity: Record, session: Record) -> float:
    """The session changes more, and looks less, than this identity usually does.

    >>> reading(
    ...     write_share_above_usual,
    ...     event={"category": 3}, identity={"mass": 9.0, "writes": 0.5}, session={"events": 1, "writes": 1.0},
    ... )
    0.9
    """
    writes = is_write(event.category)
    if math.isnan(writes) or identity.mass <= 0.0:
        return NAN
    usual = (identity.writes + 0.5 * identity.weight) / (identity.mass + identity.weight)
    return (session.writes + writes) / (session.events + 1.0) - usual


@feature(unit="yes or no", direction=1, tells="an attacker who explores from a user among their own files")
def resource_is_new(event: Record, identity: Record) -> float:
    """The resource is one this identity has not touched before.

    >>> reading(resource_is_new, event={"resource": 7}, identity={"events": 2, "resource": {7: 2.0}})
    0.0
    """
    return novelty(identity.resource_key, identity.resource_count, event.resource, identity.events)


@feature(unit="nats", direction=1, tells="a file opened once before from the daily one")
def resource_rarity(event: Record, identity: Record) -> float:
    """The resource is one this identity seldom touches.

    >>> reading(resource_rarity, event={"resource": 7}, identity={"mass": 9.0, "resource": {7: 9.0}})
    0.051
    """
    return rarity(identity.resource_key, identity.resource_count, event.resource, identity.mass, identity.weight)


@feature(unit="log ratio", direction=1, tells="a sweep by a stolen key from a backup that always sweeps")
def resources_above_usual(identity: Record, session: Record) -> float:
    """The session has gone through more different resources than this identity's sessions usually do.

    >>> reading(resources_above_usual, identity={"mass": 2.0, "session_resources_sum": 2.0}, session={"resources": 9})
    1.303
    """
    return above_usual(log_of_one_more(session.resources), identity.session_resources_sum, identity.mass)


@feature(unit="log ratio", direction=1, tells="a scripted run in a stolen session from a long day's work")
def requests_above_usual(identity: Record, session: Record) -> float:
    """The session has made more requests than this identity's sessions usually do.

    >>> reading(requests_above_usual, identity={"mass": 2.0, "session_events_sum": 2.0}, session={"events": 9})
    1.303
    """
    return above_usual(log_of_one_more(session.events), identity.session_events_sum, identity.mass)


@feature(unit="nats", direction=0, always=True, tells="an attacker's dozen unusual actions from a single one")
def action_rarity_in_session(session: Record) -> float:
    """The session's actions so far, taken together, are ones this identity seldom does.

    >>> reading(action_rarity_in_session, session={"action_rarity_sum": 14.5})
    14.5
    """
    return session.action_rarity_sum


@feature(unit="nats a request", direction=1, tells="a short session of nothing usual from a long one with its oddities")
def mean_action_rarity_in_session(session: Record) -> float:
    """The session's actions so far are mostly ones this identity seldom does.

    >>> reading(mean_action_rarity_in_session, session={"noted": 4, "action_rarity_sum": 14.0})
    3.5
    """
    return per_request(session.action_rarity_sum, session.noted)


@feature(unit="nats", direction=1, always=True, tells="routine after an unusual action from routine alone")
def highest_action_rarity_in_session(session: Record) -> float:
    """The session has already done something this identity seldom does.

    >>> reading(highest_action_rarity_in_session, session={"action_rarity_max": 4.5})
    4.5
    """
    return session.action_rarity_max


@feature(unit="nats", direction=0, always=True, tells="an attacker's sequence of steps from one deviation")
def step_rarity_in_session(session: Record) -> float:
    """The session's actions so far follow each other as they seldom do for this identity.

    >>> reading(step_rarity_in_session, session={"step_rarity_sum": 9.0})
    9.0
    """
    return session.step_rarity_sum


@feature(unit="nats a request", direction=1, tells="an attacker's script from the usual script and one repair")
def mean_step_rarity_in_session(session: Record) -> float:
    """The session's actions so far mostly follow each other as they seldom do for this identity.

    >>> reading(mean_step_rarity_in_session, session={"noted": 3, "step_rarity_sum": 9.0})
    3.0
    """
    return per_request(session.step_rarity_sum, session.noted)


@feature(unit="actions", direction=0, always=True, tells="an attacker who tests what a key allows from one new task")
def new_actions_in_session(session: Record) -> float:
    """The session has done things this identity had not done before.

    >>> reading(new_actions_in_session, session={"new_actions": 3.0})
    3.0
    """
    return session.new_actions


@feature(unit="share", direction=1, tells="a session of new things from a new thing in a session")
def new_actions_share_in_session(session: Record) -> float:
    """Much of what the session has done so far this identity had not done before.

    >>> reading(new_actions_share_in_session, session={"noted": 4, "new_actions": 3.0})
    0.75
    """
    return per_request(session.new_actions, session.noted)


@feature(unit="resources", direction=0, always=True, tells="an agent sent through files not its own from one new file")
def new_resources_in_session(session: Record) -> float:
    """The session has gone through resources this identity had not touched before.

    >>> reading(new_resources_in_session, session={"new_resources": 12.0})
    12.0
    """
    return session.new_resources


@feature(unit="share", direction=1, tells="hoarding before leaving from a long day among one's own files")
def new_resources_share_in_session(session: Record) -> float:
    """Much of what the session has gone through so far this identity had not touched before.

    >>> reading(new_resources_share_in_session, session={"noted": 16, "new_resources": 12.0})
    0.75
    """
    return per_request(session.new_resources, session.noted)
