"""Features of the network, compared with the identity's habits, the start of the session and other identities."""

from __future__ import annotations

from features.arrays import Record
from features.catalogue.registration import feature
from features.kernels.decayed_counts import above_usual, above_zero, changed, novelty, population_rarity, rarity


@feature(unit="yes or no", direction=1, tells="a stolen credential used elsewhere from a day at the usual desk")
def network_is_new(event: Record, identity: Record) -> float:
    """The request comes from a network this identity has not used before.

    >>> reading(network_is_new, event={"network": 7}, identity={"events": 3, "network": {5: 3.0}})
    1.0
    """
    return novelty(identity.network_key, identity.network_count, event.network, identity.events)


@feature(unit="nats", direction=1, tells="a network met once on a journey from the one used every day")
def network_rarity(event: Record, identity: Record) -> float:
    """The network is one this identity seldom uses.

    >>> reading(network_rarity, event={"network": 7}, identity={"mass": 9.0, "network": {7: 9.0}})
    0.051
    """
    return rarity(identity.network_key, identity.network_count, event.network, identity.mass, identity.weight)


@feature(unit="nats", direction=1, tells="an attacker's provider from the usual two or three")
def asn_rarity(event: Record, identity: Record) -> float:
    """The network operator is one this identity seldom uses.

    >>> reading(asn_rarity, event={"asn": 7}, identity={"mass": 9.0, "asn": {5: 9.0}})
    2.996
    """
    return rarity(identity.asn_key, identity.asn_count, event.asn, identity.mass, identity.weight)


@feature(unit="nats", direction=1, tells="an operator no one else uses from the company's new office")
def asn_population_rarity(event: Record, population: Record) -> float:
    """The network operator is one that few identities of this type use.

    >>> reading(asn_population_rarity, event={"asn": 7, "identity_type": 1}, population={"asn": {7: 0.5}})
    0.693
    """
    kind = event.identity_type
    return population_rarity(population.asn_key[kind], population.asn_rarity[kind], event.asn, population.people[kind])


@feature(unit="yes or no", direction=1, tells="a takeover from abroad from work at home")
def country_is_new(event: Record, identity: Record) -> float:
    """The request comes from a country this identity has not acted from before.

    >>> reading(country_is_new, event={"country": 7}, identity={"events": 3, "country": {7: 3.0}})
    0.0
    """
    return novelty(identity.country_key, identity.country_count, event.country, identity.events)


@feature(unit="nats", direction=1, tells="a takeover from abroad from the yearly journey there")
def country_rarity(event: Record, identity: Record) -> float:
    """The country is one this identity seldom acts from.

    >>> reading(country_rarity, event={"country": 7}, identity={"mass": 9.0, "country": {5: 9.0}})
    2.996
    """
    return rarity(identity.country_key, identity.country_count, event.country, identity.mass, identity.weight)


@feature(unit="nats", direction=1, tells="a country where no one of this type works from a colleague's")
def country_population_rarity(event: Record, population: Record) -> float:
    """The country is one that few identities of this type act from.

    >>> reading(country_population_rarity, event={"country": 7, "identity_type": 1}, population={"country": {7: 1.0}})
    -0.0
    """
    kind = event.identity_type
    return population_rarity(
        population.country_key[kind], population.country_rarity[kind], event.country, population.people[kind]
    )


@feature(unit="yes or no", direction=1, tells="a session cookie replayed elsewhere from a session that stays put")
def network_changed_in_session(event: Record, session: Record) -> float:
    """The session goes on from another network than it began on.

    >>> reading(network_changed_in_session, event={"network": 7}, session={"network": 5})
    1.0
    """
    return changed(event.network, session.network)


@feature(unit="yes or no", direction=1, tells="a replayed cookie from a phone that moves within its operator's network")
def asn_changed_in_session(event: Record, session: Record) -> float:
    """The session goes on through another network operator than it began with.

    >>> reading(asn_changed_in_session, event={"asn": 7}, session={"asn": 7})
    0.0
    """
    return changed(event.asn, session.asn)


@feature(unit="share", direction=1, tells="a person's session in a data centre, or a server's key in a living room")
def hosting_unlike_usual(event: Record, identity: Record) -> float:
    """The request comes from a hosting provider where this identity seldom does, or from none where it mostly does.

    >>> reading(hosting_unlike_usual, event={"hosting": 0.0}, identity={"hosting_sum": 3.0, "hosting_known": 4.0})
    0.75
    """
    return abs(above_usual(event.hosting, identity.hosting_sum, identity.hosting_known))


@feature(unit="yes or no", direction=1, tells="an attacker behind an exit node from a direct connection")
def anonymizer_in_use(event: Record) -> float:
    """The request comes through a known VPN exit or anonymiser.

    >>> reading(anonymizer_in_use, event={"anonymizer": 1.0})
    1.0
    """
    return event.anonymizer


@feature(unit="0 clean to 1 known bad", direction=1, tells="a known attacker's address from any other")
def network_reputation(event: Record) -> float:
    """The address has a bad reputation.

    >>> reading(network_reputation, event={"reputation": 0.9})
    0.9
    """
    return event.reputation


@feature(unit="0 clean to 1 known bad", direction=1, tells="an attacker's address from a bad one shared for years")
def reputation_above_usual(event: Record, identity: Record) -> float:
    """The address has a worse reputation than those this identity usually comes from.

    >>> reading(
    ...     reputation_above_usual,
    ...     event={"reputation": 0.9}, identity={"reputation_sum": 2.0, "reputation_known": 4.0},
    ... )
    0.4
    """
    return above_zero(above_usual(event.reputation, identity.reputation_sum, identity.reputation_known))


@feature(unit="nats", direction=1, always=True, tells="an attacker who stays on one network from a user at home")
def highest_network_rarity_in_session(session: Record) -> float:
    """The session has come from a network this identity seldom used until then.

    >>> reading(highest_network_rarity_in_session, session={"network_rarity_max": 3.0})
    3.0
    """
    return session.network_rarity_max
