"""The two things scripts/serve does beside serving: train a first model, and say when the service answers.

This is the one place that knows of both training and serving, and it knows them as commands only.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path

from features.settings import Settings, SettingsError, get_settings

FIRST_IDENTITIES = 1_500
"""In the histories of a first model: somebody waits for it, and with so many it keeps the demo's promises."""
FIRST_RECIPE = Path(__file__).with_name("first_model.yaml")
"""How it is fitted."""
PATIENCE_SECONDS = 300.0
"""How long a service may take to become ready before the announcer gives up."""
TELL_EVERY_SECONDS = 2.0
"""How often the wait for the service is told."""


def main(arguments: list[str]) -> int:
    """Run `first-model` or `announce PID`; the exit code says whether it succeeded."""
    try:
        match arguments:
            case ["first-model"]:
                return first_model(get_settings())
            case ["announce", pid]:
                return announce(get_settings(), int(pid))
    except SettingsError as error:
        say(str(error))
        return 2
    print("usage: python -m serving.launch.readiness first-model | announce PID", file=sys.stderr)
    return 2


def first_model(here: Settings) -> int:
    """Train and promote a model unless one already carries the alias that answers.

    It takes minutes, so an address that is taken is found before.
    """
    if is_taken(here.host, here.port):
        say(f"{here.host}:{here.port} is taken: stop what listens there, or set SESSION_TRUST_PORT to another port")
        return 1
    here.ensure_home()
    if has_champion(here):
        return 0
    say(f"no model is called {here.model_name}@{here.model_alias} yet: training a first one on simulated histories")
    how = ["--identities", str(FIRST_IDENTITIES), "--recipe", str(FIRST_RECIPE)]
    return subprocess.run([sys.executable, "-m", "training", "retrain", "--promote", *how], check=False).returncode


def has_champion(here: Settings) -> bool:
    """Whether a registered version carries the alias; a registry that was never written to has none."""
    file = Path(here.tracking_uri.removeprefix("sqlite:///"))
    if str(file) != here.tracking_uri:
        if not file.exists():
            return False
        if _has_alias(file, here):
            return True
    from mlflow import MlflowClient  # imported late: it takes seconds, and only this needs it
    from mlflow.exceptions import MlflowException

    try:
        MlflowClient(here.tracking_uri, here.tracking_uri).get_model_version_by_alias(here.model_name, here.model_alias)
    except MlflowException as problem:
        if problem.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return False
        raise
    return True


def _has_alias(registry: Path, here: Settings) -> bool:
    """Whether MLflow's own SQLite file has the alias: the client takes seconds, and is asked if not."""
    try:
        with closing(sqlite3.connect(f"file:{registry}?mode=ro", uri=True)) as database:
            wanted = "SELECT 1 FROM registered_model_aliases WHERE name = ? AND alias = ?"
            return database.execute(wanted, (here.model_name, here.model_alias)).fetchone() is not None
    except sqlite3.Error:
        return False


def is_taken(host: str, port: int) -> bool:
    """Whether something else listens on an address of this machine."""
    family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False


def announce(here: Settings, pid: int) -> int:
    """Wait until the process answers as ready, then print the curl line and the line for machines; or why it is not."""
    url, began = f"http://{here.host}:{here.port}", time.monotonic()
    told = began
    while (why := not_ready(url)) is not None:
        now = time.monotonic()
        if why:
            print("NOT READY", json.dumps({"why": why}))
            return 1
        if not is_alive(pid):
            return 1
        if now - began > PATIENCE_SECONDS:
            say(f"no answer after {PATIENCE_SECONDS:.0f} s: look at what the service printed above")
            return 1
        if now - told >= TELL_EVERY_SECONDS:
            told = now
            say(f"loading model and features, {now - began:.0f} s")
        time.sleep(0.1)
    key_file = here.home / "key"
    print(f"Ready after {time.monotonic() - began:.0f} s. Ask it something:\n\n{curl_line(url, key_file)}\n")
    print("READY", json.dumps({"url": url, "key_file": str(key_file), "investigate_url": f"{url}/investigate"}))
    return 0


def curl_line(url: str, key_file: Path) -> str:
    """One request anybody can paste: a person exporting confidential data, now."""
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
    return not_ready(url) is None


def not_ready(url: str) -> str | None:
    """Why a service at this address cannot answer, as it says itself; empty as long as it says nothing."""
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=5):
            return None
    except urllib.error.HTTPError as answer:
        return _detail(answer.read()) or f"it answers {answer.code}"
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


def say(message: str) -> None:
    """Progress, on the channel that is not for machines."""
    print(f"[serve] {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
