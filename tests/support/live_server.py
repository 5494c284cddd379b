"""A real server for tests, with a small champion in a home of its own: started as an operator starts it, and stopped by
its process ids. Also events to send to it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import httpx
from support.small_champion import register, small_model

from features.engine.online import fold, vector
from features.enrichment.ip_lookup import lookup
from features.event.numpy_row import row_of
from features.event.schema import Event
from features.history.layout import History
from features.history.population import empty_population
from features.history.update import SUCCESS
from features.settings import Settings, get_settings
from serving.launch.client import free_port
from serving.model.active import ActiveConfiguration
from serving.model.explainer import Explainer
from serving.policy.schema import Policy
from serving.store.api_keys import create_key
from serving.store.store import Store

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 180.0
"""How long a start may take on a busy machine."""


@dataclass
class Server:
    """A running server."""

    home: Path
    url: str
    process: subprocess.Popen[bytes]

    @cached_property
    def full_key(self) -> str:
        """The key of every scope that the first start made."""
        return (self.home / "key").read_text().strip()

    @cached_property
    def store(self) -> Store:
        """The server's own database, opened in the test's process."""
        return Store(settings_of(self.home).database_url)

    def key(self, *scopes: str) -> str:
        """A new key of these scopes."""
        return create_key(self.store, " ".join(scopes), scopes)

    @cached_property
    def client(self) -> httpx.Client:
        """A client without a key."""
        return httpx.Client(base_url=self.url, timeout=60)

    def request(
        self, method: str, path: str, body: object = None, key: str | None = None, **more: Any
    ) -> httpx.Response:
        """One request with a key, of every scope by default; a body is sent as JSON."""
        headers = {"Authorization": f"Bearer {key or self.full_key}"} | more.pop("headers", {})
        if body is not None:
            headers["Content-Type"] = "application/json"
            more["content"] = json.dumps(body)
        return self.client.request(method, path, headers=headers, **more)

    def post(self, path: str, body: object, key: str | None = None) -> tuple[int, Any]:
        """POST JSON; the status and the JSON of the response."""
        response = self.request("POST", path, body, key)
        return response.status_code, response.json()

    def score(self, event: Mapping[str, Any], key: str | None = None, **more: Any) -> dict[str, Any]:
        """The decision on an event; a response that is not a 200 fails the test."""
        status, decision = self.post("/score", {"event": event, **more}, key)
        assert status == 200, decision
        return dict(decision)

    def get(self, path: str) -> Any:
        """The JSON at a path."""
        return self.request("GET", path).json()

    def stop(self, with_signal: int = signal.SIGTERM) -> None:
        """End the process and its descendants, and nothing else: BentoML's workers lead process groups of their own."""
        family = descendants(self.process.pid)
        _signal([self.process.pid] if with_signal == signal.SIGTERM else family, with_signal)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(20)
        _signal(family[1:], signal.SIGKILL)


def descendants(pid: int) -> list[int]:
    """A process and all its descendants."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        children = []
    return [pid, *(each for child in children for each in descendants(int(child)))]


def _signal(pids: list[int], number: int) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def settings_of(home: Path) -> Settings:
    """The settings of a home, whatever the settings of this process are."""
    return Settings.from_environment({"SESSION_TRUST_HOME": str(home)})


def new_home(home: Path, *, champion: bool = True) -> Path:
    """An empty home with a small champion, if wanted. It shares the features that this process has compiled."""
    home.mkdir(mode=0o700, exist_ok=True)
    compile_features()
    (home / "compiled").symlink_to(get_settings().home / "compiled")
    if champion:
        register(small_model(), settings_of(home))
    return home


@cache
def compile_features() -> None:
    """Compile what a server needs into the home of this process, where it stays for the next run of the tests."""
    event = Event.model_validate(an_event())
    history = History.empty()
    vector(row_of(event), history, empty_population())
    fold(row_of(event), history, empty_population(), SUCCESS)


@cache
def small_explainer() -> Explainer:
    """The small champion with its explanations, for engines in this process."""
    return Explainer(small_model())


def active_configuration(home: Path, **changes: Any) -> ActiveConfiguration:
    """The configuration of an engine in this process: the small champion and the built-in policy, with changes."""
    configuration: dict[str, Any] = {
        "settings": settings_of(home),
        "policy": Policy.load(),
        "networks": lookup(""),
        "champion": small_explainer(),
        "missing": None,
    }
    return ActiveConfiguration(**(configuration | changes))


def variables(home: Path, **more: str) -> dict[str, str]:
    """The environment of a server or a command at this home."""
    return {**os.environ, "SESSION_TRUST_HOME": str(home), "BENTOML_DO_NOT_TRACK": "True", **more}


@contextmanager
def served(home: Path, *, ready: bool = True, **environment: str) -> Iterator[Server]:
    """A server at this home, once it is ready or, with ready=False, alive."""
    port = free_port()
    log = (home / "server.log").open("ab")
    process = subprocess.Popen(
        [sys.executable, "-m", "serving", "start"],
        cwd=ROOT,
        env=variables(home, SESSION_TRUST_PORT=str(port), **environment),
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    server = Server(home, f"http://127.0.0.1:{port}", process)
    try:
        _wait(server, "/readyz" if ready else "/livez")
        yield server
    finally:
        server.stop()
        server.client.close()
        log.close()


def _wait(server: Server, path: str) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and server.process.poll() is None:
        try:
            if httpx.get(server.url + path, timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise RuntimeError((server.home / "server.log").read_text()[-4000:])


def now() -> datetime:
    """The present time, to the microsecond."""
    return datetime.now(UTC)


def ago(seconds: float) -> str:
    """The time this many seconds ago, in ISO 8601."""
    return (now() - timedelta(seconds=seconds)).isoformat()


def an_event(
    identity_id: str = "ada", session: str | None = "s1", category: str | None = "read", **groups: Any
) -> dict[str, Any]:
    """A harmless request of a person at this moment, with most fields known; groups of fields are merged in."""
    event: dict[str, Any] = {
        "time": ago(0),
        "identity": {"id": identity_id, "type": "human"},
        "session": {"id": session, "started_at": ago(600)},
        "action": {"name": "files:Get", "category": category, "impact": "low", "reversible": True},
        "resource": {"id": "r1", "type": "document", "sensitivity": "internal", "environment": "production"},
        "network": {"ip": "192.0.2.7", "asn": 64496, "country": "DE", "hosting": False, "anonymizer": False},
        "device": {"id": "laptop", "managed": True, "compliant": True, "user_agent": "Mozilla/5.0 (X11; Linux x86_64)"},
        "authentication": {"amr": ["pwd", "otp"], "time": ago(400), "aal": 2},
        "credential": {"id": "c1", "kind": "session_cookie", "issued_at": ago(600), "privileged": False},
    }
    for name, value in groups.items():
        event[name] = event[name] | value if isinstance(value, dict) and name in event else value
    return event
