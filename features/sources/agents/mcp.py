"""Agents' tool calls as a gateway or proxy of the Model Context Protocol logs them: one JSON object a line.

The protocol states no form for logs. A line holds the JSON-RPC request, itself or as `message` or `request`, and around
it, where the gateway knows it, `timestamp`, `session`, `agent` (or the `clientInfo` of the session), `user`, `server`,
`address`, and the `response` or its `result` or `error`. A tool that fails answers with `isError`, without an error of
the protocol. Of the arguments a statement or a command line is read, to tell what it does; none is kept.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from features.event.schema import Event, IdentityType, Outcome
from features.sources.agents.spans import statement_of
from features.sources.formats.records import NotAnEvent, Record
from features.sources.log_source import LogSource
from features.sources.mapping.log_map import LogMap, vendor_map
from features.sources.mapping.paths import object_at, value_at
from features.sources.mapping.values import boolean, text_value

_DENIED = {"-32001", "-32003", "401", "403"}
"""Codes of errors with which gateways refuse a call."""


@cache
def _map() -> LogMap:
    return vendor_map(Path(__file__).parent / "tool_calls.yaml")


def _request(record: Record) -> Record:
    return object_at(record, "message") or object_at(record, "request") or record


def event_of(record: Record) -> Event:
    """The Event of one line; raises NotAnEvent for any message but `tools/call`, or ValueError naming the problem."""
    request = _request(record)
    method = text_value(request.get("method"))
    if method is None and ("result" in request or "error" in request):
        raise NotAnEvent("an answer of MCP without its request")
    if method is None:
        raise ValueError("method is missing: this is no message of the Model Context Protocol")
    if method != "tools/call":
        raise NotAnEvent("a message of MCP that is no call of a tool")
    return _map().event_of(_call(record, request))


def _call(record: Record, request: Record) -> Record:
    def first(*paths: str) -> str | None:
        return next((text for path in paths if (text := text_value(value_at(record, path)))), None)

    session = first("session", "session_id", "sessionId", "mcp_session_id", "headers.Mcp-Session-Id")
    number = text_value(request.get("id"))
    return {
        "id": first("event_id") or (f"{session}/{number}" if session and number else None),
        "time": first("timestamp", "time", "ts", "@timestamp"),
        "agent": first("agent", "agent_id", "client.name", "clientInfo.name", "client"),
        "user": first("user", "user_id", "subject", "sub"),
        "session": session,
        "tool": text_value(value_at(request, "params.name")),
        "server": first("server", "server.name", "server_name"),
        "address": first("address", "client_ip", "remote_addr"),
        "client": first("client.version", "clientInfo.version", "user_agent"),
        "outcome": _outcome(record),
    }


def _outcome(record: Record) -> Outcome | None:
    """What the answer says; unknown where the line has no answer."""
    answer = object_at(record, "response") or record
    error = answer.get("error")
    if error:
        return "denied" if str(value_at(answer, "error.code")) in _DENIED else "failure"
    if "result" not in answer and "isError" not in answer:
        return None
    failed = boolean(value_at(answer, "result.isError")) or boolean(answer.get("isError"))
    return "failure" if failed else "success"


def identity_type(record: Record) -> IdentityType | None:
    """An agent: nothing else calls tools by this protocol."""
    return "agent" if _request(record).get("method") else None


def _recognises(record: Record) -> bool:
    request = _request(record)
    return "jsonrpc" in request or request.get("method") == "tools/call"


def _statement(record: Record) -> str | None:
    return statement_of(value_at(_request(record), "params.arguments"))


SOURCE = LogSource(
    "mcp", "Model Context Protocol tool calls", event_of, _recognises, identity_type, statement=_statement
)
