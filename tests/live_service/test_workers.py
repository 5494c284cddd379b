"""A policy changes while the service runs, whole or not at all; workers go on after a failure, until stopped."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from support.engines import CALLER, score_request
from support.live_server import active_configuration, now
from support.recorded_decisions import open_store

from serving import metrics
from serving.api import health
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
    assert [reason in each.reason for each in engine.active.refused_files] == [True]
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

    assert engine.active.refused_files == ()
    assert engine.active.policy.digest != before
    assert metrics.REGISTRY.get_sample_value("session_trust_policy_refused") == 0.0


def test_a_policy_is_put_into_force_when_its_day_comes(engine: Engine, file: Path) -> None:
    """Written beforehand, refused until then, and put into force without another change of the file."""
    today = now()
    day = today + timedelta(days=1)
    times = [today]
    watcher = PolicyWatcher(engine, file, clock=lambda: times[-1])
    file.write_text(TEXT.replace("version: 1", f"version: 1\neffective_from: {day.isoformat()}"))
    watcher.check()
    early = engine.active.refused_files
    times.append(day)
    watcher.check()

    assert [(each.since, "in force from" in each.reason) for each in early] == [(today, True)]
    assert engine.active.refused_files == ()
    assert engine.active.policy.effective_from == day


def test_a_missing_file_leaves_the_policy_in_force(engine: Engine, file: Path) -> None:
    """A deployment that replaces the file may be half done."""
    watcher, before = PolicyWatcher(engine, file), engine.active.policy
    file.unlink()
    watcher.check()

    assert engine.active.policy is before
    assert [each.reason for each in engine.active.refused_files] == [
        f"{file} cannot be read: No such file or directory"
    ]


def replace_by(file: Path, make: Callable[[Path], object]) -> None:
    file.unlink()
    make(file)


def sparse_file(file: Path, size: int) -> None:
    """Zero bytes that take no room on the disk."""
    os.truncate(file, size)


TROUBLE: dict[str, Callable[[Path], object]] = {
    "an alias within its own anchor": lambda file: file.write_text("&a [*a]"),
    "aliases of aliases": lambda file: file.write_text(
        "a: &a [1]\n" + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in pairwise("abcdefghijk"))
    ),
    "deep nesting": lambda file: file.write_text("[" * 1_000_000),
    "a sentence of braces": lambda file: file.write_text(TEXT.replace('sentence: "', 'sentence: "' + "{" * 4_000)),
    "a large file": lambda file: sparse_file(file, 1 << 30),
    "no UTF-8": lambda file: file.write_bytes(TEXT.encode() + b"\xff"),
    "NUL bytes": lambda file: file.write_bytes(bytes(4_096)),
    "a directory": lambda file: replace_by(file, Path.mkdir),
    "a named pipe": lambda file: replace_by(file, os.mkfifo),
    "nothing": lambda file: file.unlink(),
    "a link to itself": lambda file: replace_by(file, lambda path: path.symlink_to(path)),
    "a file that cannot be read": lambda file: replace_by(file, lambda path: path.symlink_to("/proc/1/mem")),
}


@pytest.mark.parametrize("name", TROUBLE)
def test_the_watcher_survives_any_file_and_shows_its_refusal(engine: Engine, file: Path, name: str) -> None:
    """In GET /policy and the metric; the service stays ready, and a sound file that follows is put into force."""
    watcher, before = PolicyWatcher(engine, file), engine.active.policy
    TROUBLE[name](file)
    began = time.monotonic()
    watcher.check()
    first = answer(engine, "/policy").json()
    watcher.check()
    second = answer(engine, "/policy").json()

    assert time.monotonic() - began < 15
    assert engine.active.policy is before
    assert first == second
    assert [each["file"] for each in first["refused_files"]] == [str(file)]
    assert f"the policy {before.digest} stays in force" in first["refused"]
    assert metrics.REGISTRY.get_sample_value("session_trust_policy_refused") == 1.0
    assert answer(engine, "/readyz").status_code == 200

    make_room(file)
    file.write_text(TEXT.replace("cache_seconds: 5", "cache_seconds: 17"))
    watcher.check()

    assert answer(engine, "/policy").json()["refused_files"] == []
    assert engine.active.policy.cache_seconds == 17


def answer(engine: Engine, path: str) -> httpx.Response:
    """What a route that says how the service is answers, without keys."""
    application = Starlette(routes=[Route("/policy", health.active_policy), Route("/readyz", health.readiness)])
    application.state.engine = engine

    async def get() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://test") as client:
            return await client.get(path)

    return asyncio.run(get())


def make_room(file: Path) -> None:
    """Remove whatever stands in the file's place."""
    if file.is_dir():
        file.rmdir()
    elif file.is_symlink() or file.exists():
        file.unlink()


def test_a_failure_of_the_reader_is_a_refusal(
    engine: Engine, file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Even a panic of a library; it is tried again, and logged once."""
    watcher = PolicyWatcher(engine, file)
    file.write_text(TEXT + "# changed\n")
    with monkeypatch.context() as patched:
        patched.setattr(Policy, "parse", failing_parse)
        watcher.check()
        watcher.check()
    refused = engine.active.refused_files
    watcher.check()

    assert [each.reason for each in refused] == [f"{file} cannot be used: SystemError: panic"]
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]
    assert engine.active.refused_files == ()


def failing_parse(data: bytes, name: str) -> Policy:
    raise SystemError("panic")


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


def test_the_service_starts_every_worker(engine: Engine) -> None:
    """Every worker is in the registry."""
    workers = start_workers(engine)
    names = [worker.name for worker in workers]
    for worker in workers:
        worker.stop()

    assert names == ["policy", "catalogues", "population"]
