"""What log shippers and queries put around records: recognised, opened, and named in the report of an import.

A wrapper may come from any vendor's log. What a vendor alone writes around its records stands in the vendor's folder.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from features.sources.formats.files import decompress, is_gzip

_Object = dict[str, Any]


@dataclass(frozen=True)
class Wrapper:
    """Something around records."""

    name: str
    """As the report names it, such as `EventBridge`."""
    opened: Callable[[_Object], list[Any] | None]
    """What is inside: records, or texts that hold records; None if the object is no such wrapper."""
    signs: tuple[str, ...]
    """Members of which it has at least one. Most records have none, and are not looked at more closely."""


def listed_in(value: Any, list_names: tuple[str, ...]) -> list[Any] | None:
    """The list that a value is, or holds under one of these names; None if it does neither."""
    if isinstance(value, list):
        return value
    if not isinstance(value, dict):
        return None
    return next((value[name] for name in list_names if isinstance(value.get(name), list)), None)


def _event_bridge(value: _Object) -> list[Any] | None:
    return [value["detail"]] if "detail-type" in value and isinstance(value.get("detail"), dict) else None


def _cloudwatch_subscription(value: _Object) -> list[Any] | None:
    if isinstance(value.get("awslogs"), dict):
        return [value["awslogs"].get("data")]
    events = value.get("logEvents")
    return _members(events, "message") if isinstance(events, list) and "logGroup" in value else None


def _cloudwatch_query(value: _Object) -> list[Any] | None:
    events = value.get("events")
    if not isinstance(events, list) or not ("searchedLogStreams" in value or "nextForwardToken" in value):
        return None
    return _members(events, "message")


def _kinesis(value: _Object) -> list[Any] | None:
    if isinstance(value.get("kinesis"), dict):
        return [value["kinesis"].get("data")]
    if "recordId" in value and isinstance(value.get("data"), str):
        return [value["data"]]
    return [value["Data"]] if "SequenceNumber" in value and isinstance(value.get("Data"), str) else None


def _queue(value: _Object) -> list[Any] | None:
    if value.get("Type") == "Notification" and isinstance(value.get("Message"), str):
        return [value["Message"]]
    body = value.get("body", value.get("Body"))
    named = "messageId" in value or "MessageId" in value
    return [body] if named and isinstance(body, str) else None


def _pub_sub(value: _Object) -> list[Any] | None:
    message = value.get("message")
    return [message["data"]] if isinstance(message, dict) and isinstance(message.get("data"), str) else None


def _elastic(value: _Object) -> list[Any] | None:
    if isinstance(value.get("_source"), dict) and "_index" in value:
        return [value["_source"]]
    event = value.get("event")
    original = event.get("original") if isinstance(event, dict) else value.get("event.original")
    if isinstance(original, str):
        return [original]
    message = value.get("message")
    return [message] if "@timestamp" in value and isinstance(message, str) and message.startswith("{") else None


def _splunk(value: _Object) -> list[Any] | None:
    result = value.get("result") if isinstance(value.get("result"), dict) else value
    if isinstance(result, dict) and isinstance(result.get("_raw"), str):
        return [result["_raw"]]
    return [value["event"]] if "sourcetype" in value and isinstance(value.get("event"), dict | str) else None


def _panther(value: _Object) -> list[Any] | None:
    if "p_log_type" not in value:
        return None
    return [{name: member for name, member in value.items() if name != "p_log_type"}]


def _members(items: list[Any], name: str) -> list[Any]:
    return [item.get(name) if isinstance(item, dict) else item for item in items]


WRAPPERS = (
    Wrapper("EventBridge", _event_bridge, ("detail-type",)),
    Wrapper("CloudWatch Logs subscription", _cloudwatch_subscription, ("awslogs", "logEvents")),
    Wrapper("CloudWatch Logs query", _cloudwatch_query, ("searchedLogStreams", "nextForwardToken")),
    Wrapper("Kinesis or Firehose", _kinesis, ("kinesis", "recordId", "SequenceNumber")),
    Wrapper("SNS or SQS", _queue, ("Type", "messageId", "MessageId")),
    Wrapper("Pub/Sub", _pub_sub, ("message",)),
    Wrapper("Elastic", _elastic, ("_source", "event", "event.original", "@timestamp")),
    Wrapper("Splunk", _splunk, ("result", "_raw", "sourcetype")),
    Wrapper("Panther", _panther, ("p_log_type",)),
)
"""Those of log shippers, in the order they are tried."""

LARGEST_PACKED = 64 * 1024 * 1024
"""Bytes of compressed data inside a record, once decompressed."""


def unpacked(text: str, limit: float) -> str | None:
    """The text in a base64 text, decompressed if it is gzip; None if it is none, or longer than the limit."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(data) > limit:
        return None
    if is_gzip(data):
        try:
            data, damage = decompress(data, int(min(limit, LARGEST_PACKED)))
        except ValueError:
            return None
        if damage:
            return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
