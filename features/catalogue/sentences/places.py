"""What is said of the features of network, device and travel."""

from __future__ import annotations

from features.catalogue.sentences.amounts import count, percent, points
from features.catalogue.sentences.families import flag, population, rarest_so_far, rarity
from features.catalogue.sentences.wording import Wording

NETWORK = {
    "network_is_new": flag("The network is one this identity has used before.", "the network is new to this identity"),
    "network_rarity": rarity("The network is one this identity mostly uses.", "this identity uses the network"),
    "asn_rarity": rarity(
        "The network operator is one this identity mostly uses.", "this identity uses the network operator"
    ),
    "asn_population_rarity": population(
        "The network operator is one that many identities of this type use.", "use the network operator"
    ),
    "country_is_new": flag(
        "The country is one this identity has acted from before.", "the country is new to this identity"
    ),
    "country_rarity": rarity(
        "The country is one this identity mostly acts from.", "this identity acts from the country"
    ),
    "country_population_rarity": population(
        "The country is one that many identities of this type act from.", "act from the country"
    ),
    "network_changed_in_session": flag(
        "The session goes on from the network it began on.", "the session has changed its network"
    ),
    "asn_changed_in_session": flag(
        "The session goes on through the network operator it began with.", "the session has changed its operator"
    ),
    "hosting_unlike_usual": Wording(
        "For a hosting provider's network, or none, the request is as this identity's mostly are.",
        "how many of this identity's requests differ from this one in coming from a hosting provider or not",
        lambda value: f"{percent(value)} of its requests differ",
        0.9,
        0.25,
    ),
    "anonymizer_in_use": flag(
        "The request comes through no known VPN exit or anonymiser.",
        "the request comes through a known VPN exit or anonymiser",
    ),
    "network_reputation": Wording(
        "The address does not have a bad reputation.",
        "how bad the address's reputation is, 100 % being known to be bad",
        percent,
        0.5,
        0.2,
    ),
    "reputation_above_usual": Wording(
        "The address has no worse reputation than those this identity usually comes from.",
        "how the address's reputation compares with those this identity usually comes from",
        lambda value: f"{points(value)} towards bad" if value > 0.0 else "no worse",
        0.1,
    ),
    "highest_network_rarity_in_session": rarest_so_far(
        "The session has so far come from no network this identity seldom used.", "the session's networks were so far"
    ),
}

DEVICE = {
    "device_is_new": flag(
        "The device (or instance) is one this identity has used before.",
        "the device (or instance) is new to this identity",
    ),
    "device_rarity": rarity(
        "The device (or instance) is one this identity mostly uses.", "this identity uses the device (or instance)"
    ),
    "agent_rarity": rarity(
        "The client program is one this identity mostly uses.", "this identity uses the client program"
    ),
    "agent_population_rarity": population(
        "The client program is one that many identities of this type use.", "use the client program"
    ),
    "device_changed_in_session": flag(
        "The session goes on from the device it began on.", "the session has changed its device"
    ),
    "agent_changed_in_session": flag(
        "The session goes on in the client program it began in.", "the session has changed its client program"
    ),
    "system_changed_in_session": flag(
        "The session goes on under the operating system it began under.",
        "the session has changed its operating system",
    ),
    "device_compliance_lost": flag(
        "The device has not ceased to meet the rules in this session.",
        "the device has ceased to meet the rules in this session",
    ),
    "highest_agent_rarity_in_session": rarest_so_far(
        "The session has so far come from no client program this identity seldom used.",
        "the session's client programs were so far",
    ),
}

TRAVEL = {
    "km_from_last_place": Wording(
        "The request comes from near the identity's last known place.",
        "how far the request comes from the identity's last known place",
        count("km", "km"),
        100.0,
        50.0,
        usual_amount=True,
    ),
    "travel_km_per_hour": Wording(
        "The time since the identity's last known place was enough for the way to this one.",
        "how fast the identity travelled from its last known place, beyond what both places may be off",
        count("km/h", "km/h"),
        1_000.0,
        300.0,
    ),
    "country_changed_in_session": flag(
        "The session goes on from the country it began in.", "the session has changed its country"
    ),
}
