"""The door: who calls, whether the key is good for the route, and whether the body can be looked at at all.

It stands before BentoML and before our own routes. BentoML's APIs leave what went wrong in the Exchange, since its own
errors have another shape; here it becomes a problem.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.api.problems import MEDIA_TYPE, Problem, about_fields
from serving.errors import StoreUnavailable
from serving.metrics import ANSWERS
from serving.store.api_keys import Caller

log = logging.getLogger(__name__)

KIB = 1024
MIB = 1024 * KIB
COOKIE = "session_trust_key"
"""The cookie that holds a key for the investigator's pages; set by the log-in form only."""
OPEN = ("/livez", "/readyz", "/.well-known/", "/investigate/login")
SCOPE_OF = (
    ("/score", "score", MIB),
    ("/events", "events", 8 * MIB),
    ("/step-ups", "assure", MIB),
    ("/revocations", "investigate", MIB),
    ("/decisions", "investigate", 16 * KIB),
    ("/feedback", "investigate", 0),
    ("/findings", "investigate", 0),
    ("/investigate", "investigate", 16 * KIB),
    ("/metrics", "admin", 0),
    ("/policy", "investigate", 0),
    ("/model", "investigate", 0),
    ("/docs.json", "score", 0),
)
"""By the beginning of the path: the scope its key must have, and how many bytes it may bring."""
FORM = "application/x-www-form-urlencoded"
BENTO = ("/score", "/events")


@dataclass
class Exchange:
    """One request on its way through: who calls, and what is to be answered instead of BentoML's answer."""

    caller: Caller
    query: dict[str, str]
    problem: Problem | None = None

    def fail(self, problem: Problem, error: Exception) -> None:
        """Leave a problem; what is our own mistake is logged with its trace."""
        self.problem = problem
        if problem.status == 500:
            log.error("unexpected", exc_info=error)


current: ContextVar[Exchange] = ContextVar("exchange")


class Edge:
    """ASGI middleware around BentoML's application; `ours` answers everything that is not one of its APIs."""

    def __init__(self, app: ASGIApp, *, ours: ASGIApp, authenticate: Callable[[str | None], Caller | None]) -> None:
        self.bento = app
        self.ours = ours
        self.authenticate = authenticate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.bento(scope, receive, send)
            return
        counted = _counting(scope, send)
        try:
            await self._admitted(scope, receive, counted)
        except Problem as problem:
            await _refuse(scope, problem, counted)

    async def _admitted(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path.startswith(OPEN):
            await self.ours(scope, receive, send)
            return
        needed, limit = next(
            ((s, n) for start, s, n in SCOPE_OF if path == start or path.startswith(start + "/")), ("", 0)
        )
        caller = await self._caller(scope)
        if not needed:
            raise Problem(404, f"there is nothing at {path}.")
        if needed not in caller.scopes:
            raise Problem(403, f"{path} needs a key of scope {needed}; this one has {' '.join(sorted(caller.scopes))}.")
        body = await _body(scope, receive, limit)
        exchange = Exchange(caller, dict(parse_qsl(scope["query_string"].decode("latin-1"))))
        current.set(exchange)
        if path not in BENTO:
            await self.ours(scope, _replayed(body), send)
            return
        if scope["method"] != "POST":
            raise Problem(405, f"{path} takes POST.")
        await self._ask_bento(scope, body, exchange, send)

    async def _caller(self, scope: Scope) -> Caller:
        try:
            caller = await run_in_threadpool(self.authenticate, _credentials(scope))
        except StoreUnavailable as error:
            raise Problem(503, str(error)) from error
        if caller is None:
            raise Problem(401, "send a key that is in force as `Authorization: Bearer …`.")
        return caller

    async def _ask_bento(self, scope: Scope, body: bytes, exchange: Exchange, send: Send) -> None:
        """Let BentoML answer, and turn what is no 200 into a problem."""
        start: Message = {}
        parts: list[bytes] = []

        async def collect(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                parts.append(message.get("body", b""))

        await self.bento(scope, _replayed(body), collect)
        answer = b"".join(parts)
        if exchange.problem is not None:
            raise exchange.problem
        if start["status"] != 200:
            raise _problem_in(start["status"], answer)
        await send(start)
        await send({"type": "http.response.body", "body": answer})


def _credentials(scope: Scope) -> str | None:
    """The Authorization header, or for the pages the cookie of the log-in form."""
    headers = Headers(scope=scope)
    if "authorization" in headers or not scope["path"].startswith("/investigate"):
        return headers.get("authorization")
    cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    return f"Bearer {cookie.value}" if cookie else None


async def _body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """The whole body, if it is JSON by its header (of a page, a form) and not too long; raises Problem otherwise."""
    if scope["method"] not in ("POST", "PUT", "PATCH"):
        return b""
    media = Headers(scope=scope).get("content-type", "").partition(";")[0].strip().lower()
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > limit:
            raise Problem(413, f"the body may have {limit:,} bytes at most.")
    wanted = FORM if scope["path"].startswith("/investigate/") else "application/json"
    if media != wanted:
        raise Problem(415, f"send {wanted}, not {media or 'a body without a type'}.")
    if wanted != FORM:
        _require_json(body)
    return body


def _require_json(body: bytes) -> None:
    """Refuse what is no JSON, NaN and Infinity among it, and a member given twice."""
    try:
        json.loads(body, parse_constant=_no_constant, object_pairs_hook=_no_twins)
    except (ValueError, RecursionError) as error:
        raise Problem(400, f"body: is not JSON: {error}", (("body", f"is not JSON: {error}"),)) from error


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member is given twice in one object")
    return found


def _replayed(body: bytes) -> Receive:
    sent = False

    async def receive() -> Message:
        nonlocal sent
        if sent:
            return {"type": "http.disconnect"}
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _problem_in(status: int, answer: bytes) -> Problem:
    """BentoML's own refusal, in our shape."""
    try:
        detail = json.loads(answer)["detail"]
        return about_fields(detail)
    except (ValueError, KeyError, TypeError):
        log.error("BentoML answered %s: %s", status, answer[:500])
        return Problem(500, "See the server's log.")


async def _refuse(scope: Scope, problem: Problem, send: Send) -> None:
    path = scope["path"]
    if problem.status == 401 and path.startswith("/investigate"):
        await send({"type": "http.response.start", "status": 303, "headers": [(b"location", b"/investigate/login")]})
        await send({"type": "http.response.body", "body": b""})
        return
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"cache-control", b"no-store")]
    if problem.status == 401:
        headers.append((b"www-authenticate", b'Bearer realm="session-trust"'))
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(problem.wire()).encode()})


def _counting(scope: Scope, send: Send) -> Send:
    route = "/" + scope["path"].split("/")[1]
    known = route if any(route == start for start, *_ in SCOPE_OF) or route in OPEN else "other"

    async def counted(message: Message) -> None:
        if message["type"] == "http.response.start":
            ANSWERS.labels(known, message["status"]).inc()
        await send(message)

    return counted
