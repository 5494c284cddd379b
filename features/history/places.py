"""How far an identity has come at least, since its last known place: a looked-up place is never exact."""

from __future__ import annotations

import math

from features.arrays import NAN, Record
from features.event.countries import UNKNOWN_KM, read_distances
from features.kernels.compilation import jit
from features.kernels.decayed_counts import distance_km

_ROW_OF, _KM = read_distances()


@jit
def least_distance_km(event: Record, identity: Record) -> float:
    """The distance in km beyond what both places may be off.

    Of two points with a known accuracy it is what lies between their circles. Of any others it is the distance between
    the two countries, 0 within one: where in a country an address is, few tables know. Unknown without either.
    """
    far = distance_km(identity.latitude, identity.longitude, event.latitude, event.longitude)
    far -= identity.accuracy + event.accuracy
    if not math.isnan(far):
        return 0.0 if far <= 0.0 else far
    km = _KM[_ROW_OF[identity.located_country], _ROW_OF[event.country_code]]
    return NAN if km == UNKNOWN_KM else float(km)
