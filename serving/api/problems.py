"""What a caller did wrong, or we cannot do now, as RFC 9457 problems: the one place where errors become statuses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from serving.errors import ServingError, StaleHistory

MEDIA_TYPE = "application/problem+json"
TITLES = {
    400: "The request is not well formed",
    401: "Who calls is not known",
    403: "The key is not good for this",
    404: "There is no such thing",
    405: "This cannot be done here",
    409: "The request contradicts an earlier one",
    413: "The request is too large",
    415: "The request is not JSON",
    500: "We made a mistake",
    503: "No ruling can be given now: treat it as a denial",
}


@dataclass(eq=False)  # not frozen: a context manager that an exception passes sets its traceback
class Problem(Exception):
    """A refusal: its status, what was wrong, and which fields."""

    status: int
    detail: str
    fields: tuple[tuple[str, str], ...] = ()

    def wire(self) -> dict[str, Any]:
        """As RFC 9457 writes it; `errors` names each field that is wrong."""
        errors = {"errors": [{"field": name, "detail": why} for name, why in self.fields]} if self.fields else {}
        return {
            "type": "about:blank",
            "title": TITLES[self.status],
            "status": self.status,
            "detail": self.detail,
            **errors,
        }


def about_field(name: str, why: str) -> Problem:
    """A 400 for one field."""
    return Problem(400, f"{name}: {why}", ((name, why),))


def about_fields(errors: Sequence[Any]) -> Problem:
    """A 400 for what pydantic found, each error with its `loc` and `msg`."""
    fields = tuple((".".join(map(str, error["loc"])) or "body", str(error["msg"])) for error in errors)
    return Problem(400, "; ".join(f"{name}: {why}" for name, why in fields[:5]), fields)


def problem_of(error: Exception) -> Problem:
    """What a caller is told of an error. Whatever is not named here is our own mistake, and says nothing of itself."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, ValidationError):
        return about_fields(error.errors())
    if isinstance(error, StaleHistory):
        return Problem(503, "Another writer was faster: ask again.")
    if isinstance(error, ServingError):
        return Problem(503, str(error))
    return Problem(500, "See the server's log.")
