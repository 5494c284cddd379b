"""Agents' tool calls as OpenTelemetry spans: OTLP JSON, one export a line or in a file.

**Identity** is the agent's id, else its name, else the service that runs it: never the model. It acts for the
end user of the span. A tool's call through MCP is often traced twice, as `execute_tool` and as `tools/call` below it:
the inner span is counted and is no event.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from features.event.schema import Event, IdentityType, Outcome
from features.sources.agents.spans import spans_of, statement_of
from features.sources.formats.records import NotAnEvent, Record, RecordForm
from features.sources.log_source import LogSource
from features.sources.mapping.log_map import LogMap, vendor_map
from features.sources.mapping.paths import object_at
from features.sources.mapping.values import text_value


@cache
def _map() -> LogMap:
    return vendor_map(Path(__file__).parent / "tool_calls.yaml")


def event_of(record: Record) -> Event:
    """The Event of one span; raises NotAnEvent for any but a call of a tool, or ValueError naming the problem."""
    span, attributes, resource = (object_at(record, name) for name in ("span", "attributes", "resource"))
    if not span:
        raise ValueError("resourceSpans is missing: this is no OTLP JSON export of spans")
    calls = attributes.get("gen_ai.operation.name") == "execute_tool"
    if not calls and attributes.get("mcp.method.name") == "tools/call":
        raise NotAnEvent("a request of MCP within a call of a tool")
    if not calls:
        raise NotAnEvent("a span that is no call of a tool")
    return _map().event_of(_call(span, attributes, resource))


def _call(span: Record, attributes: Record, resource: Record) -> Record:
    def first(*names: str) -> Any:
        return next((text for name in names if (text := text_value(attributes.get(name)))), None)

    return {
        "id": f"{span.get('traceId')}/{span.get('spanId')}" if span.get("spanId") else None,
        "time": span.get("startTimeUnixNano"),
        "agent": first("gen_ai.agent.id", "gen_ai.agent.name") or text_value(resource.get("service.name")),
        "user": first("enduser.id", "user.id", "enduser.pseudo.id"),
        "session": first("gen_ai.conversation.id", "session.id", "mcp.session.id") or span.get("traceId"),
        "tool": first("gen_ai.tool.name"),
        "server": first("server.address", "gen_ai.data_source.id"),
        "address": first("client.address"),
        "instance": text_value(resource.get("service.instance.id")),
        "client": text_value(resource.get("telemetry.sdk.name")),
        "outcome": _outcome(span, attributes),
    }


def _outcome(span: Record, attributes: Record) -> Outcome:
    """A span that has ended without an error was a success: conventions leave the status of one unset."""
    code = str(object_at(span, "status").get("code", "")).upper()
    return "failure" if code in ("2", "STATUS_CODE_ERROR") or attributes.get("error.type") else "success"


def identity_type(record: Record) -> IdentityType | None:
    """An agent: nothing else calls tools in these spans."""
    return "agent" if object_at(record, "span") else None


def _recognises(record: Record) -> bool:
    return bool(object_at(record, "span") and "attributes" in record) or "resourceSpans" in record


SOURCE = LogSource(
    "otel-agents",
    "OpenTelemetry GenAI spans (execute_tool)",
    event_of,
    _recognises,
    identity_type,
    statement=lambda record: statement_of(object_at(record, "attributes").get("gen_ai.tool.call.arguments")),
    form=RecordForm(split=spans_of),
)
