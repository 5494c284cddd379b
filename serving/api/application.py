"""The Starlette application that serves every route but BentoML's."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from serving.api.admission.failed_attempts import FailedAttempts
from serving.api.browser.sessions import BrowserSessions
from serving.api.problems import Problem, problem_from
from serving.api.route_spec import RouteSpec
from serving.engine.writer import Engine
from serving.errors import ServingError


def create_application(routes: Sequence[RouteSpec], engine: Engine | None = None) -> Starlette:
    """The application for a route table.

    Its handlers find the engine in `application.state.engine`, which must be set before the first request, and the
    table in `application.state.routes`.
    """
    errors = (HTTPException, Problem, ServingError, ValidationError, Exception)
    application = Starlette(
        routes=[Route(route.path, route.handler, methods=[route.method]) for route in routes if route.handler],
        exception_handlers=dict.fromkeys(errors, _problem_response),
    )
    # A path with a slash too many is redirected by the middleware: Starlette would repeat the Host it was sent.
    application.router.redirect_slashes = False
    application.state.engine = engine
    application.state.sessions = BrowserSessions()
    application.state.failed_attempts = FailedAttempts()
    application.state.routes = tuple(routes)
    return application


async def _problem_response(request: Request, error: Exception) -> Response:
    return problem_from(error).response()
