"""The promises of scripts/demo, kept by a service as scripts/serve brings it up."""

from __future__ import annotations

import subprocess
from pathlib import Path
from uuid import uuid4

import pytest

from features import Event
from serving.demo.assertions import ORDINARY_SHARE, passed
from serving.demo.controls import other_role, role_before
from serving.demo.incident import logged_events, the_robbed
from serving.demo.result import Judged, judge
from serving.launch.client import Service

ROOT = Path(__file__).resolve().parents[2]
CODE = ("features", "training", "serving", "scripts", "notebooks")


@pytest.fixture(scope="module")
def logged() -> list[Event]:
    """The incident in time order."""
    return logged_events()


@pytest.fixture(scope="module")
def incident(live: Service, logged: list[Event]) -> list[Judged]:
    """The incident, judged in a fresh history space."""
    return list(judge(live, logged, f"test-{uuid4()}"))


def test_the_demo_prints_the_turn_and_keeps_its_promises(live: Service) -> None:
    """`scripts/demo` finds the running service, ends with 0 and counts requests, step-ups and denies per identity."""
    demo = subprocess.run([ROOT / "scripts/demo"], env=live.environment, capture_output=True, text=True, check=False)

    assert (demo.returncode, "step-ups" in demo.stdout) == (0, True), demo.stdout[-4000:] + demo.stderr


def test_the_persons_ordinary_reading_is_allowed(incident: list[Judged]) -> None:
    """MFA-backed reading in the console passes, all of it."""
    reading = [j for j in incident if j.event.identity.type == "human"]

    assert passed(reading) == len(reading) > 0


def test_the_stolen_role_does_not_pass_unchallenged(incident: list[Judged], logged: list[Event]) -> None:
    """Not one call with the stolen credential is allowed, though nothing was known of the role before."""
    robbed = the_robbed(logged)

    assert [j.event.action.name for j in incident if j.event in robbed and j.ruling == "allow"] == []


def test_no_machine_is_ever_asked_for_a_persons_factor(incident: list[Judged]) -> None:
    """No remedy offered to a non-human needs somebody at a keyboard."""
    offered = {r["type"] for j in incident if j.event.identity.type != "human" for r in j.decision["remedies"]}

    assert "interactive_mfa" not in offered


@pytest.mark.parametrize("control", [role_before, other_role], ids=["the role's ordinary calls", "another role"])
def test_ordinary_machines_pass(live: Service, logged: list[Event], control: object) -> None:
    """At least 95 % of constructed ordinary calls are allowed, without MFA and through a log that knows little."""
    assert callable(control)
    calls = list(judge(live, control(the_robbed(logged)[0]), f"test-{uuid4()}"))

    assert passed(calls) >= ORDINARY_SHARE * len(calls) > 0


def test_nothing_names_the_incident(logged: list[Event]) -> None:
    """No identity, session, credential, instance, resource or client of the log stands in code, policy or training."""
    ids = {i for e in logged for i in (e.identity.id, e.session.id, e.credential.id, e.device.id, e.resource.id) if i}
    clients = {e.device.user_agent for e in logged if e.device.user_agent and " " in e.device.user_agent}
    values = clients | {part for value in ids for part in (value, value.rpartition("/")[2])}
    values -= {value for value in values if value.endswith(".amazonaws.com")}  # AWS's own names, everybody's
    files = [p for folder in CODE for p in (ROOT / folder).rglob("*") if p.is_file() and "__pycache__" not in p.parts]

    naming = [(p.name, v) for p in files for v in values if v in p.read_bytes().decode("utf-8", "ignore")]

    assert naming == []


def test_a_log_without_a_theft_is_named(tmp_path: Path) -> None:
    """No service is started for it."""
    (log := tmp_path / "log.json").write_text("[]")
    demo = subprocess.run(
        [ROOT / "scripts/demo", "--log", log], capture_output=True, text=True, check=False, timeout=120
    )

    assert (demo.returncode, f"{log}: 0 events" in demo.stdout) == (2, True), demo.stdout + demo.stderr
