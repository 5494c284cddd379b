"""What can go wrong in the service, in one tree:

ServingError
├── StoreUnavailable         the database cannot be read or written: answer 503, rule nothing
│   ├── DecisionNotRecorded  a decision could not be made durable: it must not be answered
│   └── StaleLayout          histories stem from another build: run `python -m serving rebuild --write`
├── StaleHistory             another writer folded first: nothing was written, do it again
└── RequestRefused           the caller's request cannot be carried out as sent
    ├── InvalidField         one field is wrong; its path is named
    ├── ScopeRequired        the caller's key lacks a scope
    ├── DecisionNotFound     no decision has this id, or it was erased
    └── RequestConflict      the request contradicts what is recorded

`serving/api/problems.py` maps each to an HTTP status; nothing below it knows of HTTP.
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


class RequestRefused(ServingError):
    """The caller's request cannot be carried out as sent."""


class InvalidField(RequestRefused):
    """One field of a request is wrong; `field` is its dotted path, such as `event.time`."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class ScopeRequired(RequestRefused):
    """The caller's key lacks a scope that this request needs."""


class DecisionNotFound(RequestRefused):
    """No decision has this id, or it was erased."""


class RequestConflict(RequestRefused):
    """The request contradicts what is recorded."""
