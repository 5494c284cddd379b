"""The command `session-trust consume` as an operator runs it, and what it has stored."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import sqlalchemy as sa
from support.live_server import ROOT, Server, variables

from serving.store.schema import events

SECONDS = 120


def command(server: Server, *arguments: str, service: str | None = None) -> list[str]:
    """The command line of a consumer that ships to a server."""
    consume = [sys.executable, "-m", "serving.cli.session_trust", "consume"]
    return [*consume, *arguments, "--service", service or server.url]


def consume(server: Server, *arguments: str, stdin: bytes | None = None) -> subprocess.CompletedProcess[str]:
    """Run a consumer to its end."""
    done = subprocess.run(
        command(server, *arguments),
        cwd=ROOT,
        env=variables(server.home),
        input=stdin,
        capture_output=True,
        check=False,
        timeout=SECONDS,
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


@contextmanager
def consuming(server: Server, *arguments: str, service: str | None = None) -> Iterator[subprocess.Popen[str]]:
    """A consumer that runs until the test stops it."""
    with subprocess.Popen(
        command(server, *arguments, service=service),
        cwd=ROOT,
        env=variables(server.home),
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def stored(server: Server, identity: str) -> list[str]:
    """The ids of the events of an identity that the server has stored, in the order they were stored."""
    query = sa.select(events.c.event_id).where(events.c.identity == identity).order_by(events.c.place)
    with sa.create_engine(f"sqlite:///{server.home / 'session-trust.db'}").connect() as connection:
        return [row[0] for row in connection.execute(query)]


def event_line(identity: str, id: str | None, time: str, **groups: Any) -> bytes:
    """An event in our own form."""
    event = {"time": time, "identity": {"id": identity, "type": "human"}, "action": {"name": "files:Get"}} | groups
    return json.dumps(event | ({"id": id} if id else {})).encode()


@contextmanager
def between(server: Server, after: Callable[[int], None], fail: Sequence[int] = ()) -> Iterator[str]:
    """A proxy before the server's `POST /events`. It calls `after` once the server has answered a request and before
    that answer is passed on; the requests whose numbers are in `fail` are answered 503 and never reach the server."""
    count = iter(range(1, 1_000))

    class Proxy(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            number = next(count)
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if number in fail:
                self._answer(503, b'{"detail": "the store cannot be written"}')
                return
            headers = {name: self.headers[name] for name in ("Authorization", "Content-Type", "Content-Encoding")}
            request = urllib.request.Request(server.url + self.path, data=body, headers=headers)
            with urllib.request.urlopen(request, timeout=60) as response:
                answer = response.read()
            after(number)
            self._answer(200, answer)

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing is printed."""

    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{proxy.server_port}"
    finally:
        proxy.shutdown()
        proxy.server_close()
