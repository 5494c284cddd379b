"""Connections on which little or nothing comes, of someone without a key.

The aim: take every connection, thread or file of the service, so that nobody else is answered.
"""

from __future__ import annotations

import contextlib
import resource
import socket
import time
from collections.abc import Callable

import pytest
from support.live_server import Server, an_event
from support.raw_http import FORM, connect, request

from serving.api.admission.connections import HEADER_SECONDS, MOST_WAITING
from serving.api.request_body import SECONDS_WITHOUT_KEY

SLACK_SECONDS = 10.0
"""For a busy machine."""


def closed_after(connection: socket.socket, dribble: Callable[[int], bytes]) -> float:
    """The seconds until the server closes a connection on which one byte comes now and then."""
    began = time.monotonic()
    connection.settimeout(0.5)
    for number in range(200):
        try:
            connection.sendall(dribble(number))
            if connection.recv(65_536) == b"":
                break
        except TimeoutError:
            continue
        except OSError:
            break
    return time.monotonic() - began


SLOW: dict[str, tuple[bytes, Callable[[int], bytes]]] = {
    "nothing": (b"", lambda _: b""),
    "half a request line": (b"GET /liv", lambda _: b"e"),
    "headers without end": (b"GET /livez HTTP/1.1\r\nHost: a\r\n", lambda n: b"X-%d: 1\r\n" % n),
    "a header without end": (b"GET /livez HTTP/1.1\r\nHost: a\r\nX: ", lambda _: b"a"),
    "a second request": (b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n", lambda _: b"G"),
    "the rest of a refused body": (
        b"GET /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n",
        lambda _: b"a",
    ),
}


@pytest.mark.parametrize("name", SLOW)
def test_a_slow_header_is_cut_off(small: Server, name: str) -> None:
    """However often another byte comes."""
    begin, dribble = SLOW[name]
    with connect(small) as connection:
        connection.sendall(begin)

        assert closed_after(connection, dribble) < HEADER_SECONDS + SLACK_SECONDS


def test_a_slow_form_is_cut_off(small: Server) -> None:
    """With a 408."""
    with connect(small) as connection:
        connection.sendall(request("POST", "/investigate/login", FORM, "Content-Length: 1000"))
        began, answer = time.monotonic(), b""
        connection.settimeout(0.5)
        while not answer and time.monotonic() - began < SECONDS_WITHOUT_KEY + SLACK_SECONDS:
            with contextlib.suppress(TimeoutError):
                connection.sendall(b"a")
                answer = connection.recv(65_536)

        assert answer.startswith(b"HTTP/1.1 408")


def test_idle_connections_keep_nobody_from_being_answered(small: Server) -> None:
    """Twice as many as may wait are opened and left alone; those that waited longest make way for new ones."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * MOST_WAITING
    if hard < wanted + 200:
        pytest.skip(f"this process may open {hard} files only")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted + 200), hard))
    idle: list[socket.socket] = []
    try:
        for number in range(wanted):
            idle.append(connect(small))
            if number % 2:
                idle[-1].sendall(b"POST /score HTTP/1.1\r\nHost: a\r\n")
        decisions = [small.score(an_event("beside idle connections")) for _ in range(20)]
        idle[0].settimeout(5)
        with contextlib.suppress(ConnectionResetError):
            assert idle[0].recv(1) == b""
    finally:
        for connection in idle:
            connection.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert [decision["ruling"] for decision in decisions] == ["allow"] * 20
