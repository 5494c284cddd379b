"""An event counts as stored only when the service that was named says so."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from features.event.schema import Event
from serving.consumer.delivery import Delivered, DeliveryError, EventsRoute
from serving.consumer.messages import PlacedEvent

TAKEN = json.dumps({"folded": 1, "duplicates": 0, "broken": [], "left_out": {}}).encode()
EVENT = PlacedEvent(
    "line 1",
    Event.model_validate(
        {
            "time": datetime(2026, 11, 1, tzinfo=UTC),
            "identity": {"id": "ada", "type": "human"},
            "action": {"name": "Get"},
        }
    ),
)


@contextmanager
def service(*answers: tuple[int, dict[str, str], bytes]) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """A server that gives these answers in turn, the last for ever; and the headers of what it was asked."""
    asked: list[dict[str, str]] = []

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, headers, body = answers[min(len(asked), len(answers) - 1)]
            asked.append(dict(self.headers))
            self.send_response(status)
            for name, value in (headers | {"Content-Length": str(len(body))}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


def deliver(url: str) -> tuple[Delivered, list[str]]:
    """What became of one event, and why attempts failed."""
    said: list[str] = []
    return asyncio.run(EventsRoute(url, "secret", None).deliver([EVENT], asyncio.Event(), said.append)), said


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_refused(status: int) -> None:
    """The host that it names is not asked, and does not get the key."""
    with service((200, {}, TAKEN)) as (other, asked):
        with (
            service((status, {"Location": f"{other}/events"}, b"")) as (url, _),
            pytest.raises(
                DeliveryError, match=rf"answers {status}, a redirect to '{other}/events', which is not followed"
            ),
        ):
            deliver(url)

        assert asked == []


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b'{"status": "fine"}', "as `POST /events` does: folded: Input should be a valid integer"),
        (TAKEN.replace(b"1", b'"1"'), "as `POST /events` does: folded: Input should be a valid integer"),
        (TAKEN.replace(b"1", b"true"), "as `POST /events` does: folded: Input should be a valid integer"),
        (b"[]", "as `POST /events` does: its body: Input should be a valid dictionary"),
        (b"<html>", "does not answer: expected value"),
    ],
)
def test_an_answer_of_another_shape_stores_nothing(answer: bytes, said: str) -> None:
    """The batch is sent again until the service says what became of it."""
    with service((200, {}, answer), (200, {}, TAKEN)) as (url, asked):
        delivered, failed = deliver(url)

    assert (delivered, len(asked)) == (Delivered(stored=1), 2)
    assert [said in sentence for sentence in failed] == [True]


def test_an_answer_with_more_members_counts() -> None:
    """As a later service may give it."""
    with service((200, {}, TAKEN.replace(b"{}", b'{}, "later": 1'))) as (url, _):
        assert deliver(url) == (Delivered(stored=1), [])


def test_an_answer_that_breaks_off_is_no_answer() -> None:
    """The connection closes before the body is whole."""
    with service((200, {"X-Cut": "yes", "Transfer-Encoding": "chunked"}, b"zz"), (200, {}, TAKEN)) as (url, _):
        delivered, failed = deliver(url)

    assert (delivered.stored, len(failed)) == (1, 1)
