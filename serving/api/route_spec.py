"""What a route is made of. The table itself is `routes.py`."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import compile_path

Handler = Callable[[Request], Awaitable[Response]]
ApiScope = Literal["score", "events", "assure", "investigate", "admin"]
JSON = "application/json"
NDJSON = "application/x-ndjson"
GZIP = "application/gzip"
FORM = "application/x-www-form-urlencoded"
HTML = "text/html"
KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True)
class RequestBody:
    """The body a route takes: its model, its size in bytes at most, and an example."""

    model: type[BaseModel]
    limit: int
    example: Any
    media_type: str = JSON
    also_takes: tuple[str, ...] = ()
    """Other media types of the same content."""
    decompressed_limit: int | None = None
    """Its size in bytes at most once decompressed; None where gzip is not taken."""


@dataclass(frozen=True)
class ResponseBody:
    """What a route answers when all is well."""

    description: str
    model: type[BaseModel] | None = None
    example: Any = None
    media_type: str | None = JSON
    status: int = 200


@dataclass(frozen=True)
class QueryParameter:
    """An optional query parameter; `values` are all it may have, if they can be listed."""

    name: str
    description: str
    example: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class RouteSpec:
    """One route: who may call it, what it takes and answers, and the function that serves it.

    The server, the scopes, the body limits and the OpenAPI document are all made from this.
    """

    method: Literal["GET", "POST"]
    path: str
    """With parameters in braces: `/decisions/{id}`."""
    handler: Handler | None
    """None for the BentoML API, which is a method of `serving.service.SessionTrust`."""
    scope: ApiScope | None
    """The scope a key must have; None when no key is needed."""
    tag: str
    summary: str
    description: str
    response: ResponseBody
    request: RequestBody | None = None
    query: tuple[QueryParameter, ...] = ()
    problems: tuple[int, ...] = ()
    """Statuses of problems it answers with, beside those of every route with a key or a body."""


class RouteTable:
    """Finds the routes of a path."""

    def __init__(self, routes: Sequence[RouteSpec]) -> None:
        self.routes = tuple(routes)
        self._exact: dict[str, list[RouteSpec]] = defaultdict(list)
        self._patterns: dict[re.Pattern[str], list[RouteSpec]] = defaultdict(list)
        for route in routes:
            if "{" in route.path:
                self._patterns[compile_path(route.path)[0]].append(route)
            else:
                self._exact[route.path].append(route)
        self._sections = {_section(route.path) for route in routes}

    def at(self, path: str) -> Sequence[RouteSpec]:
        """The routes of a path, one for each method; none when there is nothing there.

        A trailing slash finds the path without it: the middleware redirects there.
        """
        found = self._at(path)
        if not found and path.endswith("/"):
            found = [route for route in self._at(path[:-1]) if route.handler]
        return found

    def section(self, path: str) -> str:
        """The first segment of a known path, `other` for an unknown one: a label of bounded variety for metrics."""
        section = _section(path)
        return section if section in self._sections else "other"

    def _at(self, path: str) -> Sequence[RouteSpec]:
        if path in self._exact:
            return self._exact[path]
        return next((routes for pattern, routes in self._patterns.items() if pattern.match(path)), [])


def _section(path: str) -> str:
    return "/" + path.removeprefix("/").partition("/")[0]
