"""What goes wrong is said, closes the door, and loses nothing that was answered."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from live_service.test_writer import CALLER
from support.live_server import (
    ROOT,
    Server,
    an_event,
    in_force_here,
    new_home,
    served,
    settings_of,
    the_model,
    variables,
)
from support.recorded_decisions import FILE, opened
from support.small_champion import register, small_model

from features.model.trust_curve import TrustCurve
from serving.api.application import create_application
from serving.api.routes import ROUTES
from serving.contracts.requests import ScoreRequest
from serving.engine.writer import Engine
from serving.errors import StoreUnavailable
from serving.model.active import ActiveConfiguration, load_configuration
from serving.model.explainer import Explainer


class Broken(Explainer):
    """A champion whose model raises, or answers nonsense."""

    def __init__(self, error: Exception | None) -> None:
        self.model, self.error = the_model().model, error

    def assess(self, values: Any) -> Any:
        if self.error:
            raise self.error
        return TrustCurve(float("nan"), (0.0, 0.0, 0.0, 0.0)), None


@pytest.fixture
def engines(tmp_path: Path) -> Iterator[Any]:
    """Makes engines over a store in the test's folder, and closes them."""
    made: list[Engine] = []

    def make(here: ActiveConfiguration) -> Engine:
        made.append(Engine(opened(tmp_path, busy_seconds=0.2), here))
        return made[-1]

    yield make
    for engine in made:
        engine.close()


def score(engine: Engine, who: str = "ada", **groups: Any) -> dict[str, Any]:
    """One decision, at the engine's own door."""
    return engine.score(ScoreRequest.model_validate({"event": an_event(who, **groups)}), CALLER)


def ready(engine: Engine) -> tuple[int, Any]:
    """What /readyz says of an engine."""

    async def get() -> httpx.Response:
        transport = httpx.ASGITransport(create_application(ROUTES, engine))
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.get("/readyz")

    answer = asyncio.run(get())
    return answer.status_code, answer.json()


CLOSED = [
    ("human", "read", "step_up"),
    ("human", "write", "deny"),
    ("workload", "read", "deny"),
    ("agent", None, "deny"),
]


@pytest.mark.parametrize("kind, category, ruling", CLOSED)
@pytest.mark.parametrize("error", [RuntimeError("out of memory"), None])
def test_a_model_that_fails_closes_the_door(
    tmp_path: Path, engines: Any, kind: str, category: str | None, ruling: str, error: Exception | None
) -> None:
    """A person may prove himself for a harmless look; nothing else passes, and the reason is recorded."""
    engine = engines(in_force_here(tmp_path, champion=Broken(error)))
    answer = score(engine, identity={"type": kind}, category=category)
    with engine.store.reading() as tx:
        record = tx.decisions.get(answer["decision_id"])
    reason = "out of memory" if error else "the model"

    assert (answer["ruling"], reason in record.body["answer"]["degraded"]) == (ruling, True)


def test_a_type_the_model_never_saw_closes_the_door(tmp_path: Path, engines: Any) -> None:
    """Without a threshold there is nothing to compare trust with."""
    champion = Broken(None)
    champion.model = replace(champion.model, thresholds={})
    engine = engines(in_force_here(tmp_path, champion=champion))

    assert score(engine)["degraded"] is not None


def test_a_swapped_artefact_is_refused_by_its_name(tmp_path: Path, engines: Any) -> None:
    """A file that is not what was registered keeps the service from being ready, and is named."""
    here = settings_of(tmp_path)
    register(small_model(), here)
    file = next(tmp_path.rglob("calibration.json"))
    file.write_text(file.read_text().replace("0.9", "0.8"))
    status, problem = ready(engines(load_configuration(here)))

    assert (status, "calibration.json" in problem["detail"]) == (503, True)


def test_a_healthy_engine_is_ready(tmp_path: Path, engines: Any) -> None:
    """The check above can succeed."""
    assert ready(engines(in_force_here(tmp_path)))[0] == 200


