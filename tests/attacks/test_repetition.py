"""The attacker's aim: one allow is answered again and again, long after it was decided.

Defends against a subject that influences the event's time through its gateway: repetition runs by the server's clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from support.engines import CALLER, score_request
from support.live_server import Server, active_configuration, ago, an_event, now
from support.recorded_decisions import open_store
from support.step_ups import OTHER_NETWORK, report_completed

from serving.contracts.requests import StepUpRequest
from serving.deployment.catalogue_files import load_catalogues
from serving.engine import score_context, step_ups
from serving.engine.writer import Engine
from serving.errors import InvalidField
from serving.model.active import ActiveConfiguration
from serving.policy.schema import BUILT_IN, Policy
from serving.store.places.tables import field_presence


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


def fail(server: Server, challenge: dict[str, Any], identity: str) -> None:
    """Report a challenge as failed, after it was completed."""
    failed = {"decision_id": challenge["decision_id"], "identity": identity, "session": "s1", "result": "failed"}
    assert server.post("/step-ups", failed)[0] == 200


KEY = {"name": "iam:CreateAccessKey", "category": "rotate_secret"}
THIN: dict[str, Any] = {
    "network": {"ip": None, "asn": None, "country": None, "hosting": None, "anonymizer": None},
    "device": {"id": None, "managed": None, "compliant": None, "user_agent": None},
    "resource": {"id": None, "type": None, "sensitivity": None, "environment": None},
    "authentication": {"amr": None, "time": None, "aal": None},
    "credential": {"id": None, "kind": None, "issued_at": None, "privileged": None},
    "action": {"name": "files:Put", "category": "write", "impact": None, "reversible": None},
}
RESTS_ON_A_PROOF: dict[str, dict[str, Any]] = {
    "a floor": {"action": KEY},
    "the model": {"network": OTHER_NETWORK},
    "thin context": THIN,
    "a session that is too old": {"authentication": {"time": ago(40 * 86_400)}},
}


def merged(groups: dict[str, Any]) -> dict[str, Any]:
    """These groups of a harmless event, with other values."""
    return {name: an_event()[name] | values for name, values in groups.items()}


@pytest.mark.parametrize("reason", RESTS_ON_A_PROOF)
def test_an_allow_that_rested_on_a_proof_is_decided_again(small: Server, reason: str) -> None:
    """So that it does not outlive the proof, whatever needed it: a failed report after the completed one ends it."""
    name, groups = f"retrier {reason}", RESTS_ON_A_PROOF[reason]
    small.score(an_event(name))
    challenge = small.score(an_event(name) | merged(groups))
    status, problem = report_completed(small, challenge, name)
    event = an_event(name, id="e1") | merged(groups)
    allowed = small.score(event)
    fail(small, challenge, name)
    again = small.score(event)

    assert (challenge["ruling"], status) == ("step_up", 200), problem
    assert (allowed["ruling"], again["ruling"]) == ("allow", "step_up")


SHORT = (
    BUILT_IN.read_text()
    .replace("longest_seconds: 28800", "longest_seconds: 60")
    .replace("shortest_seconds: 300", "shortest_seconds: 60")
)
"""A policy under which no session lasts longer than a minute."""


@pytest.fixture
def clock(engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[float], datetime]:
    """Sets the engine's clock to so many seconds after the start, and puts SHORT in force."""
    (tmp_path / "policy.yaml").write_text(SHORT)
    engine.change(lambda before: replace(before, policy=Policy.load(tmp_path / "policy.yaml")))
    start = now()

    def set_to(seconds: float) -> datetime:
        for module in (score_context, step_ups):
            monkeypatch.setattr(module, "now", lambda: start + timedelta(seconds=seconds))
        return start + timedelta(seconds=seconds)

    return set_to


def test_an_allow_is_not_repeated_once_its_session_has_expired(
    engine: Engine, clock: Callable[[float], datetime]
) -> None:
    """Also where no proof was asked for."""
    request, rulings = score_request("outlived", id="e1"), []
    for seconds in (0, 50, 70):
        clock(seconds)
        rulings.append(engine.score(request, CALLER)["ruling"])

    assert rulings == ["allow", "allow", "step_up"]


def test_an_allow_of_an_expired_session_is_decided_again(engine: Engine, clock: Callable[[float], datetime]) -> None:
    """It rested on the proof that let the session go on, which is reported as failed afterwards."""
    clock(0)
    engine.score(score_request("expired"), CALLER)
    clock(70)
    challenge = engine.score(score_request("expired"), CALLER)
    report = {"decision_id": challenge["decision_id"], "identity": "expired", "session": "s1", "result": "completed"}
    proof = {"made_at": clock(72).isoformat(), "kind": "interactive_mfa", "amr": ["pwd", "hwk"]}
    engine.step_up(StepUpRequest.model_validate(report | {"proof": proof}))
    request = score_request("expired", id="e1")
    allowed = engine.score(request, CALLER)
    clock(74)
    engine.step_up(StepUpRequest.model_validate(report | {"result": "failed"}))
    clock(76)
    again = engine.score(request, CALLER)

    assert challenge["because"] == ["the session's trust has expired"]
    assert (allowed["ruling"], again["ruling"]) == ("allow", "step_up")


