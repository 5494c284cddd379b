"""Spans of an OTLP JSON export, flat: attributes by name, each span with what its ancestors and its resource say.

Attributes are those of OpenTelemetry's GenAI conventions 1.37 to 1.41 (`gen_ai.operation.name: execute_tool`) and of
its MCP conventions (`mcp.method.name: tools/call`). Of the arguments of a tool, which few traces hold, a statement or a
command line is read, to tell what it does; none is kept, and results are never read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from features.sources.formats.records import Record
from features.sources.mapping.paths import items_at, object_at, value_at

_KINDS = ("stringValue", "intValue", "doubleValue", "boolValue")
_FROM_ANCESTORS = ("gen_ai.agent.id", "gen_ai.agent.name", "gen_ai.conversation.id", "enduser.id", "user.id")
_MOST_ANCESTORS = 32


_STATEMENTS = ("sql", "query", "statement", "command", "cmd", "script")
"""Arguments of tools that hold one."""


def statement_of(arguments: Any) -> str | None:
    """The statement or command line among the arguments of a tool's call, which may be written as JSON."""
    found = (value_at(arguments, name) for name in _STATEMENTS)
    return next((" ".join(map(str, each)) if isinstance(each, list) else str(each) for each in found if each), None)


def spans_of(export: Record) -> Iterator[Record]:
    """Yield each span of an export as a record of `span`, `attributes` and `resource`; anything else as it is."""
    if not items_at(export, "resourceSpans"):
        yield export
        return
    flat = list(_flat(export))
    by_id = {str(record["span"].get("spanId")): record for record in flat}
    for record in flat:
        yield record | {"attributes": _with_ancestors(record, by_id)}


def _flat(export: Record) -> Iterator[Record]:
    for group in items_at(export, "resourceSpans"):
        resource = _attributes(object_at(group, "resource"))
        scopes = items_at(group, "scopeSpans") or items_at(group, "instrumentationLibrarySpans")
        for span in (span for scope in scopes for span in items_at(scope, "spans")):
            yield {
                "span": span if isinstance(span, dict) else {},
                "attributes": _attributes(span),
                "resource": resource,
            }


def _attributes(holder: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for item in items_at(holder, "attributes"):
        value = object_at(item, "value")
        key = value_at(item, "key")
        if isinstance(key, str):
            found[key] = next((value[kind] for kind in _KINDS if kind in value), None)
    return found


def _with_ancestors(record: Record, by_id: dict[str, Record]) -> dict[str, Any]:
    """A span's attributes, and of its nearest ancestor that has them who the agent is and for which user it acts."""
    found = dict(record["attributes"])
    ancestor = record
    for _ in range(_MOST_ANCESTORS):
        parent = by_id.get(str(ancestor["span"].get("parentSpanId")))
        if parent is None:
            break
        ancestor = parent
        for name in _FROM_ANCESTORS:
            if found.get(name) is None:
                found[name] = ancestor["attributes"].get(name)
    return found
