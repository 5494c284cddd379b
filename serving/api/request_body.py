"""Reading a request body: its media type, its size, and whether it is strict JSON."""

from __future__ import annotations

import json
from typing import Any

from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope

from serving.api.problems import Problem
from serving.api.route_spec import JSON, RequestBody


async def read_body(expected: RequestBody, scope: Scope, receive: Receive) -> bytes:
    """The whole body. Raises Problem 413 when it is too long, 415 when its media type is not the expected one, and
    400 when it should be JSON and is not."""
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > expected.limit:
            raise Problem(413, f"The body may have {expected.limit:,} bytes at most.")
    media_type = Headers(scope=scope).get("content-type", "").partition(";")[0].strip().lower()
    if media_type != expected.media_type:
        raise Problem(415, f"Send {expected.media_type}, not {media_type or 'a body without a Content-Type'}.")
    if media_type == JSON:
        _require_json(body)
    return body


def as_receive(body: bytes) -> Receive:
    """An ASGI `receive` for an application that reads a body again."""
    sent = False

    async def receive() -> Message:
        nonlocal sent
        if sent:
            return {"type": "http.disconnect"}
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _require_json(body: bytes) -> None:
    """Refuse what is not JSON by RFC 8259, NaN and Infinity included, and a member given twice."""
    try:
        json.loads(body, parse_constant=_refuse_constant, object_pairs_hook=_refuse_duplicates)
    except (ValueError, RecursionError) as error:
        reason = f"is not JSON: {error}"
        raise Problem(400, f"body: {reason}", (("body", reason),)) from error


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is given twice in one object")
    return members
