"""Faults are reported, deny requests, and lose no decision that was answered."""

from __future__ import annotations

import asyncio
import math
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import event
from support.engines import CALLER, score_request
from support.live_server import (
    ROOT,
    Server,
    active_configuration,
    an_event,
    new_home,
    served,
    settings_of,
    small_explainer,
    variables,
)
from support.recorded_decisions import FILE, open_store
from support.small_champion import register, small_model

from features.model.trust_curve import TrustCurve
from serving.api.application import create_application
from serving.api.routes import ROUTES
from serving.decision.inputs import Explanation
from serving.engine.write_probe import FRESH_SECONDS
from serving.engine.writer import Engine
from serving.errors import StoreUnavailable
from serving.model.active import ActiveConfiguration, load_configuration
from serving.model.explainer import Explainer
from serving.store.database import Connection

MakeEngine = Callable[[ActiveConfiguration], Engine]


class BrokenExplainer(Explainer):
    """A champion whose model raises or, without an error, gives a trust that is not a number."""

    def __init__(self, error: Exception | None) -> None:
        self.model, self.error = small_explainer().model, error

    def assess(self, values: Any) -> Any:
        if self.error:
            raise self.error
        return TrustCurve(math.nan, (0.0,) * 4), None


class NumberlessExplainer(BrokenExplainer):
    """A champion whose explanation holds no number."""

    def assess(self, values: Any) -> Any:
        return TrustCurve(math.nan, (0.0,) * 4), Explanation(math.nan, math.nan, ())


@pytest.fixture
def make_engine(tmp_path: Path) -> Iterator[MakeEngine]:
    """Makes engines over a store in the test's folder, and closes them."""
    engines: list[Engine] = []

    def make(active: ActiveConfiguration) -> Engine:
        engines.append(Engine(open_store(tmp_path, busy_seconds=0.2), active))
        return engines[-1]

    yield make
    for engine in engines:
        engine.close()


def score(engine: Engine, identity_id: str = "ada", **groups: Any) -> dict[str, Any]:
    """One decision, asked of the engine directly."""
    return engine.score(score_request(identity_id, **groups), CALLER)


def recorded(engine: Engine, decision: dict[str, Any]) -> dict[str, Any]:
    """The decision as the log holds it."""
    with engine.store.reading() as tx:
        record = tx.decisions.get(decision["decision_id"])
    assert record is not None
    answer: dict[str, Any] = record.body["answer"]
    return answer


def readiness(engine: Engine) -> tuple[int, Any]:
    """The status and body of /readyz."""

    async def get() -> httpx.Response:
        transport = httpx.ASGITransport(create_application(ROUTES, engine))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.get("/readyz")

    response = asyncio.run(get())
    return response.status_code, response.json()


FAILS_CLOSED = [
    ("human", "read", "step_up"),
    ("human", "write", "deny"),
    ("workload", "read", "deny"),
    ("agent", None, "deny"),
]


@pytest.mark.parametrize("identity_type, category, ruling", FAILS_CLOSED)
@pytest.mark.parametrize("error", [RuntimeError("out of memory"), None])
def test_a_model_that_fails_fails_closed(
    tmp_path: Path,
    make_engine: MakeEngine,
    identity_type: str,
    category: str | None,
    ruling: str,
    error: Exception | None,
) -> None:
    """A person may sign in again for a harmless read; everything else is denied, and the reason is recorded."""
    engine = make_engine(active_configuration(tmp_path, champion=BrokenExplainer(error)))
    decision = score(engine, identity={"type": identity_type}, category=category)

    assert decision["ruling"] == ruling
    assert ("out of memory" if error else "the model") in recorded(engine, decision)["degraded"]


def test_a_model_that_gives_no_number_fails_closed(tmp_path: Path, make_engine: MakeEngine) -> None:
    """The decision is a denial, recorded as degraded."""
    engine = make_engine(active_configuration(tmp_path, champion=NumberlessExplainer(None)))
    decision = score(engine, category="write")

    assert decision["ruling"] == "deny"
    assert recorded(engine, decision)["degraded"] == "the model gave no number"


def test_an_identity_type_without_threshold_fails_closed(tmp_path: Path, make_engine: MakeEngine) -> None:
    """Without a threshold there is nothing to compare the trust with."""
    champion = BrokenExplainer(None)
    champion.model = replace(champion.model, thresholds={})
    engine = make_engine(active_configuration(tmp_path, champion=champion))

    assert score(engine)["degraded"] is not None


def test_a_changed_artefact_is_refused_by_name(tmp_path: Path, make_engine: MakeEngine) -> None:
    """A file that is not what was registered keeps the service from being ready."""
    settings = settings_of(tmp_path)
    register(small_model(), settings)
    file = next(tmp_path.rglob("calibration.json"))
    file.write_text(file.read_text().replace("0.9", "0.8"))
    status, problem = readiness(make_engine(load_configuration(settings)))

    assert status == 503
    assert "calibration.json" in problem["detail"]


def test_a_healthy_engine_is_ready(tmp_path: Path, make_engine: MakeEngine) -> None:
    """The check above can succeed."""
    assert readiness(make_engine(active_configuration(tmp_path)))[0] == 200


def test_a_store_that_cannot_be_written_is_not_ready(tmp_path: Path, make_engine: MakeEngine) -> None:
    """Reading still works, so only a write shows it; once it can be written, the service is ready again."""
    engine = make_engine(active_configuration(tmp_path))
    lock = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    status, problem = readiness(engine)
    lock.execute("ROLLBACK")
    time.sleep(FRESH_SECONDS)

    assert status == 503
    assert problem["detail"].startswith("Nothing can be recorded: the database failed: ")
    assert "database is locked" in problem["detail"]
    assert readiness(engine)[0] == 200


