"""A policy changes while the service runs, whole or not at all; workers go on after a failure, until stopped."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from support.engines import CALLER, score_request
from support.live_server import active_configuration, now
from support.recorded_decisions import open_store

from serving import metrics
from serving.engine.writer import Engine
from serving.policy.schema import BUILT_IN, Policy
from serving.workers.periodic import PeriodicWorker
from serving.workers.policy_watcher import PolicyWatcher
from serving.workers.registry import start_workers

TEXT = BUILT_IN.read_text()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(TEXT)
    return path


@pytest.fixture
def engine(tmp_path: Path, file: Path) -> Iterator[Engine]:
    engine = Engine(open_store(tmp_path), active_configuration(tmp_path, policy=Policy.load(file)))
    yield engine
    engine.close()


def cache_seconds_and_policy(engine: Engine, identity: str) -> tuple[int, str]:
    """How long a new decision may be cached, which the tests change, and the policy it was made by."""
    decision = engine.score(score_request(identity), CALLER)
    return decision["cache_seconds"], decision["versions"]["policy"]


def test_a_valid_file_is_put_into_force(engine: Engine, file: Path) -> None:
    """The next decision is made by it, and names its digest."""
    watcher = PolicyWatcher(engine, file)
    before, _ = cache_seconds_and_policy(engine, "before")
    file.write_text(TEXT.replace("cache_seconds: 5", "cache_seconds: 17"))
    watcher.check()

    assert before == 5
    assert cache_seconds_and_policy(engine, "after") == (17, Policy.load(file).digest)


INVALID = {
    "not YAML": ("version: 1", "version: [", "not YAML"),
    "a wrong key": ("cache_seconds: 5", "cache_secnds: 5", "cache_seconds"),
    "expired": ("version: 1", "version: 1\nexpires: 2020-01-01T00:00:00Z", "the policy expired at"),
}


@pytest.mark.parametrize("name", INVALID)
def test_an_invalid_file_leaves_the_policy_in_force(engine: Engine, file: Path, name: str) -> None:
    """The reason is in the state that GET /policy shows, and a gauge is 1."""
    old, new, reason = INVALID[name]
    watcher, before = PolicyWatcher(engine, file), engine.active.policy
    file.write_text(TEXT.replace(old, new))
    watcher.check()

    assert engine.active.policy is before
    assert reason in (engine.active.policy_refused or "")
    assert metrics.REGISTRY.get_sample_value("session_trust_policy_refused") == 1.0


@pytest.mark.parametrize("name", INVALID)
def test_a_corrected_file_is_put_into_force(engine: Engine, file: Path, name: str) -> None:
    """And the refusal is over."""
    old, new, _ = INVALID[name]
    watcher, before = PolicyWatcher(engine, file), engine.active.policy.digest
    file.write_text(TEXT.replace(old, new))
    watcher.check()
    file.write_text(TEXT + "# corrected\n")
    watcher.check()

    assert engine.active.policy_refused is None
    assert engine.active.policy.digest != before
    assert metrics.REGISTRY.get_sample_value("session_trust_policy_refused") == 0.0


def test_a_policy_is_put_into_force_when_its_day_comes(engine: Engine, file: Path) -> None:
    """Written beforehand, refused until then, and put into force without another change of the file."""
    today = now()
    day = today + timedelta(days=1)
    clock = iter((today, day))
    watcher = PolicyWatcher(engine, file, clock=lambda: next(clock))
    file.write_text(TEXT.replace("version: 1", f"version: 1\neffective_from: {day.isoformat()}"))
    watcher.check()
    early = engine.active.policy_refused
    watcher.check()

    assert "in force from" in (early or "")
    assert engine.active.policy_refused is None
    assert engine.active.policy.effective_from == day


def test_a_missing_file_leaves_the_policy_in_force(engine: Engine, file: Path) -> None:
    """A deployment that replaces the file may be half done."""
    watcher, before = PolicyWatcher(engine, file), engine.active.policy
    file.unlink()
    watcher.check()

    assert engine.active.policy is before
    assert "cannot be read" in (engine.active.policy_refused or "")


def test_a_worker_goes_on_after_a_failure() -> None:
    """The next call may succeed."""
    calls, third = list[int](), threading.Event()

    def task() -> None:
        calls.append(len(calls))
        if len(calls) == 3:
            third.set()
        raise RuntimeError("this call fails")

    worker = PeriodicWorker("test", 0.001, task)
    worker.start()
    went_on = third.wait(10)
    worker.stop()

    assert went_on


def test_a_stopped_worker_makes_no_more_calls() -> None:
    """stop() returns when the last call has finished."""
    calls, first = list[int](), threading.Event()

    def task() -> None:
        calls.append(len(calls))
        first.set()

    worker = PeriodicWorker("test", 0.001, task)
    worker.start()
    first.wait(10)
    worker.stop()
    made = len(calls)
    threading.Event().wait(0.05)

    assert len(calls) == made > 0


def test_the_service_starts_the_policy_watcher(engine: Engine) -> None:
    """Every worker is in the registry."""
    workers = start_workers(engine)
    names = [worker.name for worker in workers]
    for worker in workers:
        worker.stop()

    assert names == ["policy"]
