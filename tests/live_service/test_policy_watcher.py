"""A policy changes while the service runs, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from support.live_server import an_event, in_force_here, now
from support.recorded_decisions import opened

from serving import metrics
from serving.contracts.requests import ScoreRequest
from serving.engine.writer import Engine
from serving.policy.schema import BUILT_IN, Policy
from serving.store.api_keys import SCOPES, Caller
from serving.workers.policy_watcher import PolicyWatcher

TEXT = BUILT_IN.read_text()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    place = tmp_path / "policy.yaml"
    place.write_text(TEXT)
    return place


@pytest.fixture
def engine(tmp_path: Path, file: Path) -> Iterator[Engine]:
    made = Engine(opened(tmp_path), in_force_here(tmp_path, policy=Policy.load(file)))
    yield made
    made.close()


def cached(engine: Engine, who: str) -> tuple[int, str]:
    """How long an allow may be reused, and by which policy: what the tests change."""
    answer = engine.score(ScoreRequest.model_validate({"event": an_event(who)}), Caller("test", frozenset(SCOPES)))
    return answer["cache_seconds"], answer["versions"]["policy"]


def test_a_sound_file_is_taken_into_force(engine: Engine, file: Path) -> None:
    """The next decision is made by it, and names its digest."""
    watch = PolicyWatcher(engine, file)
    before = cached(engine, "before")
    file.write_text(TEXT.replace("cache_seconds: 5", "cache_seconds: 17"))
    watch.check()

    assert (before[0], cached(engine, "after")) == (5, (17, Policy.load(file).digest))


WRONG = {
    "not YAML": ("version: 1", "version: [", "not YAML"),
    "a wrong key": ("cache_seconds: 5", "cache_secnds: 5", "is 'cache_seconds' meant"),
    "expired": ("version: 1", "version: 1\nexpires: 2020-01-01T00:00:00Z", "the policy expired at"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_file_that_is_wrong_leaves_the_policy_in_force(engine: Engine, file: Path, wrong: str) -> None:
    """It is said why, in the state that /policy shows and in a metric, until the file is mended."""
    old, new, said = WRONG[wrong]
    watch, before = PolicyWatcher(engine, file), engine.active.policy
    file.write_text(TEXT.replace(old, new))
    watch.check()
    refused, gauge = engine.active.policy_refused, metrics.REGISTRY.get_sample_value("session_trust_policy_refused")
    still = engine.active.policy is before
    file.write_text(TEXT + "# mended\n")
    watch.check()

    assert (said in (refused or ""), gauge, still) == (True, 1.0, True)
    assert (engine.active.policy_refused, engine.active.policy.digest == before.digest) == (None, False)


def test_a_policy_is_taken_when_its_day_comes(engine: Engine, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Written beforehand, refused until then, taken without another touch."""
    watch, day = PolicyWatcher(engine, file), now() + timedelta(days=1)
    file.write_text(TEXT.replace("version: 1", f"version: 1\neffective_from: {day.isoformat()}"))
    watch.check()
    early = engine.active.policy_refused
    monkeypatch.setattr("serving.workers.policy_watcher.now", lambda: day)
    watch.check()

    assert ("in force from" in (early or ""), engine.active.policy_refused) == (True, None)
    assert engine.active.policy.effective_from == day


def test_a_file_that_is_gone_changes_nothing(engine: Engine, file: Path) -> None:
    """A deployment that replaces it may be half done."""
    watch = PolicyWatcher(engine, file)
    file.unlink()
    watch.check()

    assert "cannot be read" in (engine.active.policy_refused or "")
