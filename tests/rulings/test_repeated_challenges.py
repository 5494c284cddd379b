"""No automation is offered the same remedy without end, and a rule that asks too often is a finding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.decisions import DOUBTED, NOW, POLICY, an_event, decide_on
from support.live_server import Server, active_configuration
from support.live_server import an_event as a_request
from support.recorded_decisions import START, open_store

from serving.contracts.requests import ScoreRequest, StepUpRequest
from serving.decision.inputs import SessionState
from serving.decision.proofs import claimed_proofs
from serving.decision.ruling import TOO_OFTEN
from serving.engine.writer import Engine
from serving.errors import InvalidField
from serving.scopes import SCOPES
from serving.store.api_keys import Caller

CALLER = Caller("test", frozenset(SCOPES))
WINDOW = timedelta(seconds=POLICY.storm.window_seconds)
MACHINES = ("service_account", "workload", "agent")


@dataclass(frozen=True)
class Step:
    """A request so many seconds after the one before, and how its challenge is answered."""

    after_seconds: int
    category: str
    resource: str | None
    exposed: bool | None
    reversible: bool
    reply: str


STEPS = st.builds(
    Step,
    st.sampled_from((0, 1, 60, 599, 1_200, 3_599, 3_600)),
    st.sampled_from(("rotate_secret", "rotate_secret", "export")),
    st.sampled_from(("table", "table", None)),
    st.sampled_from((None, True)),
    st.sampled_from((True, True, False)),
    st.sampled_from(("nothing", "nothing", "failed", "as asked")),
)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder = tmp_path_factory.mktemp("often")
    made = Engine(open_store(folder), active_configuration(folder))
    yield made
    made.close()


def event_of(kind: str, step: Step, at: datetime) -> dict[str, Any]:
    return {
        "time": at.isoformat(),
        "identity": {"id": "robot", "type": kind},
        "session": {"id": "s"},
        "action": {"name": "vendor:Do", "category": step.category, "reversible": step.reversible},
        "resource": {"type": step.resource, "sensitivity": "confidential"},
        "credential": {"id": "c", "exposed": step.exposed},
    }


def reply(engine: Engine, answer: dict[str, Any], step: Step, at: datetime) -> None:
    """Report that the first remedy was carried out, or that it failed."""
    completed, made_at = step.reply == "as asked", at + timedelta(milliseconds=1)
    remedy = answer["remedies"][0]
    proof = {
        "made_at": made_at.isoformat(),
        "kind": remedy["type"],
        "scope": remedy.get("scope", []),
        "expires_at": (made_at + timedelta(seconds=600)).isoformat(),
        "authorization_details": remedy.get("authorization_details", []),
    }
    report = {"decision_id": answer["decision_id"], "identity": "robot", "session": "s"}
    result = {"result": "completed", "proof": proof} if completed else {"result": "failed"}
    engine.step_up(StepUpRequest.model_validate(report | result))


Offer = tuple[str, str | None, str]
"""Category, type of resource, and the remedy offered first."""


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(MACHINES), st.integers(1, 3), st.lists(STEPS, min_size=8, max_size=25), st.uuids())
def test_no_automation_is_offered_the_same_remedy_more_often_than_allowed(
    engine: Engine, kind: str, often: int, steps: list[Step], space: object
) -> None:
    """Within any window, for the same category and resource type, whatever it answers; on a real store."""
    storm = POLICY.storm.model_copy(update={"prompts": often})
    engine.active = replace(engine.active, policy=POLICY.model_copy(update={"storm": storm}))
    at, offers = START, list[tuple[datetime, Offer]]()
    for step in steps:
        at += timedelta(seconds=step.after_seconds, microseconds=1)
        request = {"event": event_of(kind, step, at), "mode": "replay", "space": str(space)}
        answer = engine.score(ScoreRequest.model_validate(request), CALLER)
        if answer["ruling"] == "step_up":
            offers.append((at, (step.category, step.resource, answer["remedies"][0]["type"])))
            if step.reply != "nothing":
                reply(engine, answer, step, at)
    repeats = [sum(other == offer and at - WINDOW < earlier <= at for earlier, other in offers) for at, offer in offers]

    assert max(repeats, default=0) <= often


LADDER = {
    "workload": ["attest_workload_identity", "intent_authorization", TOO_OFTEN],
    "service_account": ["attest_workload_identity", "intent_authorization", TOO_OFTEN],
    "agent": ["intent_authorization", "owner_approval", TOO_OFTEN],
}


@pytest.mark.parametrize("kind", MACHINES)
def test_after_the_last_prompt_comes_another_remedy_or_a_denial(kind: str) -> None:
    """The denial says why."""
    counts: dict[str, int] = {}
    answers = []
    for number in range(16):
        session = SessionState(prompts_in_window=number, prompts_by_remedy=dict(counts))
        decision = decide_on(an_event(kind, "rotate_secret"), session=session)
        first = decision.remedies[0].type if decision.remedies else decision.because[0]
        answers.append(first)
        counts[first] = counts.get(first, 0) + 1

    assert answers == [LADDER[kind][0]] * 5 + [LADDER[kind][1]] * 5 + [TOO_OFTEN] * 6


def test_a_person_is_asked_however_often() -> None:
    """That it is often is a finding."""
    session = SessionState(prompts_in_window=9, prompts_by_remedy={"interactive_mfa": 9})
    decision = decide_on(an_event("human", "approve_payment"), session=session)

    assert decision.ruling == "step_up"
    assert decision.remedies[0].type == "interactive_mfa"
    assert decision.prompt_avoided is False
    assert [each.kind for each in decision.findings] == ["asked_too_often"]


def test_a_finding_names_the_rule_that_asked_most() -> None:
    """Of all prompts in the window, this one included: a floor, or a threshold by identity type and sensitivity."""
    prompts = {"threshold of workload, restricted": 4, "floor rotate-secret": 1}
    session = SessionState(prompts_in_window=5, prompts_by_rule=prompts)
    decisions = [
        decide_on(an_event("workload", "rotate_secret"), session=each)
        for each in (session, replace(session, prompts_by_rule={}), replace(session, prompts_in_window=4))
    ]
    by_model = decide_on(an_event("workload"), trust=DOUBTED, session=replace(session, prompts_by_rule={}))

    assert [[each.subject for each in decision.findings] for decision in decisions] == [
        ["threshold of workload, restricted"],
        ["floor rotate-secret"],
        [],
    ]
    assert [each.subject for each in by_model.findings] == ["threshold of workload, unknown"]
    assert decisions[0].findings[0].sentence == (
        "This automation had to be asked 6 times in 1 h (5 allowed), 4 of them for threshold of workload, restricted: "
        "its session is not trusted, so find out first whether an attacker acts in its name."
    )


@pytest.mark.parametrize("proven", [True, False])
def test_a_standing_fault_is_a_finding_whatever_was_proven(proven: bool) -> None:
    """An identity with far more rights than it uses is allowed just in time, and operators are told."""
    credential = {"kind": "jit_credential", "issued_at": NOW, "scope": ["write:*"]}
    ends = {"expires_at": NOW + timedelta(minutes=10)}
    event = an_event("workload", "write", credential=credential | ends if proven else {})
    decision = decide_on(event, features={"entitlements_unused_share": 0.95}, proofs=claimed_proofs(event))

    assert decision.ruling == ("allow" if proven else "step_up")
    assert [(finding.kind, finding.subject) for finding in decision.findings] == [
        ("standing_fault", "floor standing-over-privilege")
    ]


def test_operators_see_a_rule_that_asks_too_often(small: Server) -> None:
    """In the decision, in the findings, on the policy page, and as metrics."""
    event = a_request("stormy", category="rotate_secret", identity={"type": "workload"})
    answers = [small.score(event) for _ in range(7)]
    metrics = small.request("GET", "/metrics").text
    findings = [each for each in small.get("/findings")["findings"] if each["identity"] == "stormy"]

    assert [answer["prompt_avoided"] for answer in answers] == [False] * 5 + [True] * 2
    assert [each["subject"] for each in answers[-1]["findings"]] == ["floor rotate-secret"]
    assert [(each["subject"], each["times"], each["decision_id"]) for each in findings] == [
        ("floor rotate-secret", 2, answers[-1]["decision_id"])
    ]
    assert 'session_trust_prompts_avoided_total{identity_type="workload"}' in metrics
    assert 'session_trust_findings_total{kind="asked_too_often",subject="floor rotate-secret"}' in metrics
    assert "This automation had to be asked 7 times" in small.request("GET", "/investigate/policy").text


def test_operators_see_identities_with_too_many_rights(small: Server) -> None:
    """Once for each identity, from its first such request on."""
    identity = {"type": "workload", "entitlements_granted": 100, "entitlements_used_90d": 3}
    answers = [small.score(a_request("mighty", category="write", identity=identity)) for _ in range(2)]
    findings = [each for each in small.get("/findings")["findings"] if each["identity"] == "mighty"]

    assert [(answer["ruling"], answer["remedies"][0]["type"]) for answer in answers] == [
        ("step_up", "jit_credential")
    ] * 2
    assert [(each["kind"], each["subject"], each["times"]) for each in findings] == [
        ("standing_fault", "floor standing-over-privilege", 2)
    ]


def test_a_proof_of_another_kind_is_refused_in_a_storm_too(engine: Engine) -> None:
    """However often the identity was asked."""
    engine.active = replace(engine.active, policy=POLICY)
    step = Step(0, "rotate_secret", "table", None, True, "nothing")
    request = {"event": event_of("workload", step, START), "mode": "replay"}
    answer = engine.score(ScoreRequest.model_validate(request), CALLER)
    report = {"decision_id": answer["decision_id"], "identity": "robot", "session": "s", "result": "completed"}
    proof = {"made_at": (START + timedelta(seconds=1)).isoformat(), "kind": "owner_approval"}

    with pytest.raises(InvalidField, match="proof of this kind is not accepted here"):
        engine.step_up(StepUpRequest.model_validate(report | {"proof": proof}))
