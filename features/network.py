"""How the network drifts: from the identity's habit, from the session's beginning, from what its kind usually uses."""

from __future__ import annotations

import math

from features.measures import NAN, Record, changed, novelty, population_rarity, rarity
from features.registry import feature


@feature(unit="yes or no", direction=1)
def network_is_new(event: Record, identity: Record) -> float:
    """The request comes from a network this identity has not used before.

    >>> reading(network_is_new, event={"network": 7}, identity={"events": 3, "network": {5: 3.0}})
    1.0
    """
    return novelty(identity.network_key, identity.network_count, event.network, identity.events)


@feature(unit="nats", direction=1)
def asn_rarity(event: Record, identity: Record) -> float:
    """The network operator is one this identity seldom uses.

    >>> reading(asn_rarity, event={"asn": 7}, identity={"mass": 9.0, "asn": {5: 9.0}})
    2.996
    """
    return rarity(identity.asn_key, identity.asn_count, event.asn, identity.mass)


@feature(unit="nats", direction=1)
def asn_population_rarity(event: Record, population: Record) -> float:
    """The network operator is one that few identities of this type use.

    >>> reading(asn_population_rarity, event={"asn": 7, "identity_type": 1}, population={"asn": {7: 0.5}})
    0.693
    """
    kind = event.identity_type
    return population_rarity(population.asn_key[kind], population.asn_share[kind], event.asn)


@feature(unit="yes or no", direction=1)
def country_is_new(event: Record, identity: Record) -> float:
    """The request comes from a country this identity has not acted from before.

    >>> reading(country_is_new, event={"country": 7}, identity={"events": 3, "country": {7: 3.0}})
    0.0
    """
    return novelty(identity.country_key, identity.country_count, event.country, identity.events)


@feature(unit="yes or no", direction=1)
def network_changed_in_session(event: Record, session: Record) -> float:
    """The session goes on from another network than it began on.

    >>> reading(network_changed_in_session, event={"network": 7}, session={"network": 5})
    1.0
    """
    return changed(event.network, session.network)


@feature(unit="yes or no", direction=1)
def asn_changed_in_session(event: Record, session: Record) -> float:
    """The session goes on through another network operator than it began with.

    >>> reading(asn_changed_in_session, event={"asn": 7}, session={"asn": 7})
    0.0
    """
    return changed(event.asn, session.asn)


@feature(unit="share", direction=1)
def hosting_above_usual(event: Record, identity: Record) -> float:
    """The request comes from a hosting provider, which this identity seldom uses.

    >>> reading(hosting_above_usual, event={"hosting": 1.0}, identity={"hosting_seen": 1.0, "hosting_known": 4.0})
    0.75
    """
    if math.isnan(event.hosting) or identity.hosting_known <= 0.0:
        return NAN
    return event.hosting - identity.hosting_seen / identity.hosting_known


@feature(unit="yes or no", direction=1)
def anonymizer_in_use(event: Record) -> float:
    """The request comes through a known VPN exit or anonymiser.

    >>> reading(anonymizer_in_use, event={"anonymizer": 1.0})
    1.0
    """
    return event.anonymizer


@feature(unit="0 clean to 1 known bad", direction=1)
def network_reputation(event: Record) -> float:
    """The address has a bad reputation.

    >>> reading(network_reputation, event={"reputation": 0.9})
    0.9
    """
    return event.reputation
