"""How the place drifts: how far and how fast the identity would have had to move."""

from __future__ import annotations

import math

from features.measures import NAN, Record, changed, distance_km, seconds_between
from features.registry import feature


@feature(unit="km", direction=1)
def distance_km_from_last(event: Record, identity: Record) -> float:
    """The request comes from far away from the identity's last known place.

    >>> reading(
    ...     distance_km_from_last,
    ...     event={"latitude": 0.0, "longitude": 1.0}, identity={"latitude": 0.0, "longitude": 0.0},
    ... )
    111.195
    """
    return distance_km(identity.latitude, identity.longitude, event.latitude, event.longitude)


@feature(unit="km/h", direction=1)
def speed_km_per_hour(event: Record, identity: Record) -> float:
    """Nobody travels from the identity's last known place to this one in the time between.

    The time counts as at least one minute, and the first 50 km as nothing: places are looked up from addresses.

    >>> reading(
    ...     speed_km_per_hour,
    ...     event={"latitude": 0.0, "longitude": 1.0, "time": 7_200_000_000},
    ...     identity={"latitude": 0.0, "longitude": 0.0, "located_at": 0},
    ... )
    30.597
    """
    far = distance_km(identity.latitude, identity.longitude, event.latitude, event.longitude)
    seconds = seconds_between(event.time, identity.located_at)
    if math.isnan(far) or math.isnan(seconds):
        return NAN
    return max(far - 50.0, 0.0) / (max(seconds, 60.0) / 3600.0)


@feature(unit="yes or no", direction=1)
def country_changed_in_session(event: Record, session: Record) -> float:
    """The session goes on from another country than it began in.

    >>> reading(country_changed_in_session, event={"country": 7}, session={"country": 5})
    1.0
    """
    return changed(event.country, session.country)