def revoked(server: Server, identity: str, session: str | None) -> None:
    body = {"identity": identity, "session": session, "reason": "stolen"}
    assert server.post("/revocations", body)[0] == 200


@pytest.mark.parametrize(("session", "ruling"), [("s1", "deny"), (None, "deny"), ("s2", "allow")])
def test_a_revocation_ends_repetition_where_it_counts(small: Server, session: str | None, ruling: str) -> None:
    """Of the session and of the identity as a whole; a session that was allowed before another was revoked goes on."""
    event = an_event(f"revoked {session}", id="e1")
    small.score(event)
    revoked(small, f"revoked {session}", session)

    assert small.score(event)["ruling"] == ruling


@pytest.mark.parametrize("spelling", ["unnamed", "UNNAMED"])
def test_an_allow_without_a_session_ends_with_any_revoked_session(small: Server, spelling: str) -> None:
    """It may be the revoked one; so the answer is not repeated."""
    event = an_event("unnamed", id=f"of {spelling}")
    del event["session"]
    before = small.score(event)
    revoked(small, spelling, f"lost by {spelling}")
    after = small.score(event)
    small.post("/revocations/lift", {"identity": "unnamed", "session": f"lost by {spelling}", "reason": "found"})
    lifted = small.score(event)

    assert [each["ruling"] for each in (before, after, lifted)] == ["allow", "step_up", "allow"]


def test_a_denial_is_not_repeated_once_its_revocation_is_lifted(small: Server) -> None:
    """While it stands, the denial is repeated."""
    revoked(small, "pardoned", None)
    event = an_event("pardoned", id="e1")
    denied, repeated = small.score(event), small.score(event)
    small.post("/revocations/lift", {"identity": "pardoned", "reason": "a drill"})

    assert denied["decision_id"] == repeated["decision_id"]
    assert (denied["ruling"], small.score(event)["ruling"]) == ("deny", "allow")


def test_a_type_that_is_fixed_meanwhile_ends_repetition(small: Server) -> None:
    """What called itself a person is known as a workload by now, and meets the floors of one."""
    workflow = {"name": "deploy", "category": "invoke_workflow", "impact": "high"}
    event, key = an_event("unmasked", id="e1", action=workflow), small.key("score")
    before = small.score(event, key)
    known = an_event("unmasked", identity={"type": "workload"}, credential={"kind": "access_key"})
    small.score(known, small.key("score", "assure"))
    after = small.score(event, key)

    assert before["decision_id"] != after["decision_id"]
    assert "high-impact-workflow" in {floor["id"] for floor in after["floors"]}


def in_force(configuration: ActiveConfiguration, what: str, folder: Path) -> ActiveConfiguration:
    """The configuration with another policy, or with a catalogue beside it."""
    if what == "policy":
        (folder / "policy.yaml").write_text(f"{BUILT_IN.read_text()}# another one\n")
        return replace(configuration, policy=Policy.load(folder / "policy.yaml"))
    (folder / "assets.yaml").write_text("version: 1\nassets:\n  - {id: [r1], sensitivity: restricted}\n")
    return replace(configuration, catalogues=load_catalogues(folder))


@pytest.mark.parametrize("what", ["policy", "catalogues"])
def test_another_policy_or_catalogue_ends_repetition(tmp_path: Path, what: str) -> None:
    """From the first request on that they are in force for."""
    configuration = active_configuration(tmp_path)
    engine = Engine(open_store(tmp_path), configuration)
    request = score_request("reader", id="e1")
    first, second = (engine.score(request, CALLER)["decision_id"] for _ in range(2))
    engine.change(lambda before: in_force(before, what, tmp_path))
    third = engine.score(request, CALLER)["decision_id"]
    engine.close()

    assert (first == second, first == third) == (True, False)


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


def test_a_habit_cannot_be_had_by_repetition(engine: Engine) -> None:
    """A request without a device, asked twenty times, is one request: it does not make the device unusual to send."""
    request = score_request("repeating", id="thin", device={"id": None, "user_agent": None})
    decisions = {engine.score(request, CALLER)["decision_id"] for _ in range(20)}

    with engine.store.reading() as tx:
        (requests,) = tx.connection.core.execute(
            sa.select(field_presence.c.requests).where(field_presence.c.identity == "repeating")
        ).one()
    assert (len(decisions), requests) == (1, 1.0)
