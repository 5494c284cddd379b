"""Who sends a request: the key in the Authorization header or, for the investigator's pages, in a cookie.

Handlers find the caller in `current_request`, a context variable: BentoML runs its APIs in a thread and hands them the
parsed body only.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from http.cookies import SimpleCookie

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import Scope

from serving.api.problems import Problem
from serving.api.route_spec import RouteSpec
from serving.store.api_keys import Caller, authenticate
from serving.store.store import Store

COOKIE = "session_trust_key"
"""The cookie that holds a key for the investigator's pages; only the sign-in form sets it."""
PAGES = "/investigate"
SIGN_IN = "/investigate/login"
ANONYMOUS = Caller("anonymous", frozenset())
"""The caller of a route that needs no key."""


@dataclass
class RequestContext:
    """The request that is being served, once it has been admitted."""

    caller: Caller
    query: dict[str, str]
    problem: Problem | None = None
    """What to answer in place of BentoML's response."""


current_request: ContextVar[RequestContext] = ContextVar("current_request")


async def authenticated_caller(store: Store, scope: Scope) -> Caller:
    """The caller whose key the request carries. Raises Problem 401 when there is no valid key."""
    caller = await run_in_threadpool(authenticate, store, _credentials(scope))
    if caller is None:
        raise Problem(401, "Send a valid key as `Authorization: Bearer …`.")
    return caller


def require_scope(route: RouteSpec, caller: Caller) -> None:
    """Raises Problem 403 unless the caller's key has the scope the route needs."""
    if route.scope is not None and route.scope not in caller.scopes:
        granted = " ".join(sorted(caller.scopes))
        raise Problem(403, f"{route.path} needs a key of scope {route.scope}; this key has {granted}.")


def _credentials(scope: Scope) -> str | None:
    """The Authorization header; without one, for the pages alone, the cookie as such a header."""
    headers = Headers(scope=scope)
    if "authorization" in headers or not scope["path"].startswith(PAGES):
        return headers.get("authorization")
    cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    return f"Bearer {cookie.value}" if cookie else None
