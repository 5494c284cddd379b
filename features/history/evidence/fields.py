"""What is compared between an identity and the others of its type, and the record that holds it for one event."""

from __future__ import annotations

import numpy as np

COMPARED = ("action", "verb", "resource", "instance", "agent", "network", "asn", "step")
"""The fields of an event whose values are compared; a step is an action after the one before it."""
ACTION, VERB, RESOURCE, INSTANCE, AGENT, NETWORK, ASN, STEP = range(len(COMPARED))
START = len(COMPARED)
"""Beside them: beginnings of sessions, the context of a first step."""
COUNTED = len(COMPARED) + 1
FIRST = 1
"""The key of what comes before the first action of a session."""

STEP_CUSUM, ACTION_CUSUM, RESOURCE_CUSUM, DEVICE_CUSUM, NETWORK_CUSUM, TOTAL_CUSUM, POPULATION_CUSUM = range(7)
STEP_EWMA, RESOURCE_EWMA, TOTAL_EWMA, POPULATION_EWMA, HIGHEST = range(7, 12)
REQUESTS, NEW, FAILED = range(12, 15)
SUMS = 15
"""What a session accumulates: sums and averages of evidence in bits, then counts of its requests."""
LARGEST, STEP_ABOVE_USUAL, TOTAL_ABOVE_USUAL = range(12, 15)
SCALED = 15
"""What is measured in units of what is usual for its type: the sums and averages, and three derived from them."""

EVIDENCE = np.dtype(
    [
        ("value", "i8", (len(COMPARED),)),
        ("own", "f8", (len(COMPARED),)),
        ("bits", "f8", (len(COMPARED),)),
        ("against_all", "f8", (len(COMPARED),)),
        ("after", "f8", (SUMS,)),
        ("scaled", "f8", (SCALED,)),
        ("rarity", "f8"),
        ("known", "f8"),
        ("an_event", "f8"),
        ("is_first", "f8"),
        ("member", "i8"),
    ],
    align=True,
)
"""For each compared field its value, the identity's own count of it, the bits by which somebody else of the same type
is likelier than the identity, and those by which the value is rarer than is usual for the type. The session's sums with
this event, and what of them is in usual units. The bits of the rarity of the action; how many fields are known; the
factor of the identity's counts; whether the event begins the session; where the population keeps the identity's own
counts, -1 if nowhere."""
