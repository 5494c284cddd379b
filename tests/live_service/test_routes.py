"""The route table: every row is served, described in OpenAPI, and open to its own scope only."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send
from support.engines import engine_without_model
from support.live_server import Server
from support.recorded_decisions import open_store

from serving.api.application import create_application
from serving.api.middleware import ApiMiddleware
from serving.api.openapi import openapi_document
from serving.api.route_spec import RequestBody, ResponseBody, RouteSpec, RouteTable
from serving.api.routes import ROUTES
from serving.contracts.requests import FeedbackRequest
from serving.scopes import SCOPES
from serving.store.api_keys import create_key

NO_KEY = [{}, {"Authorization": "Bearer x.y"}, {"Authorization": "Basic eDp5"}]


def row_name(route: RouteSpec) -> str:
    return f"{route.method} {route.path}"


def address(route: RouteSpec) -> str:
    """A path that the row serves."""
    return route.path.replace("{id}", "x").replace("{file}", "start.js")


every_route = pytest.mark.parametrize("route", ROUTES, ids=row_name)
routes_with_a_key = pytest.mark.parametrize("route", [route for route in ROUTES if route.scope], ids=row_name)
open_routes = pytest.mark.parametrize("route", [route for route in ROUTES if not route.scope], ids=row_name)


@every_route
def test_every_route_is_served(small: Server, route: RouteSpec) -> None:
    """The server knows its path and its method."""
    response = small.request(route.method, address(route))

    assert response.status_code != 405
    assert "There is nothing at" not in response.text


@every_route
def test_every_route_is_in_the_openapi_document(small: Server, route: RouteSpec) -> None:
    """With its summary, its scope, and its body as required."""
    operation = small.get("/docs.json")["paths"][route.path][route.method.lower()]

    assert operation["summary"] == route.summary
    assert operation["security"] == ([{"key": [route.scope]}] if route.scope else [])
    assert operation.get("requestBody", {}).get("required", False) == (route.request is not None)


def test_the_openapi_document_holds_no_other_route(small: Server) -> None:
    """Whatever it describes is a row of the table."""
    paths = small.get("/docs.json")["paths"]
    described = {(method.upper(), path) for path, operations in paths.items() for method in operations}

    assert described == {(route.method, route.path) for route in ROUTES}


def test_bentoml_serves_exactly_the_rows_without_a_handler() -> None:
    """Its APIs are the methods of SessionTrust."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a package that BentoML imports
        from serving.service import SessionTrust
    apis: Any = SessionTrust
    without_handler = {route.path for route in ROUTES if route.handler is None}

    assert {api.route for api in apis.apis.values()} == without_handler


@routes_with_a_key
@pytest.mark.parametrize("headers", NO_KEY, ids=["no header", "unknown key", "Basic"])
def test_a_route_with_a_scope_needs_a_key(small: Server, route: RouteSpec, headers: dict[str, str]) -> None:
    """A 401 that says how to authenticate; a browser on a page is sent to the sign-in form."""
    response = small.client.request(route.method, address(route), headers=headers)
    if route.path.startswith("/investigate"):
        assert (response.status_code, response.headers["location"]) == (303, "/investigate/login")
        return

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == 'Bearer realm="session-trust"'


@routes_with_a_key
def test_a_key_opens_the_routes_of_its_scope_only(small: Server, route: RouteSpec) -> None:
    """Keys of all other scopes together are refused; a key of this scope alone is admitted."""
    others = small.key(*(set(SCOPES) - {route.scope}))
    own = small.key(str(route.scope))
    refused = small.request(route.method, address(route), key=others)
    admitted = small.request(route.method, address(route), key=own)

    assert refused.status_code == 403
    assert admitted.status_code in (200, 404, 415)


@open_routes
def test_an_open_route_needs_no_key(small: Server, route: RouteSpec) -> None:
    """Nor does a wrong one close it."""
    statuses = [small.client.request(route.method, address(route), headers=each).status_code for each in NO_KEY]

    assert len(set(statuses)) == 1
    assert statuses[0] in (200, 307, 415)


async def echo(request: Request) -> Response:
    return JSONResponse(await request.json())


MADE_UP = RouteSpec(
    "POST",
    "/made-up/{id}",
    handler=echo,
    scope="assure",
    tag="Made up",
    summary="Answer with the body",
    description="It exists in this test only.",
    request=RequestBody(FeedbackRequest, 40, {"verdict": "owner"}),
    response=ResponseBody("The body.", FeedbackRequest, {"verdict": "owner"}),
)


async def no_bentoml(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError("a route with a handler must not reach BentoML")


@pytest.fixture
def made_up(tmp_path: Path) -> Iterator[tuple[ApiMiddleware, dict[str, str]]]:
    """A server in this process whose table has one row more, and a key of each scope."""
    table = (*ROUTES, MADE_UP)
    with engine_without_model(open_store(tmp_path), tmp_path) as engine:
        application: Starlette = create_application(table, engine)
        keys = {scope: create_key(engine.store, scope, [scope]) for scope in SCOPES}
        yield ApiMiddleware(no_bentoml, application=application, table=RouteTable(table)), keys


def post(app: ApiMiddleware, path: str, content: bytes, key: str = "") -> httpx.Response:
    """POST JSON to a server in this process."""

    async def send() -> httpx.Response:
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            return await client.post(path, content=content, headers=headers)

    return asyncio.run(send())


def test_a_row_is_all_a_new_route_needs(made_up: tuple[ApiMiddleware, dict[str, str]]) -> None:
    """With the row come the route, its scope and its body limit."""
    app, keys = made_up
    valid = b'{"verdict": "owner"}'
    served = post(app, "/made-up/x", valid, keys["assure"])

    assert served.status_code == 200
    assert served.json() == {"verdict": "owner"}
    assert post(app, "/made-up/x", valid).status_code == 401
    assert post(app, "/made-up/x", valid, keys["score"]).status_code == 403
    assert post(app, "/made-up/x", b" " * 41, keys["assure"]).status_code == 413
    assert post(app, "/made-up/x", b"{", keys["assure"]).status_code == 400


def test_a_row_is_all_the_openapi_document_needs() -> None:
    """With the row come the operation, its parameter and its schemas."""
    document = openapi_document((*ROUTES, MADE_UP))
    operation = document["paths"]["/made-up/{id}"]["post"]

    assert operation["security"] == [{"key": ["assure"]}]
    assert [parameter["name"] for parameter in operation["parameters"]] == ["id"]
    assert set(operation["responses"]) == {
        "200",
        "400",
        "401",
        "403",
        "408",
        "413",
        "415",
        "429",
        "500",
        "503",
    }
