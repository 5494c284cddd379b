"""An HTTP client for a running service: the one the settings name, or one started and stopped for the occasion."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from features.settings import get_settings
from serving.launch.process import python_environment
from serving.launch.readiness import is_ready

STOP_SECONDS = 30.0
"""How long a service may take to stop before that is an error."""


@dataclass(frozen=True)
class Service:
    """A running service: its address and the file that holds a key of every scope."""

    url: str
    key_file: Path

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables under which another process finds this service."""
        port = str(urlsplit(self.url).port)
        return {**os.environ, "SESSION_TRUST_HOME": str(self.key_file.parent), "SESSION_TRUST_PORT": port}

    def call(self, path: str, body: object | None = None) -> tuple[int, Any]:
        """POST a body as JSON, or GET without one; returns the status and the JSON body, also of a problem."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.key_file.read_text().strip()}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data=data, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return response.status, json.loads(response.read())
        except urllib.error.HTTPError as problem:
            return problem.code, json.loads(problem.read() or b"null")


class NotReady(RuntimeError):
    """A service was started and cannot answer; the message is its reason."""


@contextmanager
def running_service() -> Iterator[Service]:
    """The service the settings point at if it answers, otherwise one started on a free port and stopped afterwards."""
    settings = get_settings()
    url = f"http://{settings.host}:{settings.port}"
    if is_ready(url) and (settings.home / "key").exists():
        yield Service(url, settings.home / "key")
        return
    with started_service() as service:
        yield service


@contextmanager
def started_service(environment: Mapping[str, str] | None = None) -> Iterator[Service]:
    """Run `session-trust serve` on a free port and stop it by its process id. Raises NotReady if it never answers."""
    variables = python_environment({**os.environ, "SESSION_TRUST_PORT": str(free_port()), **(environment or {})})
    command = [sys.executable, "-m", "serving", "serve"]
    with subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield _when_ready(process)
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)


def _when_ready(process: subprocess.Popen[str]) -> Service:
    assert process.stdout is not None
    for line in process.stdout:
        word, _, rest = line.partition(" ")
        if word == "READY":
            threading.Thread(target=process.stdout.read, daemon=True).start()  # a full pipe would stop the service
            ready = json.loads(rest)
            return Service(ready["url"], Path(ready["key_file"]))
        print(line, end="", file=sys.stderr)
        if line.startswith("NOT READY "):
            raise NotReady(json.loads(line.removeprefix("NOT READY "))["why"])
    raise NotReady(f"the service ended with exit code {process.wait()} before it was ready")


def free_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
