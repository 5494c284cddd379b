"""The OpenAPI document, made from the route table and the models that validate and describe the wire."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from serving.api.authentication import PAGES, SIGN_IN
from serving.api.problems import MEDIA_TYPE, TITLES, Problem
from serving.api.route_spec import RequestBody, RouteSpec
from serving.contracts.responses import ProblemDetails

API_VERSION = "0.2.0"
"""The project's version; a test compares it with pyproject.toml."""
_SCHEMA = "#/components/schemas/{model}"
_DESCRIPTION = """\
Decides whether a session that began safely may still be trusted, asks for fresh proof when it may not, and says why.

Send a key as `Authorization: Bearer …`. Each operation names the scope its key needs: `score` (ask for decisions),
`events` (ship logs), `assure` (assert proof), `investigate` (read decisions, give verdicts, revoke), `admin` (metrics).

Anything but a 200 response from `POST /score` means deny. Errors are RFC 9457 problems.
"""
_PROBLEMS = {
    400: ("The request or a field of it is malformed. `errors` names each.", "event.time: must have an offset"),
    401: ("The request carries no valid key.", "Send a valid key as `Authorization: Bearer …`."),
    403: ("The key lacks the scope that is needed.", "/score needs a key of scope score; this key has events."),
    404: ("There is no decision with this id, or it was erased.", "There is no decision 01KM2E, or it was erased."),
    408: ("The body did not arrive in time.", "The body did not arrive within 20 s."),
    409: ("The request contradicts what is recorded.", "Event 'e1' was sent before with other content."),
    413: ("The body is too large.", "The body may have 1,048,576 bytes at most."),
    415: ("The body has another media type than the operation takes.", "Send application/json, not text/plain."),
    429: ("Too many wrong keys came from this address.", "Too many wrong keys came from your address: wait 42 s."),
    500: ("The server failed. Nothing was decided or written.", "The error is in the server's log."),
    503: ("The service cannot do this now. Nothing was decided or written.", "the database failed: disk is full"),
}
"""What each problem means to a caller, and an example of its detail."""
NO_CONTROLS = r"^[^\u0000-\u001f\u007f]*$"
"""What paths and queries may hold."""
_PATH_PARAMETERS = {"id": "The decision's id.", "file": "The name of the file."}


def openapi_document(routes: Sequence[RouteSpec]) -> dict[str, Any]:
    """The document of a route table, OpenAPI 3.1."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "session-trust", "version": API_VERSION, "description": _DESCRIPTION},
        "tags": [{"name": tag} for tag in dict.fromkeys(route.tag for route in routes)],
        "paths": paths,
        "components": {
            "schemas": _schemas(routes),
            "responses": {_problem_name(status): _problem(status) for status in _PROBLEMS},
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A key made by `session-trust keys create`. The first is in the home folder.",
                }
            },
        },
    }


def _operation(route: RouteSpec) -> dict[str, Any]:
    needs = f"Needs a key of scope `{route.scope}`." if route.scope else "Needs no key."
    operation: dict[str, Any] = {
        "operationId": re.sub(r"\W+", "_", f"{route.method.lower()}{route.path}").strip("_"),
        "tags": [route.tag],
        "summary": route.summary,
        "description": f"{route.description}\n\n{needs}",
        "security": [{"key": [route.scope]}] if route.scope else [],
        "responses": _responses(route),
    }
    if parameters := _parameters(route):
        operation["parameters"] = parameters
    if route.request is not None:
        content = _content(route.request.media_type, route.request.model, route.request.example)
        content |= {media_type: _other_form(media_type, route.request) for media_type in route.request.also_takes}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _parameters(route: RouteSpec) -> list[dict[str, Any]]:
    text = {"type": "string", "pattern": NO_CONTROLS}
    return [
        *(
            {"name": name, "in": "path", "required": True, "description": _PATH_PARAMETERS[name], "schema": text}
            for name in re.findall(r"{(\w+)}", route.path)
        ),
        *(
            {
                "name": parameter.name,
                "in": "query",
                "required": False,
                "description": parameter.description,
                "schema": {"type": "string", "enum": list(parameter.values)} if parameter.values else text,
                "example": parameter.example,
            }
            for parameter in route.query
        ),
    ]


def _responses(route: RouteSpec) -> dict[str, Any]:
    response = route.response
    success: dict[str, Any] = {"description": response.description}
    if response.media_type is not None:
        success["content"] = _content(response.media_type, response.model, response.example)
    responses = {str(response.status): success}
    for status in _problem_statuses(route):
        responses[str(status)] = {"$ref": f"#/components/responses/{_problem_name(status)}"}
    if route.scope and route.path.startswith(PAGES):
        to_sign_in = responses.pop("401") and {"description": f"Without a valid key: a redirect to {SIGN_IN}."}
        responses.setdefault("303", to_sign_in)
    return responses


def _problem_statuses(route: RouteSpec) -> list[int]:
    """The problems any route of this shape answers with, and those the route names itself."""
    statuses = {400, 413, 500, *route.problems}
    if route.scope:
        statuses |= {401, 403, 429, 503}
    if route.request:
        statuses |= {408, 415}
    return sorted(statuses)


def _content(media_type: str, model: type[BaseModel] | None, example: Any) -> dict[str, Any]:
    schema = {"$ref": _SCHEMA.format(model=model.__name__)} if model else {"type": "string"}
    return {media_type: {"schema": schema} | ({} if example is None else {"example": example})}


def _other_form(media_type: str, request: RequestBody) -> dict[str, Any]:
    """The same content as text, one record a line, or compressed."""
    if media_type.endswith("json"):
        lines = "".join(json.dumps(record) + "\n" for record in request.example)
        return {"schema": {"type": "string"}, "example": lines}
    return {"schema": {"type": "string", "format": "binary"}}


def _problem_name(status: int) -> str:
    return TITLES[status].replace(" ", "")


def _problem(status: int) -> dict[str, Any]:
    meaning, detail = _PROBLEMS[status]
    fields = (("event.time", "must have an offset"),) if status == 400 else ()
    return {
        "description": meaning,
        "content": _content(MEDIA_TYPE, ProblemDetails, Problem(status, detail, fields).body()),
    }


def _schemas(routes: Iterable[RouteSpec]) -> dict[str, Any]:
    models: set[type[BaseModel]] = {ProblemDetails}
    for route in routes:
        bodies = (route.request.model if route.request else None, route.response.model)
        models |= {model for model in bodies if model is not None}
    ordered = sorted(models, key=lambda model: model.__name__)
    _, schemas = models_json_schema([(model, "validation") for model in ordered], ref_template=_SCHEMA)
    definitions: dict[str, Any] = schemas["$defs"]
    return definitions
