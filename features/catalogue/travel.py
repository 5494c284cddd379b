"""Features of location: how far and how fast the identity would have had to travel.

The location of a data centre or a VPN exit says nothing about where the person is, so it is not used.
"""

from __future__ import annotations

import math

from features.arrays import NAN, Record
from features.catalogue.registration import feature
from features.history.event_values import is_exit
from features.kernels.compilation import jit
from features.kernels.decayed_counts import changed, distance_km, seconds_between

FINE_KM, COARSE_KM = 25.0, 150.0
"""The error of a looked-up location: to a town, or to whole degrees."""


@jit
def _uncertainty_km(latitude: float, longitude: float) -> float:
    whole = latitude == math.floor(latitude) and longitude == math.floor(longitude)
    return COARSE_KM if whole else FINE_KM


@feature(unit="km", direction=1, tells="a takeover from far away from a new café around the corner")
def distance_km_from_last(event: Record, identity: Record) -> float:
    """The request comes from far away from the identity's last known place.

    >>> reading(
    ...     distance_km_from_last,
    ...     event={"latitude": 0.0, "longitude": 1.0}, identity={"latitude": 0.0, "longitude": 0.0},
    ... )
    111.195
    """
    if is_exit(event):
        return NAN
    return distance_km(identity.latitude, identity.longitude, event.latitude, event.longitude)


@feature(unit="km/h", direction=1, tells="two people in one account from one who flew")
def speed_km_per_hour(event: Record, identity: Record) -> float:
    """Nobody travels from the identity's last known place to this one in the time between.

    The time counts as at least one minute, and the distance only beyond what both places may be off.

    >>> reading(
    ...     speed_km_per_hour,
    ...     event={"latitude": 0.0, "longitude": 1.5, "time": 7_200_000_000},
    ...     identity={"latitude": 0.5, "longitude": 0.0, "located_at": 0},
    ... )
    62.906
    """
    far = distance_km(identity.latitude, identity.longitude, event.latitude, event.longitude)
    seconds = seconds_between(event.time, identity.located_at)
    if math.isnan(far) or math.isnan(seconds) or is_exit(event):
        return NAN
    far -= _uncertainty_km(identity.latitude, identity.longitude) + _uncertainty_km(event.latitude, event.longitude)
    return max(far, 0.0) / (max(seconds, 60.0) / 3600.0)


@feature(unit="yes or no", direction=1, tells="a cookie replayed from abroad from a session at home")
def country_changed_in_session(event: Record, session: Record) -> float:
    """The session goes on from another country than it began in.

    >>> reading(country_changed_in_session, event={"country": 7}, session={"country": 5})
    1.0
    """
    return changed(event.country, session.country)
