"""Says when a started service answers: for people a curl line, for programs `READY {…}` or `NOT READY {…}`."""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from features.settings import Settings

PATIENCE_SECONDS = 300.0
"""How long a service may take to become ready before the announcer gives up."""
HEARTBEAT_SECONDS = 3.0
"""How often the wait for the service is reported."""
POLL_SECONDS = 0.1


def announce_from_child(settings: Settings, began: float) -> None:
    """Announce this process, which is about to become the server, from a process that is nobody's child.

    `began` is the monotonic time at which the command began, preparation included.

    It is forked twice, so the server never finds a child that it did not start.
    """
    server = os.getpid()
    if (child := os.fork()) != 0:
        os.waitpid(child, 0)
        return
    if os.fork() != 0:
        os._exit(0)
    try:
        announce(settings, server, began)
        sys.stdout.flush()
    finally:
        os._exit(0)


def announce(settings: Settings, pid: int, began: float) -> int:
    """Wait until the process answers as ready, then print the curl line and the line for programs.

    When it says that it cannot be ready, prints its reason. Returns an exit code.
    """
    url, waiting_since = f"http://{settings.host}:{settings.port}", time.monotonic()
    reported = waiting_since
    while (reason := reason_not_ready(url)) is not None:
        now = time.monotonic()
        if reason:
            print("NOT READY", json.dumps({"why": reason}), flush=True)
            return 1
        if not is_alive(pid):
            return 1
        if now - waiting_since > PATIENCE_SECONDS:
            print_progress(f"no answer after {PATIENCE_SECONDS:.0f} s: look at what the service printed above")
            return 1
        if now - reported >= HEARTBEAT_SECONDS:
            reported = now
            print_progress(f"loading model and features: {now - began:.0f} s so far")
        time.sleep(POLL_SECONDS)
    key_file = settings.home / "key"
    print(f"Ready after {time.monotonic() - began:.0f} s. Try it:\n\n{curl_line(url, key_file)}\n")
    ready = {"url": url, "key_file": str(key_file), "investigate_url": f"{url}/investigate"}
    print("READY", json.dumps(ready), flush=True)
    return 0


def curl_line(url: str, key_file: Path) -> str:
    """A request to paste into a shell: a person exports confidential data, now."""
    event = (
        '{"event": {"time": "\'$(date -u +%FT%TZ)\'", "identity": {"id": "ada", "type": "human"}, '
        '"action": {"name": "crm:ExportContacts", "category": "export"}, "resource": {"sensitivity": "confidential"}}}'
    )
    return (
        f'curl -s {url}/score -H "Authorization: Bearer $(cat {key_file})" '
        f"-H 'Content-Type: application/json' -d '{event}'"
    )


def is_ready(url: str) -> bool:
    """Whether a service at this address says that it can answer."""
    return reason_not_ready(url) is None


def reason_not_ready(url: str) -> str | None:
    """The reason a service gives for not being ready: None when it is ready, "" when nothing answers yet."""
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=5):
            return None
    except urllib.error.HTTPError as problem:
        return _detail(problem.read()) or f"it answers {problem.code}"
    except OSError:
        return ""


def _detail(problem: bytes) -> str:
    try:
        return str(json.loads(problem)["detail"])
    except (ValueError, KeyError, TypeError):
        return ""


def is_alive(pid: int) -> bool:
    """Whether a process exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def print_progress(message: str) -> None:
    """Print progress on the error channel, which programs do not read."""
    print(f"[serve] {message}", file=sys.stderr, flush=True)
