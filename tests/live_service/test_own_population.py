"""`session-trust population`: a running service takes up what the command measured, and shows it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.live_server import ROOT, Server, an_event, new_home, now, served, settings_of, variables

from features.history.population import empty_population
from serving.store.rebuild import rebuild_histories
from serving.workers.population_worker import start_refresh

PEOPLE = 5


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with served(new_home(tmp_path_factory.mktemp("own-population"))) as server:
        yield server


def shipped(count: int, days: float) -> list[dict[str, Any]]:
    """Successful events of a few people over the last days."""
    found = []
    for place in range(count):
        at = now() - timedelta(days=days * (1 - place / count))
        event = an_event(f"person-{place % PEOPLE}", f"s-{at:%d}", action={"outcome": "success"})
        found.append(event | {"time": at.isoformat(), "id": f"e{place}", "session": {"id": f"s-{at:%d}"}})
    return found


def run_command(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `session-trust …` beside the server, in a process of its own."""
    command = [sys.executable, "-m", "serving", *arguments]
    return subprocess.run(command, cwd=ROOT, env=variables(home), capture_output=True, text=True, check=False)


def in_force(server: Server, digest: str) -> dict[str, Any]:
    """What GET /model says of the population, once it is another than this one."""
    end = time.monotonic() + 60
    while (shown := server.get("/model")["population"])["digest"] == digest and time.monotonic() < end:
        time.sleep(0.2)
    return dict(shown)


def test_a_refresh_is_seen_in_the_next_decision(server: Server) -> None:
    """First a window that is not worth it, then one that is; nothing is restarted, and histories stay exact."""
    before = server.get("/model")["population"]
    refused = run_command(server.home, "population", "refresh")
    server.post("/events", shipped(200, 6.0))
    first = server.score(an_event("person-1"))
    refreshed = run_command(server.home, "population", "refresh")
    after = in_force(server, before["digest"])
    second = server.score(an_event("person-1"))
    shown = run_command(server.home, "population", "show")

    assert (before["measured_on"], refused.returncode) == ("the model's data", 1)
    assert "what was in force stays" in refused.stderr
    assert refreshed.returncode == 0, refreshed.stderr
    assert first["versions"]["population"] == before["digest"]
    assert [after["digest"], second["versions"]["population"]] == [refreshed.stdout.strip()] * 2
    assert (after["measured_on"], after["refused"], after["window_days"]) == ("own events", None, 30)
    assert shown.stdout.strip() == after["digest"]
    assert rebuild_histories(server.store, empty_population(), write=False) == ()
    assert "session_trust_population_age_seconds" in server.request("GET", "/metrics").text


def test_withdrawing_it_puts_the_models_back(server: Server) -> None:
    """Within seconds; a second time there is nothing to withdraw."""
    digest = server.get("/model")["population"]["digest"]
    codes = [run_command(server.home, "population", "withdraw").returncode for _ in range(2)]
    after = in_force(server, digest)

    assert codes == [0, 1]
    assert after["measured_on"] == "the model's data"


def test_the_service_starts_the_same_command(server: Server) -> None:
    """What the worker starts in a process of its own ends well, and is taken up."""
    digest = server.get("/model")["population"]["digest"]
    code = start_refresh(settings_of(server.home)).wait(240)

    assert code == 0
    assert in_force(server, digest)["measured_on"] == "own events"


def test_no_identity_is_named_in_a_population(server: Server) -> None:
    """A snapshot holds hashed keys and counts, and no id in clear."""
    with server.store.reading() as tx:
        bodies = [tx.populations.read(number).population.tobytes() for number in (1, 2)]

    assert not any(b"person" in body for body in bodies)
