"""Errors -> HTTP: the one place where an error becomes a status and an RFC 9457 problem.

Everything below `serving.api` raises the errors of `serving/errors.py` and knows nothing of HTTP.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from serving.errors import (
    DecisionNotFound,
    InvalidField,
    RequestConflict,
    RevocationNotFound,
    ScopeRequired,
    ServingError,
    StaleHistory,
)

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    409: "Conflict",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
"""The reason phrases of RFC 9110, section 15."""
SHOWN_FIELDS = 5
"""How many wrong fields the detail names; `errors` lists them all."""
_STATUS: tuple[tuple[type[ServingError], int], ...] = (
    (InvalidField, 400),
    (ScopeRequired, 403),
    (DecisionNotFound, 404),
    (RevocationNotFound, 404),
    (RequestConflict, 409),
    (ServingError, 503),
)
"""The status of each error, the first that fits. Whatever is not the caller's fault is the store's failure."""


@dataclass(eq=False)  # not frozen: a context manager that an exception passes sets its traceback
class Problem(Exception):
    """An HTTP error response: its status, what went wrong, and which fields are wrong."""

    status: int
    detail: str
    fields: tuple[tuple[str, str], ...] = ()
    allowed: tuple[str, ...] = ()
    """Of a 405: the methods the path takes, as RFC 9110 wants them in `Allow`."""
    retry_after_seconds: int | None = None
    """Of a 429: how long to wait."""

    def body(self) -> dict[str, Any]:
        """The members of RFC 9457; `errors` names each field that is wrong."""
        errors = {"errors": [{"field": name, "detail": reason} for name, reason in self.fields]} if self.fields else {}
        return {
            "type": "about:blank",
            "title": TITLES[self.status],
            "status": self.status,
            "detail": self.detail,
            **errors,
        }

    def response(self) -> Response:
        """The response. It is not to be cached; a 401 says how to authenticate, a 405 which methods there are, a 429
        when to come again."""
        headers = {"cache-control": "no-store"}
        if self.status == 401:
            headers["www-authenticate"] = 'Bearer realm="session-trust"'
        if self.allowed:
            headers["allow"] = ", ".join(self.allowed)
        if self.retry_after_seconds is not None:
            headers["retry-after"] = str(self.retry_after_seconds)
        # The detail may quote what was sent, and a lone surrogate of it cannot be written as UTF-8.
        content = json.dumps(self.body(), ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
        return Response(content, self.status, headers, MEDIA_TYPE)


def problem_from(error: Exception) -> Problem:
    """The problem that an error is answered with. An error that is not known here is a fault of ours: it is logged
    with its traceback, and the response says nothing about it."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, HTTPException):
        return Problem(error.status_code, f"{error.detail}.")
    if isinstance(error, ValidationError):
        return invalid_fields(error.errors())
    if isinstance(error, ServingError):
        return _problem_from_domain(error)
    log.error("unexpected error", exc_info=error)
    return Problem(500, "The error is in the server's log.")


def _problem_from_domain(error: ServingError) -> Problem:
    status = next(status for kind, status in _STATUS if isinstance(error, kind))
    if isinstance(error, InvalidField):
        return Problem(status, str(error), ((error.field, error.reason),))
    if isinstance(error, StaleHistory):
        return Problem(status, "Another writer changed this history at the same time. Send the request again.")
    return Problem(status, str(error))


def invalid_fields(errors: Sequence[Any]) -> Problem:
    """A 400 for pydantic's errors, each with its `loc` and `msg`."""
    fields = tuple((".".join(map(str, error["loc"])) or "body", str(error["msg"])) for error in errors)
    return Problem(400, "; ".join(f"{name}: {reason}" for name, reason in fields[:SHOWN_FIELDS]), fields)


def problem_from_bentoml(status: int, body: bytes) -> Problem:
    """BentoML's own refusal of a request, as a problem."""
    try:
        return invalid_fields(json.loads(body)["detail"])
    except (ValueError, KeyError, TypeError):
        log.error("BentoML answered %s: %s", status, body[:500])
        return Problem(500, "The error is in the server's log.")