def test_a_full_disk_is_not_ready(tmp_path: Path, make_engine: MakeEngine) -> None:
    """Here a database that may not grow, and whose file is read-only to this connection."""
    engine = make_engine(active_configuration(tmp_path))

    def forbid(connection: Any, _: object) -> None:
        connection.execute("PRAGMA query_only=ON")

    engine.store.close()
    event.listen(engine.store.database.engine, "connect", forbid)
    status, problem = readiness(engine)

    assert status == 503
    assert "Nothing can be recorded" in problem["detail"]


def test_readiness_writes_seldom(tmp_path: Path, make_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anyone may ask, and each write waits for the disk."""
    engine = make_engine(active_configuration(tmp_path))
    writes, touch = list[Connection](), Connection.touch

    def counted(connection: Connection) -> None:
        writes.append(connection)
        touch(connection)

    monkeypatch.setattr(Connection, "touch", counted)

    assert {readiness(engine)[0] for _ in range(20)} == {200}
    assert len(writes) <= 2


@pytest.mark.parametrize("statement", ["DROP TABLE decisions", "DROP TABLE histories", "DROP TABLE revocations"])
def test_a_store_that_fails_gives_no_ruling(tmp_path: Path, make_engine: MakeEngine, statement: str) -> None:
    """The caller gets the error, and nothing of the request is stored."""
    engine = make_engine(active_configuration(tmp_path))
    score(engine)
    connection = sqlite3.connect(tmp_path / FILE)
    connection.execute(statement)
    connection.commit()
    events = connection.execute("SELECT count(*) FROM events").fetchone()
    with pytest.raises(StoreUnavailable):
        score(engine)

    assert connection.execute("SELECT count(*) FROM events").fetchone() == events


def test_a_store_that_recovers_is_used_again(tmp_path: Path, make_engine: MakeEngine) -> None:
    """Once a lock is released, decisions are made again."""
    engine = make_engine(active_configuration(tmp_path))
    lock = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable):
        score(engine)
    lock.execute("ROLLBACK")

    assert score(engine)["degraded"] is None


def test_over_http_a_failing_store_is_a_503_without_ruling(small: Server) -> None:
    """Callers treat anything but a 200 as a denial."""
    lock = sqlite3.connect(small.home / FILE, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    try:
        status, problem = small.post("/score", {"event": an_event("locked out")})
    finally:
        lock.execute("ROLLBACK")

    assert status == problem["status"] == 503
    assert problem["title"] == "Service Unavailable"
    assert "ruling" not in problem


@pytest.fixture(scope="module")
def modelless(tmp_path_factory: pytest.TempPathFactory) -> ActiveConfiguration:
    """The configuration where no model was registered."""
    return load_configuration(settings_of(tmp_path_factory.mktemp("modelless")))


def test_without_a_champion_the_service_is_not_ready(make_engine: MakeEngine, modelless: ActiveConfiguration) -> None:
    """The problem names the model it looks for."""
    status, problem = readiness(make_engine(modelless))

    assert status == 503
    assert "session-trust@champion" in problem["detail"]


@pytest.mark.parametrize("identity_type, category, ruling", FAILS_CLOSED)
def test_without_a_champion_nothing_is_allowed(
    make_engine: MakeEngine, modelless: ActiveConfiguration, identity_type: str, category: str | None, ruling: str
) -> None:
    """It fails closed, and the decision is recorded as degraded."""
    engine = make_engine(modelless)
    decision = score(engine, category=category, identity={"type": identity_type})

    assert decision["ruling"] == ruling
    assert "session-trust@champion" in recorded(engine, decision)["degraded"]


UNDER_LOAD = 100
"""Answers after which the server is killed, however long a busy machine takes for them."""


def score_until_killed(server: Server, number: int, stop: threading.Event, received: list[str]) -> None:
    """Append the ids of the decisions that one client received."""
    headers = {"Authorization": f"Bearer {server.full_key}"}
    with httpx.Client(base_url=server.url, headers=headers, timeout=10) as client:
        while not stop.is_set():
            try:
                response = client.post("/score", json={"event": an_event(f"under load {number}")})
            except httpx.TransportError:
                break
            received.append(response.json()["decision_id"])


def test_kill_9_loses_no_answered_decision(tmp_path: Path) -> None:
    """Under load from eight threads: every answer is in the log, the log verifies, and a revocation still holds."""
    home = new_home(tmp_path / "home")
    with served(home) as server, ThreadPoolExecutor(8) as pool:
        server.post("/revocations", {"identity": "revoked", "reason": "before the crash"})
        stop, received = threading.Event(), list[str]()
        clients = [pool.submit(score_until_killed, server, number, stop, received) for number in range(8)]
        deadline = time.monotonic() + 60
        while len(received) < UNDER_LOAD and time.monotonic() < deadline:
            time.sleep(0.05)
        server.stop(signal.SIGKILL)
        stop.set()
        for client in clients:
            client.result(30)
        answered = set(received)
    command = [sys.executable, "-m", "serving", "verify"]
    verified = subprocess.run(command, cwd=ROOT, env=variables(home), check=False, capture_output=True)
    rows = {row[0] for row in sqlite3.connect(home / FILE).execute("SELECT id FROM decisions")}
    restarted = Engine(open_store(home), active_configuration(home))
    ruling = score(restarted, "revoked")["ruling"]
    restarted.close()

    assert len(answered) >= UNDER_LOAD
    assert answered - rows == set()
    assert verified.returncode == 0
    assert ruling == "deny"
