"""Who sends a request: the key in the Authorization header or, for the investigator's pages, the session in a cookie.

Handlers find the caller in `current_request`, a context variable: BentoML runs its APIs in a thread and hands them the
parsed body only.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import Scope

from serving.api.admission.well_formed import cookies
from serving.api.browser.sessions import BrowserSession, session_caller
from serving.api.problems import Problem
from serving.api.route_spec import RouteSpec
from serving.store.api_keys import Caller, authenticate

COOKIE = "session_trust_session"
"""The cookie that holds the token of whoever signed in to the investigator's pages."""
PAGES = "/investigate"
SIGN_IN = "/investigate/login"
ANONYMOUS = Caller("anonymous", frozenset())
"""The caller of a route that needs no key."""


@dataclass
class RequestContext:
    """The request that is being served, once it has been admitted."""

    caller: Caller
    query: dict[str, str]
    session: BrowserSession | None = None
    """The session of the pages, when the request was admitted by its cookie."""
    problem: Problem | None = None
    """What to answer in place of BentoML's response."""


current_request: ContextVar[RequestContext] = ContextVar("current_request")


async def authenticate_request(application: Starlette, scope: Scope) -> tuple[Caller, BrowserSession | None]:
    """The caller whose key the request carries or, for the pages alone, whose session.

    Raises Problem 401 when there is neither, and 429 for one wrong key too many.
    """
    state, header = application.state, Headers(scope=scope).get("authorization")
    if header is not None:
        caller = await run_in_threadpool(authenticate, state.engine.store, header)
        if caller is None:
            state.failed_attempts.refuse(scope, "key")
            raise _unauthorized()
        return caller, None
    token = cookies(scope).get(COOKIE) if scope["path"].startswith(PAGES) else None
    session = state.sessions.read(token) if token else None
    caller = await run_in_threadpool(session_caller, state.engine.store, session) if session else None
    if caller is None:
        raise _unauthorized()
    return caller, session


def _unauthorized() -> Problem:
    return Problem(401, "Send a valid key as `Authorization: Bearer …`.")


def require_scope(route: RouteSpec, caller: Caller) -> None:
    """Raises Problem 403 unless the caller's key has the scope the route needs."""
    if route.scope is not None and route.scope not in caller.scopes:
        granted = " ".join(sorted(caller.scopes))
        raise Problem(403, f"{route.path} needs a key of scope {route.scope}; this key has {granted}.")
