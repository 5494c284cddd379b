"""How the doing drifts: actions, their order, their resources and the declared intent against habit."""

from __future__ import annotations

import math

from features.fold import mixed
from features.history import SESSION_RESOURCES
from features.kinds import is_write
from features.measures import NAN, Record, novelty, population_rarity, rarity
from features.registry import feature


@feature(unit="yes or no", direction=1)
def action_is_new(event: Record, identity: Record) -> float:
    """The action is one this identity has not done before.

    >>> reading(action_is_new, event={"action": 7}, identity={"events": 9, "action": {5: 9.0}})
    1.0
    """
    return novelty(identity.action_key, identity.action_count, event.action, identity.events)


@feature(unit="nats", direction=1)
def action_rarity(event: Record, identity: Record) -> float:
    """The action is one this identity seldom does.

    >>> reading(action_rarity, event={"action": 7}, identity={"mass": 9.0, "action": {7: 1.0}})
    1.897
    """
    return rarity(identity.action_key, identity.action_count, event.action, identity.mass)


@feature(unit="nats", direction=1)
def action_population_rarity(event: Record, population: Record) -> float:
    """The action is one that few identities of this type do.

    >>> reading(action_population_rarity, event={"action": 7, "identity_type": 1}, population={"action": {7: 0.01}})
    4.605
    """
    kind = event.identity_type
    return population_rarity(population.action_key[kind], population.action_share[kind], event.action)


@feature(unit="nats", direction=1)
def category_rarity(event: Record, identity: Record) -> float:
    """This kind of action is one this identity seldom does.

    >>> reading(category_rarity, event={"category": 1}, identity={"mass": 3.0})
    2.079
    """
    if event.category == 0 or identity.mass <= 0.0:
        return NAN
    return -math.log((identity.category_count[event.category] + 0.5) / (identity.mass + 1.0))


@feature(unit="nats", direction=1)
def category_population_rarity(event: Record, population: Record) -> float:
    """This kind of action is one that few identities of this type do.

    >>> reading(category_population_rarity, event={"category": 3, "identity_type": 1}, population={})
    nan
    """
    kind = event.identity_type
    return population_rarity(population.category_key[kind], population.category_share[kind], event.category)


@feature(unit="nats", direction=1)
def step_rarity(event: Record, identity: Record, session: Record) -> float:
    """This action seldom follows the one before it in this identity's sessions.

    >>> reading(step_rarity, event={"action": 7}, identity={"mass": 9.0}, session={"last_action": 5})
    2.996
    """
    return rarity(identity.step_key, identity.step_count, mixed(session.last_action, event.action), identity.mass)


@feature(unit="yes or no", direction=1)
def action_outside_intent(event: Record, identity: Record) -> float:
    """The action is one this identity has not done before under the task it declares.

    >>> reading(action_outside_intent, event={"intent": 3, "action": 7}, identity={"events": 5})
    1.0
    """
    pair = mixed(event.intent, event.action)
    return novelty(identity.intended_key, identity.intended_count, pair, identity.events)


@feature(unit="events", direction=1)
def first_write_after_reads(event: Record, session: Record) -> float:
    """The session only looked so far, and now changes something for the first time.

    >>> reading(first_write_after_reads, event={"category": 3}, session={"events": 12})
    12.0
    """
    writes = is_write(event.category)
    if math.isnan(writes):
        return NAN
    return float(session.events) if writes == 1.0 and session.writes == 0.0 else 0.0


@feature(unit="share", direction=1)
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
    return (session.writes + writes) / (session.events + 1.0) - (identity.writes + 0.5) / (identity.mass + 1.0)


@feature(unit="yes or no", direction=1)
def resource_is_new(event: Record, identity: Record) -> float:
    """The resource is one this identity has not touched before.

    >>> reading(resource_is_new, event={"resource": 7}, identity={"events": 2, "resource": {7: 2.0}})
    0.0
    """
    return novelty(identity.resource_key, identity.resource_count, event.resource, identity.events)


@feature(unit="resources, up to 17", direction=1)
def distinct_resources_in_session(event: Record, session: Record) -> float:
    """The session goes through many different resources.

    >>> reading(distinct_resources_in_session, event={"resource": 7}, session={"resources": 2})
    3.0
    """
    if event.resource == 0:
        return NAN
    for i in range(min(session.resources, SESSION_RESOURCES)):
        if session.resource_key[i] == event.resource:
            return float(session.resources)
    return float(session.resources) + 1.0
