"""Features of location: how far and how fast the identity would have had to travel.

The location of a data centre or a VPN exit says nothing about where the person is, so it is not used.
"""

from __future__ import annotations

import math

from features.arrays import NAN, Record
from features.catalogue.registration import feature
from features.history.event_values import is_exit
from features.history.places import least_distance_km
from features.kernels.bucket_table import value_of
from features.kernels.decayed_counts import changed, seconds_between


@feature(unit="km", direction=1, tells="a takeover from far away from a new café around the corner")
def km_from_last_place(event: Record, identity: Record) -> float:
    """The request comes from far away from the identity's last known place.

    The distance counts only beyond what both places may be off: by their accuracy, else anywhere within the country.

    >>> reading(
    ...     km_from_last_place,
    ...     event={"latitude": 0.0, "longitude": 1.0, "accuracy": 10.0},
    ...     identity={"latitude": 0.0, "longitude": 0.0, "accuracy": 1.0},
    ... )
    100.195
    """
    return NAN if is_exit(event) else least_distance_km(event, identity)


@feature(unit="km/h", direction=1, tells="two people in one account from one who flew")
def travel_km_per_hour(event: Record, identity: Record) -> float:
    """Nobody travels from the identity's last known place to this one in the time between.

    The time counts as at least one minute, and the distance only beyond what both places may be off. To a network that
    the identity has successfully used before it is no journey: two gateways of one company, or a remote desktop.

    >>> reading(
    ...     travel_km_per_hour,
    ...     event={"latitude": 0.0, "longitude": 1.5, "accuracy": 20.0, "time": 7_200_000_000},
    ...     identity={"latitude": 0.5, "longitude": 0.0, "accuracy": 20.0, "located_at": 0},
    ... )
    67.906
    """
    far = least_distance_km(event, identity)
    seconds = seconds_between(event.time, identity.located_at)
    if math.isnan(far) or math.isnan(seconds) or is_exit(event):
        return NAN
    if value_of(identity.network_key, identity.network_count, event.network, 0.0) > 0.0:
        return 0.0
    return far / (max(seconds, 60.0) / 3600.0)


@feature(unit="yes or no", direction=1, tells="a cookie replayed from abroad from a session at home")
def country_changed_in_session(event: Record, session: Record) -> float:
    """The session goes on from another country than it began in.

    >>> reading(country_changed_in_session, event={"country": 7}, session={"country": 5})
    1.0
    """
    return changed(event.country, session.country)
