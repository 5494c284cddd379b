"""`GET /docs`: the API in a browser, by the Swagger UI of the package `swagger-ui-bundle`. Nothing is loaded from
outside, and the page needs no key: an API description is no secret."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from serving.api.openapi import openapi_document
from serving.api.problems import Problem

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>session-trust API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" href="/docs/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
_START = """\
// The bundled Swagger UI reads OpenAPI 3.0. Of 3.1 this document uses nothing that it cannot show.
fetch("/docs.json").then((response) => response.json()).then((document) => {
  SwaggerUIBundle({
    spec: {...document, openapi: "3.0.3"},
    dom_id: "#swagger-ui",
    deepLinking: true,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    validatorUrl: null,
  });
});
"""
_FILES = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "favicon-32x32.png": "image/png",
}
"""What the page needs of the package, by media type."""
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


async def redirect_to_documentation(request: Request) -> Response:
    """GET /."""
    return RedirectResponse("/docs")


async def show_documentation(request: Request) -> Response:
    """GET /docs."""
    return HTMLResponse(_PAGE, headers=_HEADERS)


async def serve_documentation_file(request: Request) -> Response:
    """GET /docs/{file}: the script and style of the page."""
    name = request.path_params["file"]
    if name == "start.js":
        return Response(_START, media_type="text/javascript", headers=_HEADERS)
    if name not in _FILES:
        raise Problem(404, f"There is nothing at {request.url.path}.")
    content = await run_in_threadpool(_swagger_ui_file, name)
    return Response(content, media_type=_FILES[name], headers=_HEADERS)


async def show_openapi(request: Request) -> Response:
    """GET /docs.json."""
    return JSONResponse(await run_in_threadpool(_document, request.app))


def _document(application: Starlette) -> dict[str, Any]:
    """The document of the application's routes, made when it is first asked for."""
    if not hasattr(application.state, "openapi"):
        application.state.openapi = openapi_document(application.state.routes)
    document: dict[str, Any] = application.state.openapi
    return document


@cache
def _swagger_ui_file(name: str) -> bytes:
    import swagger_ui_bundle  # type: ignore[import-untyped]  # it ships none; and only this page needs it

    return Path(swagger_ui_bundle.swagger_ui_path, name).read_bytes()
