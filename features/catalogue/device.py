"""Features of the device and the client, compared with the identity's habits and the start of the session."""

from __future__ import annotations

import math

from features.arrays import NAN, Record
from features.catalogue.registration import feature
from features.kernels.decayed_counts import changed, novelty, population_rarity, rarity


@feature(unit="yes or no", direction=1, tells="a stolen credential on an attacker's machine from the usual machine")
def device_is_new(event: Record, identity: Record) -> float:
    """The device (or instance) is one this identity has not used before.

    >>> reading(device_is_new, event={"instance": 7}, identity={"events": 1, "instance": {7: 1.0}})
    0.0
    """
    return novelty(identity.instance_key, identity.instance_count, event.instance, identity.events)


@feature(unit="nats", direction=1, tells="a machine borrowed once from the daily one")
def device_rarity(event: Record, identity: Record) -> float:
    """The device (or instance) is one this identity seldom uses.

    >>> reading(device_rarity, event={"instance": 7}, identity={"mass": 9.0, "instance": {5: 9.0}})
    2.996
    """
    return rarity(identity.instance_key, identity.instance_count, event.instance, identity.mass, identity.weight)


@feature(unit="nats", direction=1, tells="an attacker's tool from the program in daily use")
def agent_rarity(event: Record, identity: Record) -> float:
    """The client program is one this identity seldom uses.

    >>> reading(agent_rarity, event={"agent": 7}, identity={"mass": 9.0, "agent": {7: 9.0}})
    0.051
    """
    return rarity(identity.agent_key, identity.agent_count, event.agent, identity.mass, identity.weight)


@feature(unit="nats", direction=1, tells="a program no service account runs from a library they all use")
def agent_population_rarity(event: Record, population: Record) -> float:
    """The client program is one that few identities of this type use.

    >>> reading(agent_population_rarity, event={"agent": 7, "identity_type": 1}, population={"agent": {8: 0.5}})
    4.605
    """
    kind = event.identity_type
    return population_rarity(
        population.agent_key[kind], population.agent_rarity[kind], event.agent, population.people[kind]
    )


@feature(unit="yes or no", direction=1, tells="a replayed cookie from a session that stays on its machine")
def device_changed_in_session(event: Record, session: Record) -> float:
    """The session goes on from another device than it began on.

    >>> reading(device_changed_in_session, event={"instance": 7}, session={"instance": 5})
    1.0
    """
    return changed(event.instance, session.instance)


@feature(unit="yes or no", direction=1, tells="a token lifted from a browser into a script")
def agent_changed_in_session(event: Record, session: Record) -> float:
    """The session goes on in another client program than it began in.

    >>> reading(agent_changed_in_session, event={"agent": 7}, session={})
    nan
    """
    return changed(event.agent, session.agent)


@feature(unit="yes or no", direction=1, tells="a replay that copies the browser's name but not the system's")
def system_changed_in_session(event: Record, session: Record) -> float:
    """The session goes on under another operating system than it began under.

    >>> reading(system_changed_in_session, event={"system": 7}, session={"system": 8})
    1.0
    """
    return changed(event.system, session.system)


@feature(unit="yes or no", direction=1, tells="malware that switches protection off from a device that is well")
def device_compliance_lost(event: Record, session: Record) -> float:
    """The device met the rules earlier in this session and no longer does.

    >>> reading(device_compliance_lost, event={"compliant": 0.0}, session={"compliant": 1.0})
    1.0
    """
    if math.isnan(event.compliant) or math.isnan(session.compliant):
        return NAN
    return 1.0 if session.compliant == 1.0 and event.compliant == 0.0 else 0.0


@feature(unit="nats", direction=1, always=True, tells="an attacker's tool already admitted from the usual program")
def highest_agent_rarity_in_session(session: Record) -> float:
    """The session has come from a client program this identity seldom used until then.

    >>> reading(highest_agent_rarity_in_session, session={"agent_rarity_max": 3.0})
    3.0
    """
    return session.agent_rarity_max
