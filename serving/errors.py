"""What can go wrong in the service, in one tree:

ServingError
├── StoreUnavailable         the database cannot be read or written: answer 503, rule nothing
│   ├── DecisionNotRecorded  a decision could not be made durable: it must not be answered
│   └── StaleLayout          histories stem from another build: run `python -m serving rebuild --write`
└── StaleHistory             another writer folded first: nothing was written, do it again
"""

from __future__ import annotations


class ServingError(Exception):
    """Anything the service knows how to say in its own words."""


class StoreUnavailable(ServingError):
    """The database cannot be read or written now."""


class DecisionNotRecorded(StoreUnavailable):
    """A decision could not be made durable, and so must not be answered."""


class StaleLayout(StoreUnavailable):
    """A stored history has another build's layout; it is recomputed from events, never reinterpreted."""


class StaleHistory(ServingError):
    """Another writer changed this identity's history since it was read."""
