"""All features in their order, and the one compiled step that reads them and folds the event.

To add a feature, write its function in the module named for what drifts and add it to FEATURES.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from features.action import (
    action_is_new,
    action_outside_intent,
    action_population_rarity,
    action_rarity,
    category_population_rarity,
    category_rarity,
    distinct_resources_in_session,
    first_write_after_reads,
    resource_is_new,
    step_rarity,
    write_share_above_usual,
)
from features.automation import gap_unlike_usual, person_like_client, system_population_rarity
from features.compiled import Step, compiled
from features.context import context_known_fraction, context_lost, known_events
from features.credential import (
    authentication_strength,
    credential_age_days,
    credential_environment_mismatch,
    credential_exposed,
    credential_instances_last_hour,
    credential_is_new,
    credential_networks_last_hour,
    minutes_since_authentication,
)
from features.device import (
    agent_changed_in_session,
    agent_population_rarity,
    agent_rarity,
    device_changed_in_session,
    device_compliance_lost,
    device_is_new,
    system_changed_in_session,
    system_is_new,
)
from features.history import History, copied
from features.measures import Array
from features.network import (
    anonymizer_in_use,
    asn_changed_in_session,
    asn_population_rarity,
    asn_rarity,
    country_is_new,
    hosting_above_usual,
    network_changed_in_session,
    network_is_new,
    network_reputation,
)
from features.privilege import (
    entitlements_unused_share,
    privilege_above_identity,
    privilege_above_session,
    privilege_of_action,
    sensitivity_above_usual,
)
from features.registry import Feature
from features.rhythm import (
    days_since_last_success,
    failures_recently,
    hour_rarity,
    pace,
    rate_above_usual,
    sign_in_failures_recently,
)
from features.travel import country_changed_in_session, distance_km_from_last, speed_km_per_hour

FEATURES: tuple[Feature, ...] = (
    network_is_new,
    asn_rarity,
    asn_population_rarity,
    country_is_new,
    network_changed_in_session,
    asn_changed_in_session,
    hosting_above_usual,
    anonymizer_in_use,
    network_reputation,
    device_is_new,
    agent_rarity,
    system_is_new,
    agent_population_rarity,
    device_changed_in_session,
    agent_changed_in_session,
    system_changed_in_session,
    device_compliance_lost,
    distance_km_from_last,
    speed_km_per_hour,
    country_changed_in_session,
    action_is_new,
    action_rarity,
    action_population_rarity,
    category_rarity,
    category_population_rarity,
    step_rarity,
    action_outside_intent,
    first_write_after_reads,
    write_share_above_usual,
    resource_is_new,
    distinct_resources_in_session,
    privilege_above_session,
    privilege_above_identity,
    privilege_of_action,
    entitlements_unused_share,
    sensitivity_above_usual,
    credential_is_new,
    credential_age_days,
    credential_exposed,
    credential_instances_last_hour,
    credential_networks_last_hour,
    credential_environment_mismatch,
    minutes_since_authentication,
    authentication_strength,
    hour_rarity,
    rate_above_usual,
    pace,
    days_since_last_success,
    failures_recently,
    sign_in_failures_recently,
    person_like_client,
    gap_unlike_usual,
    system_population_rarity,
    context_known_fraction,
    context_lost,
    known_events,
)
"""Every feature, in the order of the columns."""


def names() -> tuple[str, ...]:
    """The names of the columns, in order."""
    return tuple(feature.name for feature in FEATURES)


@cache
def step() -> Step:
    """The compiled step over FEATURES; the first call of a process compiles it or reads it from the cache."""
    return compiled(FEATURES)


def vector(row: Array, history: History, population: Array) -> Array:
    """What the features read for one event, shape (F,) float64, NaN where it cannot be known. Changes nothing.

    `row` has shape (1,) of ROW, `population` shape (1,) of POPULATION.
    """
    values = np.empty(len(FEATURES))
    step().read(row, copied(history.identity), history.session, history.credential, population, values)
    return values


def fold(row: Array, history: History, outcome: int) -> None:
    """Take one event into a history, in place; `outcome` is one of the codes in `features.fold`."""
    step().fold(row, history.identity, history.session, history.credential, outcome)
