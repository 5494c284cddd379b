"""The attacker's aim: one allow is answered again and again, long after it was decided.

Defends against a subject that influences the event's time through its gateway: repetition runs by the server's clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from support.engines import CALLER, score_request
from support.live_server import Server, active_configuration, an_event, now
from support.recorded_decisions import open_store
from support.step_ups import report_completed

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


def test_an_allow_that_rested_on_a_proof_is_decided_again(small: Server) -> None:
    """So that it does not outlive the proof: a failed report after the completed one ends it."""
    action = {"name": "iam:CreateAccessKey", "category": "rotate_secret"}
    challenge = small.score(an_event("retrier", action=action))
    report_completed(small, challenge, "retrier")
    event = an_event("retrier", id="e1", action=action)
    allowed = small.score(event)
    failed = {"decision_id": challenge["decision_id"], "identity": "retrier", "session": "s1", "result": "failed"}
    status, _ = small.post("/step-ups", failed)
    again = small.score(event)

    assert (allowed["ruling"], status, again["ruling"]) == ("allow", 200, "step_up")


def test_a_challenge_that_was_met_is_not_repeated(small: Server) -> None:
    """A gateway whose retry carries the same event id gets the allow that the proof earned."""
    event = an_event("patient", id="e1", action={"name": "iam:CreateAccessKey", "category": "rotate_secret"})
    challenge = small.score(event)
    report_completed(small, challenge, "patient")

    assert (challenge["ruling"], small.score(event)["ruling"]) == ("step_up", "allow")


@pytest.mark.parametrize("ahead", [30, 120, 290])
def test_a_time_in_the_future_counts_as_now(small: Server, ahead: int) -> None:
    """Nothing fades faster, and no proof is made later, since a gateway's clock is ahead."""
    event = an_event(f"ahead {ahead}", time=(now() + timedelta(seconds=ahead)).isoformat())
    recorded = small.get(f"/decisions/{small.score(event)['decision_id']}")["body"]["event"]["time"]

    assert datetime.fromisoformat(recorded) <= now()
