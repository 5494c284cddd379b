"""What is said of the features of privilege and credentials."""

from __future__ import annotations

import math

from features.catalogue.sentences.amounts import count, counted, days, duration, hours, percent, plain_number, steps
from features.catalogue.sentences.families import flag, ratio
from features.catalogue.sentences.wording import Wording

PRIVILEGE = {
    "privilege_above_session": Wording(
        "The action wields no more power than what was done earlier in this session.",
        "how much more power the action wields than anything done earlier in this session",
        steps,
    ),
    "privilege_above_identity": Wording(
        "The action wields no more power than what this identity is known to have done.",
        "how much more power the action wields than anything this identity is known to have done",
        steps,
    ),
    "privilege_of_action": Wording(
        "The action only looks, or signs in.", "how much power the action wields, to change things or rights", steps
    ),
    "tactic_weighted_rarity": Wording(
        "The action is one that attackers use, and is to be expected of this identity.",
        "how unexpected of this identity the action is, weighted by how late in an attack it comes",
        lambda value: f"{plain_number(value)} on a scale to 48",
        12.0,
        4.0,
    ),
    "entitlements_unused_share": Wording(
        "Most of what this identity may do it has done within 90 days.",
        "how much of what this identity may do it has not done for 90 days",
        percent,
        0.5 + 1e-9,
        0.5 - 1e-9,
    ),
    "sensitivity_above_usual": Wording(
        "The resource is no more sensitive than what this identity usually touches.",
        "how much more sensitive the resource is than what this identity usually touches",
        steps,
        0.5,
    ),
    "privilege_gained_in_session": Wording(
        "The session has so far wielded no more power than this identity was known to have done.",
        "how much more power the session has wielded than this identity was known to have done until then",
        steps,
    ),
}

CREDENTIAL = {
    "credential_is_new": flag(
        "The credential is one this identity has used before.", "the credential is new to this identity"
    ),
    "credential_changed_in_session": flag(
        "The session goes on with the credential it began with.", "the session has changed its credential"
    ),
    "credential_age_days": Wording(
        "The credential was issued lately.",
        "how long ago the credential was issued",
        days,
        90.0,
        7.0,
        usual_amount=True,
    ),
    "credential_age_above_rotation": ratio(
        "The credential is no older than this identity usually lets one become.",
        "the age of the credential, compared with the age at which this identity usually replaces one",
    ),
    "credential_hours_left": Wording("", "how long the credential stays valid", hours),
    "credential_lifetime_days": Wording(
        "The credential was issued to last a day at most.",
        "how long the credential was issued to last",
        days,
        30.0,
        1.0,
        usual_amount=True,
    ),
    "credential_breadth": Wording(
        "The credential may be used for few things.",
        "how many things the credential may be used for",
        counted("scope", "scopes"),
        math.log(1.0 + 10.0),
        math.log(1.0 + 3.0),
        usual_amount=True,
    ),
    "breadth_above_usual": ratio(
        "The credential may be used for no more than this identity's usually may.",
        "how much the credential may be used for, compared with this identity's usual ones",
    ),
    "credential_exposed": flag(
        "The credential is not known to have been seen where it must not be.",
        "the credential has been seen where it must not be",
    ),
    "exposures_recently": Wording(
        "No credential of this identity has lately been seen where it must not be.",
        "how many credentials of this identity have lately been seen where they must not be, fading in 30 days",
        count("credential", "credentials"),
        0.5,
    ),
    "credential_instances_last_hour": Wording(
        "The credential is used from one device or instance alone within an hour.",
        "from how many devices or instances the credential is used within an hour",
        count("device or instance", "devices or instances"),
        2.0,
        1.0,
    ),
    "credential_networks_last_hour": Wording(
        "The credential is used through one network operator alone within an hour.",
        "through how many network operators the credential is used within an hour",
        count("network operator", "network operators"),
        2.0,
        1.0,
    ),
    "credential_agents_last_hour": Wording(
        "The credential is used by one client program alone within an hour.",
        "by how many client programs the credential is used within an hour",
        count("client program", "client programs"),
        2.0,
        1.0,
    ),
    "credential_environment_mismatch": flag(
        "The credential is used in its own environment.",
        "the credential is used in another environment than its own",
    ),
    "minutes_since_authentication": Wording(
        "The last proof of who this is was made lately.",
        "how long ago the last proof of who this is was made",
        duration,
        480.0,
        60.0,
        usual_amount=True,
    ),
    "minutes_since_strong_authentication": Wording(
        "The last proof by several factors was made lately.",
        "how long ago the last proof by several factors was made",
        duration,
        1_440.0,
        60.0,
        usual_amount=True,
    ),
    "minutes_since_step_up": Wording(
        "The session's last fresh proof was made lately.",
        "how long ago the session's last fresh proof was made",
        duration,
        60.0,
        15.0,
        usual_amount=True,
    ),
    "authentication_strength": Wording(
        "The session rests on a strong proof of who this is.",
        "how strong the proof is that the session rests on",
        lambda value: ("no factor", "one factor", "several factors", "a phishing-resistant factor")[_level(value)],
        1.0,
        2.0,
        concerning="The session rests on a weak proof of who this is.",
        usual_amount=True,
    ),
}


def _level(value: float) -> int:
    return min(max(int(value), 0), 3)
