"""One OpenAPI document of all routes, made from the models that validate and answer them."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic.json_schema import models_json_schema

from features.event.schema import Event
from serving.api.problems import TITLES
from serving.contracts.requests import (
    FeedbackRequest,
    IngestAnswer,
    RevocationRequest,
    ScoreAnswer,
    ScoreRequest,
    StepUpRequest,
)

_REF = "#/components/schemas/{model}"


@cache
def document() -> dict[str, Any]:
    """The document, OpenAPI 3.1."""
    models = (ScoreRequest, ScoreAnswer, IngestAnswer, StepUpRequest, RevocationRequest, FeedbackRequest, Event)
    _, schemas = models_json_schema([(model, "validation") for model in models], ref_template=_REF)
    problem = {"type": "object", "properties": {n: {} for n in ("type", "title", "status", "detail", "errors")}}
    events = {"type": "array", "items": {"$ref": _REF.format(model="Event")}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "session-trust",
            "version": "0.1.0",
            "description": "Anything but a 200 from /score means deny.",
        },
        "security": [{"key": []}],
        "paths": {
            "/score": {"post": _call("Decide one request", "ScoreRequest", "ScoreAnswer")},
            "/events": {"post": _call("Ship events or native records (?source=cloudtrail)", events, "IngestAnswer")},
            "/step-ups": {"post": _call("Report what became of a challenge", "StepUpRequest")},
            "/revocations": {"post": _call("Deny a session or an identity from now on", "RevocationRequest")},
            "/decisions": {"get": _call("Search decisions by identity, session, ruling, space")},
            "/decisions/{id}": {"get": _call("One decision, whole") | {"parameters": [_ID]}},
            "/decisions/{id}/feedback": {
                "post": _call("Say whose request a decision was about", "FeedbackRequest") | {"parameters": [_ID]}
            },
            "/feedback": {"get": _call("The current verdicts, as JSON Lines that training reads")},
            "/findings": {"get": _call("Rules that ask too often, and faults that no proof ends")},
            "/policy": {"get": _call("The policy in force")},
            "/model": {"get": _call("The model in force")},
            "/metrics": {"get": _call("Prometheus metrics")},
            "/livez": {"get": _call("Whether the process answers") | {"security": []}},
            "/readyz": {"get": _call("Whether the champion is loaded") | {"security": []}},
        },
        "components": {
            "schemas": schemas["$defs"] | {"Problem": problem},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}


def _call(summary: str, body: str | dict[str, Any] | None = None, answer: str | None = None) -> dict[str, Any]:
    schema = {"$ref": _REF.format(model=body)} if isinstance(body, str) else body
    content = {"application/json": {"schema": {"$ref": _REF.format(model=answer)} if answer else {}}}
    problem = {"application/problem+json": {"schema": {"$ref": _REF.format(model="Problem")}}}
    refusals = {str(status): {"description": title, "content": problem} for status, title in TITLES.items()}
    asked = {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}} if schema else {}
    return {"summary": summary, **asked, "responses": {"200": {"description": "Done", "content": content}, **refusals}}
