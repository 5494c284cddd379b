"""The OpenAPI document: everything is described and has an example, and real responses are as it says."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import jsonschema
import pytest
from support.live_server import ROOT, Server, an_event
from support.step_ups import moved_session, report_completed

from serving.api.openapi import API_VERSION, openapi_document
from serving.api.problems import TITLES
from serving.api.route_spec import RouteSpec
from serving.api.routes import ROUTES
from serving.contracts.decision import ScoreResponse

DOCUMENT = openapi_document(ROUTES)
SCHEMAS = DOCUMENT["components"]["schemas"]


OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}
every_operation = pytest.mark.parametrize("operation", list(OPERATIONS.values()), ids=list(OPERATIONS))


def schema_of(name: str) -> dict[str, Any]:
    """A component as a schema of its own."""
    return {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}


def validate(name: str, value: Any) -> None:
    """Raises jsonschema's ValidationError unless a value is as a component says."""
    jsonschema.Draft202012Validator(schema_of(name)).validate(value)


def description(schema: dict[str, Any]) -> str | None:
    """Its own description or, where it only refers to a component, the component's."""
    if "$ref" in schema and "description" not in schema:
        return description(SCHEMAS[schema["$ref"].rpartition("/")[2]])
    text: str | None = schema.get("description")
    return text


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_schema_and_every_field_is_described(name: str) -> None:
    """A reader needs nothing but the document."""
    fields = SCHEMAS[name].get("properties", {})

    assert description(SCHEMAS[name])
    assert [field for field, schema in fields.items() if not description(schema)] == []


@every_operation
def test_every_operation_is_described(operation: dict[str, Any]) -> None:
    """By a summary, a description that names the scope, a security requirement, and what it answers."""
    scopes = [scope for requirement in operation["security"] for scope in requirement["key"]]

    assert operation["summary"]
    assert (f"`{scopes[0]}`" if scopes else "Needs no key.") in operation["description"]
    assert all("$ref" in response or response["description"] for response in operation["responses"].values())
    assert all(parameter["description"] for parameter in operation.get("parameters", ()))


@every_operation
def test_every_json_body_has_an_example(operation: dict[str, Any]) -> None:
    """Of requests and of successful responses; the document itself is its own example."""
    bodies = [operation.get("requestBody", {"content": {}}), operation["responses"].get("200", {"content": {}})]
    contents = [content for body in bodies for kind, content in body["content"].items() if kind.endswith("json")]
    without = [each["schema"] for each in contents if "example" not in each]

    assert without in ([], [{"$ref": "#/components/schemas/OpenApiDocument"}])


def test_operations_have_ids_of_their_own() -> None:
    """Client generators name functions by them."""
    ids = [operation["operationId"] for operation in OPERATIONS.values()]

    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_example_is_valid(route: RouteSpec) -> None:
    """By the model it is an example of."""
    for body in (route.request, route.response):
        if body is not None and body.model is not None and body.example is not None:
            body.model.model_validate_json(json.dumps(body.example))


def test_the_document_names_this_version() -> None:
    """The one in pyproject.toml."""
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == API_VERSION


def test_every_problem_is_described() -> None:
    """Whatever status an operation names; a 405 belongs to no operation."""
    described = {schema["content"]["application/problem+json"]["example"]["status"] for schema in problem_responses()}

    assert described == set(TITLES) - {405}


def problem_responses() -> list[dict[str, Any]]:
    responses: dict[str, dict[str, Any]] = DOCUMENT["components"]["responses"]
    return list(responses.values())


EVENTS: dict[str, dict[str, Any]] = {
    "an allow": {},
    "a floor": {"category": "manage_access"},
    "a machine": {"category": "manage_access", "identity": {"type": "workload"}},
    "an agent's payment": {"category": "approve_payment", "identity": {"type": "agent"}},
    "an exposed credential": {"credential": {"exposed": True}},
}


@pytest.mark.parametrize("name", EVENTS)
def test_a_decision_is_as_the_document_says(small: Server, name: str) -> None:
    """By the JSON schema, and by the model with no member unknown or lost."""
    decision = small.score(an_event(f"schema {name}", **EVENTS[name]))

    validate("ScoreResponse", decision)
    assert ScoreResponse.model_validate(decision).model_dump(exclude_unset=True) == decision


def test_a_denial_and_a_replay_are_as_the_document_says(small: Server) -> None:
    """Other parts of a decision are null then."""
    small.post("/revocations", {"identity": "schema revoked", "reason": "test"})
    denied = small.score(an_event("schema revoked"))
    replayed = small.score(an_event("schema replayed", time="2026-03-02T09:00:00Z"), mode="replay")

    assert (denied["ruling"], replayed["enforceable"]) == ("deny", False)
    validate("ScoreResponse", denied)
    validate("ScoreResponse", replayed)


def test_reports_are_answered_as_the_document_says(small: Server) -> None:
    """Step-ups, revocations, verdicts and shipped events."""
    _, challenge = moved_session(small, "schema reports")
    verdict = {"verdict": "owner"}

    validate("StepUpResponse", report_completed(small, challenge, "schema reports")[1])
    validate("RevocationResponse", small.post("/revocations", {"identity": "schema gone", "reason": "test"})[1])
    validate("FeedbackResponse", small.post(f"/decisions/{challenge['decision_id']}/feedback", verdict)[1])
    validate("IngestResponse", small.post("/events", [an_event("schema shipped")])[1])


READ = {
    "/decisions": "DecisionListResponse",
    "/findings": "FindingsResponse",
    "/policy": "PolicyResponse",
    "/model": "ModelResponse",
    "/readyz": "ReadyResponse",
    "/docs.json": "OpenApiDocument",
}


@pytest.mark.parametrize("path", READ)
def test_what_is_read_is_as_the_document_says(small: Server, path: str) -> None:
    """Every route that answers with JSON."""
    for _ in range(7):  # enough to be asked too often: a finding
        small.score(an_event("schema findings", category="rotate_secret", identity={"type": "workload"}))

    validate(READ[path], small.get(path))


def test_a_recorded_decision_is_as_the_document_says(small: Server) -> None:
    """With the event and the features it was made from."""
    decision = small.score(an_event("schema record", category="export"))

    validate("DecisionRecordResponse", small.get(f"/decisions/{decision['decision_id']}"))


def test_exported_verdicts_are_as_the_document_says(small: Server) -> None:
    """Line by line."""
    decision = small.score(an_event("schema export", id="schema-export"))
    small.post(f"/decisions/{decision['decision_id']}/feedback", {"verdict": "unsure"})
    lines = small.request("GET", "/feedback").text.splitlines()

    assert lines
    for line in lines:
        validate("ExportedVerdict", json.loads(line))


@pytest.mark.parametrize("status, method, path", [(400, "GET", "/decisions?x=1"), (404, "GET", "/decisions/x")])
def test_a_problem_is_as_the_document_says(small: Server, status: int, method: str, path: str) -> None:
    """With its fields, where fields are wrong."""
    response = small.request(method, path)

    assert response.status_code == status
    validate("ProblemDetails", response.json())
