"""What every request passes first: well-formed HTTP, authentication, scope and body limit, by the route table.

This ASGI middleware stands around BentoML's application. BentoML serves `/score`; every other route is served by our
Starlette application.
"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.api.admission.answer import Answer
from serving.api.admission.well_formed import query_parameters, require_known_parameters, require_well_formed
from serving.api.authentication import (
    ANONYMOUS,
    PAGES,
    SIGN_IN,
    RequestContext,
    authenticate_request,
    current_request,
    require_scope,
)
from serving.api.browser.sessions import BrowserSession
from serving.api.problems import Problem, problem_from, problem_from_bentoml
from serving.api.request_body import as_receive, read_body
from serving.api.route_spec import RouteSpec, RouteTable
from serving.store.api_keys import Caller


class ApiMiddleware:
    """Admits requests by the route table and hands them to BentoML or to `application`.

    `application.state.engine` must be set before the first request.
    """

    def __init__(self, bentoml: ASGIApp, *, application: Starlette, table: RouteTable) -> None:
        self.bentoml = bentoml
        self.application = application
        self.table = table

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; whatever is refused or fails on the way becomes a problem, and nothing leaves here
        unanswered."""
        if scope["type"] == "lifespan":
            await self.bentoml(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1000})
            return
        answer = Answer(self.table.section(scope["path"]), send)
        try:
            require_well_formed(scope)
            route, caller, session = await self._admit(scope)
            await self._serve(route, caller, session, scope, receive, answer.send)
        except Exception as error:
            if answer.begun:
                raise
            await _refusal(scope, problem_from(error))(scope, receive, answer.send)

    async def _admit(self, scope: Scope) -> tuple[RouteSpec, Caller, BrowserSession | None]:
        """The route and the caller of a request. Raises Problem 401, 429, 403, 404, 405 or 400, in this order."""
        path, method = scope["path"], "GET" if scope["method"] == "HEAD" else scope["method"]
        routes = self.table.at(path)
        match = next((route for route in routes if route.method == method), None)
        nearest = match or next(iter(routes), None)
        caller, session = ANONYMOUS, None
        if nearest is None or nearest.scope is not None:
            caller, session = await authenticate_request(self.application, scope)
        if nearest is None:
            raise Problem(404, f"There is nothing at {path}.")
        require_scope(nearest, caller)
        if match is None:
            methods = tuple(route.method for route in routes)
            raise Problem(405, f"{path} takes {' and '.join(methods)}.", allowed=methods)
        require_known_parameters(match, query_parameters(scope))
        return match, caller, session

    async def _serve(
        self,
        route: RouteSpec,
        caller: Caller,
        session: BrowserSession | None,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        body = await read_body(route.request, scope, receive, with_key=route.scope is not None)
        context = RequestContext(caller, query_parameters(scope), session)
        current_request.set(context)
        if scope["path"] != "/" and scope["path"].endswith("/"):
            await _without_slash(scope)(scope, as_receive(body), send)
        elif route.handler is None:
            await self._serve_bentoml(context, scope, as_receive(body), send)
        else:
            await self.application(scope, as_receive(body), send)

    async def _serve_bentoml(self, context: RequestContext, scope: Scope, receive: Receive, send: Send) -> None:
        """Let BentoML answer, and turn whatever is not a 200 into a problem."""
        start: Message = {}
        parts: list[bytes] = []

        async def collect(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                parts.append(message.get("body", b""))

        await self.bentoml(scope, receive, collect)
        body = b"".join(parts)
        if context.problem is not None:
            raise context.problem
        if start["status"] != 200:
            raise problem_from_bentoml(start["status"], body)
        await send(start)
        await send({"type": "http.response.body", "body": body})


def _refusal(scope: Scope, problem: Problem) -> ASGIApp:
    """The response to a refused request; a browser without a key is sent to the sign-in form."""
    if problem.status == 401 and scope["path"].startswith(PAGES):
        return RedirectResponse(SIGN_IN, 303)
    return problem.response()


def _without_slash(scope: Scope) -> ASGIApp:
    """A redirect to the path without its last slash. It names no host: the one in the request may be anyone's."""
    query = f"?{scope['query_string'].decode('ascii')}" if scope["query_string"] else ""
    return RedirectResponse(scope["raw_path"].decode("ascii")[:-1] + query, 307)
