"""Whether what acts is what it says: a person behind a machine's identity, or a machine's rhythm out of step."""

from __future__ import annotations

import math

from features.kinds import HUMAN
from features.measures import NAN, Record, population_rarity, seconds_between
from features.registry import feature


@feature(unit="yes or no", direction=1)
def person_like_client(event: Record) -> float:
    """A machine's identity is used from a browser or from a person's operating system.

    >>> reading(person_like_client, event={"identity_type": 3, "interactive": 1.0})
    1.0
    """
    if event.identity_type == HUMAN:
        return 0.0
    return event.interactive


@feature(unit="standard deviations", direction=1)
def gap_unlike_usual(event: Record, identity: Record) -> float:
    """The time since the last request is unlike the gaps this identity usually keeps.

    >>> reading(
    ...     gap_unlike_usual,
    ...     event={"time": 0}, identity={"last_success": 0, "events": 20, "gap_mean": 2.0, "gap_variance": 3.75},
    ... )
    1.0
    """
    gap = seconds_between(event.time, identity.last_success)
    if math.isnan(gap) or identity.events < 10:
        return NAN
    return abs(math.log1p(gap) - identity.gap_mean) / math.sqrt(identity.gap_variance + 0.25)


@feature(unit="nats", direction=1)
def system_population_rarity(event: Record, population: Record) -> float:
    """The operating system is one that few identities of this type run on.

    >>> reading(system_population_rarity, event={"system": 7, "identity_type": 1}, population={"system": {7: 1.0}})
    -0.0
    """
    kind = event.identity_type
    return population_rarity(population.system_key[kind], population.system_share[kind], event.system)
