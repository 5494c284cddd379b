"""The errors of serving:

ServingError
├── StoreUnavailable         the database cannot be read or written, so nothing can be decided
│   ├── DecisionNotRecorded  a decision could not be made durable, and must not be answered
│   └── StaleLayout          histories have another version's layout: run `session-trust rebuild --write`
├── StaleHistory             another writer changed the history first: nothing was written, try again
├── PopulationRefused        a stored population is missing or not what its digest says: the one in force stays
├── AnalysisError            a command on past decisions cannot answer as asked; the message says what to do
└── RequestRefused           the caller's request cannot be carried out as sent
    ├── InvalidField         one field is wrong; its path is named
    ├── ScopeRequired        the caller's key lacks a scope
    ├── DecisionNotFound     no decision has this id, or it was erased
    ├── RevocationNotFound   nothing of this name is revoked
    └── RequestConflict      the request contradicts what is recorded

`serving/api/problems.py` maps each to an HTTP status; nothing below it knows of HTTP.
"""

from __future__ import annotations


class ServingError(Exception):
    """The base of every error that serving raises on purpose; its message is a sentence for people."""


class StoreUnavailable(ServingError):
    """The database cannot be read or written now."""


class DecisionNotRecorded(StoreUnavailable):
    """A decision could not be made durable, and must not be answered."""


class StaleLayout(StoreUnavailable):
    """A stored history has another version's layout; `rebuild` recomputes it from the events."""


class StaleHistory(ServingError):
    """Another writer changed this identity's history since it was read."""


class PopulationRefused(ServingError):
    """A stored population is missing, damaged, or not what its digest says; it is never used."""


class AnalysisError(ServingError):
    """A question about past decisions that cannot be answered as asked; the message says what to do."""


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


class RevocationNotFound(RequestRefused):
    """No revocation of this session or identity is in force."""


class RequestConflict(RequestRefused):
    """The request contradicts what is recorded."""
