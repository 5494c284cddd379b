"""What scripts/demo shows, by a service as `session-trust serve` brings it up."""

from __future__ import annotations

import subprocess
from pathlib import Path
from uuid import uuid4

import pytest

from features import Event
from serving.demo.assertions import MIN_ALLOWED, count_allowed
from serving.demo.controls import same_role_before, unrelated_role
from serving.demo.incident import logged_events, stolen_calls
from serving.demo.result import ScoredEvent, score_events
from serving.launch.client import Service

ROOT = Path(__file__).resolve().parents[2]
CODE = ("features", "training", "serving", "scripts", "notebooks")
RECORDED = ROOT / "scripts/docgen/recorded"
"""What the demo printed when the documentation was made: it names the incident, and only the docs read it."""


@pytest.fixture(scope="module")
def logged() -> list[Event]:
    """The incident in time order."""
    return logged_events()


@pytest.fixture(scope="module")
def incident(live: Service, logged: list[Event]) -> list[ScoredEvent]:
    """The decisions on the incident, in a history space of its own."""
    return list(score_events(live, logged, f"test-{uuid4()}"))


def test_the_demo_prints_the_turn_and_passes_its_assertions(live: Service) -> None:
    """`scripts/demo` finds the running service, ends with 0 and counts requests, step-ups and denies per identity."""
    demo = subprocess.run([ROOT / "scripts/demo"], env=live.environment, capture_output=True, text=True, check=False)

    assert (demo.returncode, "step-ups" in demo.stdout) == (0, True), demo.stdout[-4000:] + demo.stderr


def test_the_persons_reading_is_allowed(incident: list[ScoredEvent]) -> None:
    """MFA-backed reading in the console passes, all of it."""
    reading = [scored for scored in incident if scored.event.identity.type == "human"]

    assert count_allowed(reading) == len(reading) > 0


def test_no_call_with_the_stolen_credential_is_allowed(incident: list[ScoredEvent], logged: list[Event]) -> None:
    """No call with the stolen credential is allowed, although the role has no history."""
    stolen = stolen_calls(logged)

    assert [s.event.action.name for s in incident if s.event in stolen and s.ruling == "allow"] == []


def test_no_machine_is_offered_a_remedy_that_needs_a_person(incident: list[ScoredEvent]) -> None:
    """Nobody sits at its keyboard."""
    offered = {r["type"] for s in incident if s.event.identity.type != "human" for r in s.decision["remedies"]}

    assert "interactive_mfa" not in offered


@pytest.mark.parametrize("control", [same_role_before, unrelated_role], ids=["the same role", "an unrelated role"])
def test_benign_machines_are_allowed(live: Service, logged: list[Event], control: object) -> None:
    """At least 95 % of constructed benign calls, without MFA and in a log with few fields."""
    assert callable(control)
    calls = list(score_events(live, control(stolen_calls(logged)[0]), f"test-{uuid4()}"))

    assert count_allowed(calls) >= MIN_ALLOWED * len(calls) > 0


def test_nothing_names_the_incident(logged: list[Event]) -> None:
    """No identity, session, credential, instance, resource or client of the log stands in code, policy or training."""
    ids = {i for e in logged for i in (e.identity.id, e.session.id, e.credential.id, e.device.id, e.resource.id) if i}
    clients = {e.device.user_agent for e in logged if e.device.user_agent and " " in e.device.user_agent}
    values = clients | {part for value in ids for part in (value, value.rpartition("/")[2])}
    values -= {value for value in values if value.endswith(".amazonaws.com")}  # AWS's own names, everybody's
    files = [p for folder in CODE for p in (ROOT / folder).rglob("*") if p.is_file() and p.parent != RECORDED]

    naming = [
        (p.name, v)
        for p in files
        for v in values
        if p.suffix != ".pyc" and v in p.read_bytes().decode("utf-8", "ignore")
    ]

    assert naming == []


def test_a_log_without_a_theft_is_named(tmp_path: Path) -> None:
    """No service is started for it."""
    (log := tmp_path / "log.json").write_text("[]")
    demo = subprocess.run(
        [ROOT / "scripts/demo", "--log", log], capture_output=True, text=True, check=False, timeout=120
    )

    assert (demo.returncode, f"{log}: 0 events" in demo.stdout) == (2, True), demo.stdout + demo.stderr
