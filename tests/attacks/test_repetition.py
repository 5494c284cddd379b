"""The attacker's aim: one allow is answered again and again, long after it was decided.

Defends against a subject that influences the event's time through its gateway: repetition runs by the server's clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from support.engines import CALLER, score_request
from support.live_server import active_configuration, now
from support.recorded_decisions import open_store

from serving.engine import score_context
from serving.engine.writer import Engine
from serving.errors import InvalidField


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = Engine(open_store(tmp_path), active_configuration(tmp_path))
    yield engine
    engine.close()


@pytest.mark.parametrize("ahead", [-290, 0, 290])
def test_an_answer_is_repeated_for_five_minutes_of_the_servers_clock(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, ahead: int
) -> None:
    """Whatever time the event claims to have."""
    start = now()
    request = score_request("repeater", id="e1", time=(start + timedelta(seconds=ahead)).isoformat())
    decided = {}
    for seconds in (0, 5, 299, 301, 580):
        monkeypatch.setattr(score_context, "now", lambda seconds=seconds: start + timedelta(seconds=seconds))
        with suppress(InvalidField):  # the event is too far from the server's clock by now
            decided[seconds] = engine.score(request, CALLER)["decision_id"]

    repeated = {seconds for seconds, decision in decided.items() if decision == decided[0]}
    assert repeated - {0, 5, 299} == set()
    assert 5 in repeated
