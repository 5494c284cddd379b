"""Reading a request body: its size, its encoding and media type, how long it takes, and whether it is strict JSON."""

from __future__ import annotations

import asyncio

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope

from serving.api.problems import Problem
from serving.api.route_spec import JSON, RequestBody
from serving.contracts.strict_json import require_strict

SECONDS = 20.0
"""How long a body may take to arrive. Of a route without a key, which everyone can keep busy, `SECONDS_WITHOUT_KEY`."""
SECONDS_WITHOUT_KEY = 5.0
_PARSED_AT_ONCE = 64 * 1024
"""A longer body is checked in a thread, so that other requests do not wait for it."""


async def read_body(expected: RequestBody | None, scope: Scope, receive: Receive, *, with_key: bool = True) -> bytes:
    """The whole body. Where the route takes gzip, its handler decompresses the body and reads it.

    Raises Problem 413 when it is too long, or given where none is taken; 415 when its media type or encoding is none
    that is taken; 408 when it takes too long to arrive; 400 when it should be JSON and is not.
    """
    headers = Headers(scope=scope)
    limit = expected.limit if expected else 0
    if int(headers.get("content-length", "0")) > limit:
        raise _too_long(limit)
    seconds = SECONDS if with_key else SECONDS_WITHOUT_KEY
    try:
        async with asyncio.timeout(seconds):
            body = await _received(receive, limit)
    except TimeoutError:
        raise Problem(408, f"The body did not arrive within {seconds:.0f} s.") from None
    if expected is None:
        return body
    media_type = _checked_media_type(expected, headers)
    if media_type == JSON and expected.decompressed_limit is None:
        await _require_json(body)
    return body


async def _received(receive: Receive, limit: int) -> bytes:
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Problem(400, "The connection was closed before the body was complete.")
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > limit:
            raise _too_long(limit)
    return bytes(body)


def _too_long(limit: int) -> Problem:
    return Problem(413, f"The body may have {limit:,} bytes at most." if limit else "This takes no body: send none.")


def _checked_media_type(expected: RequestBody, headers: Headers) -> str:
    """The media type, if the route takes it and its encoding. Raises Problem 415, and 400 for an unknown charset."""
    media_type, _, parameters = headers.get("content-type", "").partition(";")
    media_type = media_type.strip().lower()
    if media_type not in (taken := (expected.media_type, *expected.also_takes)):
        raise Problem(415, f"Send {' or '.join(taken)}, not {media_type[:80] or 'a body without a Content-Type'}.")
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset" and value.strip().strip('"').lower() not in ("utf-8", "utf8", "us-ascii"):
            raise Problem(400, "content-type: send the body as UTF-8", (("content-type", "the charset must be utf-8"),))
    encoding = headers.get("content-encoding", "identity").strip().lower()
    encodings = ("identity", "gzip", "x-gzip") if expected.decompressed_limit is not None else ("identity",)
    if encoding not in encodings:
        wanted = "gzip or no Content-Encoding" if len(encodings) > 1 else "the body without Content-Encoding"
        raise Problem(415, f"Send {wanted}, not {encoding[:80]}.")
    return media_type


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


async def _require_json(body: bytes) -> None:
    """Refuse what is not JSON by RFC 8259, NaN and Infinity included, and a member given twice."""
    try:
        if len(body) > _PARSED_AT_ONCE:
            await run_in_threadpool(require_strict, body)
        else:
            require_strict(body)
    except (ValueError, RecursionError) as error:
        reason = f"is not JSON: {error}"
        raise Problem(400, f"body: {reason}", (("body", reason),)) from error
