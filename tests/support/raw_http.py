"""Requests as bytes on a socket, for what no HTTP client sends."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from support.live_server import Server

JSON = "Content-Type: application/json"
FORM = "Content-Type: application/x-www-form-urlencoded"


@dataclass(frozen=True)
class RawAnswer:
    """What came back, and after how long."""

    data: bytes
    seconds: float

    @property
    def status(self) -> int:
        """The status of the last answer; 0 when the connection was closed without one."""
        final = self.data.rpartition(b"HTTP/1.1 ")[2]
        return int(final[:3]) if self.data else 0

    def header(self, name: str) -> str | None:
        """A header of the answer."""
        head = self.data.partition(b"\r\n\r\n")[0].decode("latin-1")
        lines = (line.partition(":") for line in head.split("\r\n")[1:])
        return next((value.strip() for key, _, value in lines if key.lower() == name.lower()), None)


def connect(server: Server, seconds: float = 30) -> socket.socket:
    """A connection to a server on which nothing was sent."""
    where = urlsplit(server.url)
    assert where.hostname and where.port
    return socket.create_connection((where.hostname, where.port), timeout=seconds)


def request(
    method: str, target: str | bytes, *headers: str | bytes, body: bytes = b"", key: str = "", host: str = "localhost"
) -> bytes:
    """A request that asks for the connection to be closed; nothing of it is checked."""
    lines: list[str | bytes] = [f"Host: {host}", "Connection: close", *headers]
    if key:
        lines.append(f"Authorization: Bearer {key}")
    if body:
        lines.append(f"Content-Length: {len(body)}")
    start = method.encode() + b" " + _bytes(target) + b" HTTP/1.1"
    return b"\r\n".join([start, *map(_bytes, lines)]) + b"\r\n\r\n" + body


def send(server: Server, data: bytes, seconds: float = 30) -> RawAnswer:
    """Send bytes and read until the server closes the connection; raises TimeoutError when it does not.

    A server may answer and close before it has read everything: what it said until then is the answer.
    """
    began = time.monotonic()
    with connect(server, seconds) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(data)
        answer = b""
        with suppress(ConnectionResetError):
            while part := connection.recv(65_536):
                answer += part
    return RawAnswer(answer, time.monotonic() - began)


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("latin-1")
