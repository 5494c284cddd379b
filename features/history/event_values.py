"""Values derived from an event and its session that features and history updates share."""

from __future__ import annotations

import math
from typing import Any

from features.arrays import NEVER, SECOND, Record
from features.history.layout import LONGEST_LOOP
from features.kernels.bucket_table import contains
from features.kernels.compilation import jit

STRONG = 2.0
"""The lowest authentication strength (and assurance level) that means several factors."""


@jit
def hour_bin(time: int) -> int:
    """The hour of the day in UTC (0-23), plus 24 at weekends; 1 January 1970 was a Thursday."""
    hours = time // (3_600 * SECOND)
    return hours % 24 + 24 * ((hours // 24 + 3) % 7 >= 5)


@jit
def combine_keys(first: Any, second: Any) -> Any:
    """One key for an ordered pair of keys, unknown if either is. Shifts and XOR wrap alike with and without JIT.

    Called from Python, it takes arrays of keys as well.
    """
    pair = ((first << 7) ^ (first >> 9) ^ second) & 0x7FFF_FFFF_FFFF_FFFF
    return pair * ((first != 0) & (second != 0))


@jit
def request_of(event: Record) -> int:
    """One key for a request: the action on its resource, or the action alone if the resource is unknown."""
    return event.action if event.resource == 0 else combine_keys(event.resource, event.action)


@jit
def loop_rounds(request: int, session: Record) -> float:
    """How many times in a row the session has repeated a cycle of one to eight requests, counting this request."""
    most = 0.0
    if not contains(session.request_key, request):
        return most
    for lag in range(1, LONGEST_LOOP + 1):
        repeated = session.request_key[(session.events - lag) & (LONGEST_LOOP - 1)] == request
        rounds = (session.repeats[lag - 1] + 1.0) / lag if repeated else 0.0
        most = rounds if rounds > most else most
    return most


@jit
def strong_time(event: Record) -> int:
    """When the identity last authenticated with several factors, according to this event; NEVER if it did not."""
    return event.authenticated_at if event.strength >= STRONG or event.aal >= STRONG else NEVER


@jit
def is_located(event: Record) -> bool:
    """Whether anything says where the address is: a point with its accuracy, or a country."""
    located = not math.isnan(event.latitude + event.longitude + event.accuracy)
    return located or event.country_code != 0


@jit
def is_exit(event: Record) -> bool:
    """Whether the address is a data centre's or a VPN exit's, whose location says nothing about the identity's."""
    return event.hosting == 1.0 or event.anonymizer == 1.0


@jit
def interactive_client_of(event: Record) -> int:
    """One key for a client that people use, with its system; unknown for any other client."""
    if event.interactive != 1.0:
        return 0
    return event.agent if event.system == 0 else combine_keys(event.agent, event.system)
