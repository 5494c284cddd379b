"""What `session-trust serve` does beside serving: nothing where the port is taken, a reason where it is not ready."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from features import Settings
from serving.launch.client import free_port
from serving.launch.preparation import is_taken, prepare
from serving.launch.process import PACKAGES, python_environment
from serving.launch.readiness import announce, reason_not_ready
from serving.policy.schema import BUILT_IN

ROOT = Path(__file__).resolve().parents[2]
WHY = "model version 1 was made for other features"


class Refusing(BaseHTTPRequestHandler):
    """A service that says why it cannot answer."""

    def do_GET(self) -> None:
        self.send_response(503)
        self.end_headers()
        self.wfile.write(json.dumps({"status": 503, "detail": WHY}).encode())

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def refusing(tmp_path: Path) -> Iterator[Settings]:
    """The settings of a service that is up and not ready."""
    server = HTTPServer(("127.0.0.1", 0), Refusing)
    Thread(target=server.serve_forever, daemon=True).start()
    yield Settings(home=tmp_path, port=server.server_port)
    server.shutdown()
    server.server_close()


def test_a_service_that_cannot_be_ready_says_why_at_once(
    refusing: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever waits for READY learns that it will not come."""
    assert announce(refusing, os.getpid(), time.monotonic()) == 1

    word, _, rest = capsys.readouterr().out.strip().partition("NOT READY ")
    assert word == ""
    assert json.loads(rest) == {"why": WHY}


def test_a_service_that_does_not_answer_yet_gives_no_reason() -> None:
    """A process that does not listen yet is no reason to give up."""
    assert reason_not_ready(f"http://127.0.0.1:{free_port()}") == ""


def test_a_taken_port_is_found_before_anything_is_made(refusing: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is registered, compiled or written to the home folder."""
    assert is_taken(refusing.host, refusing.port)
    assert prepare(refusing) == 1

    assert f"127.0.0.1:{refusing.port} is taken" in capsys.readouterr().err
    assert list(refusing.home.iterdir()) == []


def test_a_port_that_was_used_a_moment_ago_is_free() -> None:
    """Connections of a server that has ended linger, and keep nobody from starting the next."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)), server.accept()[0]:
            pass

    assert not is_taken("127.0.0.1", port)


@pytest.mark.parametrize(
    ("command", "variables", "sentence"),
    [
        (["scripts/serve", "--port", "3001"], {}, "usage: scripts/serve"),
        (
            [sys.executable, "-m", "serving.cli.session_trust", "serve"],
            {"SESSION_TRUST_PORT": "abc"},
            "SESSION_TRUST_PORT is 'abc'; it must be a whole number",
        ),
    ],
    ids=["an argument", "a port that is no number"],
)
def test_a_mistake_is_one_sentence(command: list[str], variables: dict[str, str], sentence: str) -> None:
    """With exit code 2, and no traceback."""
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | variables, capture_output=True, text=True, check=False, timeout=60
    )

    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [["serving.cli.session_trust", "serve"], ["serving", "start"]], ids=" ".join)
@pytest.mark.parametrize("name", ["policy.yaml", "identities.yaml"])
def test_a_refused_policy_is_one_sentence(command: list[str], name: str, tmp_path: Path) -> None:
    """With exit code 2, file, line and reason, before anything is prepared."""
    (tmp_path / "policy.yaml").write_text(BUILT_IN.read_text())
    (tmp_path / name).write_text("&a [*a]\n\n")
    places = {"SESSION_TRUST_HOME": str(tmp_path / "home"), "SESSION_TRUST_POLICY": str(tmp_path / "policy.yaml")}
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env=os.environ | places,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 2
    assert f"{tmp_path / name}:1:5: the alias *a stands within its own anchor" in done.stderr.replace("\n", "")
    assert "Traceback" not in done.stderr


def test_the_working_folder_never_replaces_the_packages(tmp_path: Path) -> None:
    """A folder named `features` beside the caller's files is not imported."""
    (tmp_path / "features").mkdir()
    (tmp_path / "features/__init__.py").write_text("raise SystemExit('the wrong package')")
    done = subprocess.run(
        [sys.executable, "-c", "import features; print(features.__file__)"],
        cwd=tmp_path,
        env=python_environment({"PATH": os.defpath}),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.strip() == str(PACKAGES / "features/__init__.py"), done.stderr
