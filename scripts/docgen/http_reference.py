"""`docs/reference/http-api.md`: every route, field and refusal, from the OpenAPI document and the recorded calls."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from scripts.docgen.http_examples import Recorded
from scripts.docgen.markdown import fenced, table
from scripts.docgen.policy_reference import type_in_words
from serving.api.openapi import openapi_document
from serving.api.routes import ROUTES

Schema = Mapping[str, Any]
LIMITS = {(str(route.method), route.path): route.request.limit for route in ROUTES if route.request}
"""How many bytes the body of a route may have."""


@cache
def document() -> Schema:
    """The OpenAPI document that the service answers with."""
    return openapi_document(ROUTES)


def routes(recorded: list[Recorded]) -> str:
    """Every route with its scope, its body, its answer and the recorded calls, in the order of the OpenAPI document."""
    openapi = document()
    blocks = []
    for path, operations in openapi["paths"].items():
        for method, operation in operations.items():
            route = f"{method.upper()} {path}"
            calls = [each for each in recorded if each.route == route]
            blocks.append(_route(route, operation, calls, openapi))
    return "\n\n".join(blocks)


def problems(recorded: list[Recorded]) -> str:
    """Every status that a refusal may have, and what some look like."""
    openapi = document()
    statuses: dict[str, str] = {}
    for operations in openapi["paths"].values():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                if "$ref" in response:
                    statuses[status] = response["$ref"].rpartition("/")[2]
    rows = [(f"`{status}`", *_problem(openapi["components"]["responses"][name])) for status, name in statuses.items()]
    overview = table(("status", "title", "means"), sorted(rows))
    calls = [_call(each) for each in recorded if each.route == "problem"]
    return "\n\n".join([overview, *calls])


def _problem(response: Schema) -> tuple[str, str]:
    content = next(iter(response["content"].values()))
    return content["example"]["title"], response["description"]


def schemas() -> str:
    """Every model that is sent or answered, with every field."""
    defs: Schema = document()["components"]["schemas"]
    blocks = []
    for name in _documented(defs):
        rows = [(f"`{path}`", kind, note) for path, kind, note in fields(name, defs)]
        description = " ".join(str(defs[name].get("description", "")).partition("\n\n")[0].split())
        blocks.append(f"### {name}\n\n{description}\n\n{table(('field', 'type', 'meaning'), rows)}")
    return "\n\n".join(blocks)


def all_fields() -> list[tuple[str, str, str]]:
    """Path, type and meaning of every field of every model."""
    defs: Schema = document()["components"]["schemas"]
    return [(f"{name}.{path}", kind, note) for name in _documented(defs) for path, kind, note in fields(name, defs)]


def _documented(defs: Schema) -> list[str]:
    return [name for name, model in defs.items() if name not in _NESTED_IN_EVENT and model.get("properties")]


_NESTED_IN_EVENT = (
    "Identity",
    "Session",
    "Action",
    "Resource",
    "Network",
    "Device",
    "Authentication",
    "Credential",
)
"""Groups of an event: their fields stand in the event's own table."""


def fields(name: str, defs: Schema) -> Iterator[tuple[str, str, str]]:
    """Path, type and meaning of every field of a model; an event's groups are shown in place."""
    model = defs[name]
    required = model.get("required", ())
    for field, node in model.get("properties", {}).items():
        target = _target(node)
        if name == "Event" and target in _NESTED_IN_EVENT:
            for inner, kind, note in fields(target, defs):
                yield f"{field}.{inner}", kind, note
            continue
        kind = _type(node, defs)
        optional = "" if field in required else ", optional"
        inherited = " ".join(str(defs.get(target, {}).get("description", "")).partition("\n\n")[0].split())
        yield (
            field,
            (kind.removesuffix(" or null") if optional else kind) + optional,
            node.get("description", inherited),
        )


def _target(node: Schema) -> str:
    reference = node.get("$ref") or next((each["$ref"] for each in node.get("allOf", ()) if "$ref" in each), "")
    return str(reference).rpartition("/")[2]


def _type(node: Schema, defs: Schema) -> str:
    """A type with models as links to their tables."""
    target = _target(node)
    if target:
        known = target not in _NESTED_IN_EVENT and defs[target].get("properties")
        return f"[{target}](#{target.lower()})" if known else type_in_words(defs[target], defs)
    if node.get("type") == "array" and "items" in node:
        return f"list of {_type(node['items'], defs)}"
    if "anyOf" in node:
        options = [option for option in node["anyOf"] if option.get("type") != "null"]
        words = " or ".join(_type(option, defs) for option in options)
        return words + (" or null" if len(options) < len(node["anyOf"]) else "")
    return type_in_words(node, defs)


def _route(route: str, operation: Schema, calls: list[Recorded], openapi: Schema) -> str:
    body = _content(operation.get("requestBody", {}))
    status, success = next(each for each in operation["responses"].items() if "$ref" not in each[1])
    answer = _content(success)
    limit = LIMITS.get((route.partition(" ")[0], route.partition(" ")[2]))
    facts = [
        ("key", _scope(operation)),
        *([("parameters", _parameters(operation))] if operation.get("parameters") else []),
        *([("body", f"{_linked(body, openapi)}, {limit:,} bytes at most")] if body else []),
        ("answer", f"{status}: {_linked(answer, openapi) if '$ref' in answer else success['description']}"),
        *([("problems", ", ".join(f"`{each}`" for each in operation["responses"] if each > "399"))]),
    ]
    text = " ".join(str(operation.get("description", "")).partition("\n\nNeeds")[0].split())
    return "\n\n".join(
        part
        for part in (
            f"### {route}",
            operation["summary"].rstrip(".") + ".",
            text,
            table(("", ""), facts),
            *map(_call, calls),
        )
        if part
    )


def _scope(operation: Schema) -> str:
    security = operation.get("security")
    if security == []:
        return "none needed"
    scopes = [scope for each in security or () for scopes in each.values() for scope in scopes]
    return "scope " + " or ".join(f"`{scope}`" for scope in scopes) if scopes else "any"


def _parameters(operation: Schema) -> str:
    return "; ".join(
        f"`{each['name']}` ({each['in']}{', required' if each.get('required') else ''}): {each.get('description', '')}"
        for each in operation["parameters"]
    )


def _content(part: Schema) -> Schema:
    content: Mapping[str, Any] = part.get("content", {})
    schema: Schema = next((each.get("schema") or {} for each in content.values()), {})
    return schema


def _linked(schema: Schema, openapi: Schema) -> str:
    return _type(schema, openapi["components"]["schemas"])


def _call(call: Recorded) -> str:
    if call.answer == "":
        return f"**{call.title}** ({call.status}, no body)\n\n{fenced('bash', call.command)}"
    answer = call.answer if isinstance(call.answer, str) else json.dumps(call.answer, indent=1, ensure_ascii=False)
    language = "text" if isinstance(call.answer, str) else "json"
    return f"**{call.title}** ({call.status})\n\n{fenced('bash', call.command)}\n\n{fenced(language, answer)}"