@pytest.mark.parametrize("broken", ["DROP TABLE decisions", "DROP TABLE histories", "DROP TABLE revocations"])
def test_a_store_that_fails_gives_no_ruling(tmp_path: Path, engines: Any, broken: str) -> None:
    """The caller is told so, and nothing of the request stays."""
    engine = engines(in_force_here(tmp_path))
    score(engine)
    connection = sqlite3.connect(tmp_path / FILE)
    connection.execute(broken)
    connection.commit()
    events = connection.execute("SELECT count(*) FROM events").fetchone()
    with pytest.raises(StoreUnavailable):
        score(engine)

    assert connection.execute("SELECT count(*) FROM events").fetchone() == events


def test_a_store_that_recovers_is_used_again(tmp_path: Path, engines: Any) -> None:
    """A lock that is let go is no reason to stay closed."""
    engine = engines(in_force_here(tmp_path))
    lock = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable):
        score(engine)
    lock.execute("ROLLBACK")

    assert score(engine)["degraded"] is None


def test_over_http_a_failing_store_is_a_503_without_ruling(small: Server) -> None:
    """Callers take all but a 200 for a denial."""
    lock = sqlite3.connect(small.home / FILE, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    try:
        status, problem = small.post("/score", {"event": an_event("locked out")})
    finally:
        lock.execute("ROLLBACK")

    assert (status, problem.get("ruling"), problem["status"]) == (503, None, 503)


@pytest.fixture(scope="module")
def modelless(tmp_path_factory: pytest.TempPathFactory) -> ActiveConfiguration:
    """What is in force where nobody trained a model."""
    return load_configuration(settings_of(tmp_path_factory.mktemp("modelless")))


def test_without_a_champion_the_service_is_not_ready(engines: Any, modelless: ActiveConfiguration) -> None:
    """And says which model it looks for."""
    status, problem = ready(engines(modelless))

    assert (status, "session-trust@champion" in problem["detail"]) == (503, True)


@pytest.mark.parametrize("kind, category, ruling", CLOSED)
def test_without_a_champion_nothing_is_allowed(
    engines: Any, modelless: ActiveConfiguration, kind: str, category: str | None, ruling: str
) -> None:
    """The door is closed, the decision is recorded as degraded."""
    engine = engines(modelless)
    answer = score(engine, category=category, identity={"type": kind})
    with engine.store.reading() as tx:
        kept = tx.decisions.get(answer["decision_id"]).body["answer"]

    assert (answer["ruling"], "session-trust@champion" in kept["degraded"]) == (ruling, True)


def asked_until_it_dies(server: Server, number: int, stop: threading.Event) -> list[str]:
    """The ids of the decisions one client was given."""
    got: list[str] = []
    headers = {"Authorization": f"Bearer {server.everything}"}
    with httpx.Client(base_url=server.url, headers=headers, timeout=10) as client:
        while not stop.is_set():
            try:
                answer = client.post("/score", json={"event": an_event(f"under load {number}")})
            except httpx.TransportError:
                break
            got.append(answer.json()["decision_id"])
    return got


def test_kill_9_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    """Under load from eight threads: every answer is in the log, the log verifies, and a revocation still holds."""
    home = new_home(tmp_path / "home")
    with served(home) as server, ThreadPoolExecutor(8) as pool:
        server.post("/revocations", {"identity": "revoked", "reason": "before the crash"})
        stop = threading.Event()
        clients = [pool.submit(asked_until_it_dies, server, n, stop) for n in range(8)]
        stop.wait(2)
        server.stop(signal.SIGKILL)
        stop.set()
        answered = {id for client in clients for id in client.result(30)}
    command = [sys.executable, "-m", "serving", "verify"]
    verified = subprocess.run(command, cwd=ROOT, env=variables(home), check=False, capture_output=True).returncode
    recorded = {row[0] for row in sqlite3.connect(home / FILE).execute("SELECT id FROM decisions")}
    restarted = Engine(opened(home), in_force_here(home))
    ruling = score(restarted, "revoked")["ruling"]
    restarted.close()

    assert (len(answered) > 20, answered - recorded, verified, ruling) == (True, set(), 0, "deny")
