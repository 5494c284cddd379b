"""Every remedy word for word, and the rule that a finding names: callers act on them, so they must not change."""

from __future__ import annotations

from typing import Any

import pytest
from support.decisions import DOUBTED, POLICY, TRUSTED, ago, an_event, decide_on, strong_proof

from features.model.trust_curve import TrustCurve
from serving.decision.inputs import SessionState

OFTEN = POLICY.storm.prompts
BUCKET = {"id": "payroll", "type": "bucket", "sensitivity": "restricted"}
ATTEST = {
    "type": "attest_workload_identity",
    "max_age_seconds": 300,
    "sentence": "Attest the workload's identity anew (an SVID issued now).",
}
REFRESH = {
    "type": "refresh_token",
    "max_age_seconds": 300,
    "sentence": "Exchange the credential for one issued now.",
}
OWNER = {"type": "owner_approval", "sentence": "Its owner must approve it (CIBA)."}
ANY_SECOND = [["mfa"], *(["pwd", value] for value in ("otp", "swk", "hwk", "pop", "sc"))]
RESISTANT = [[first, value] for first in ("pwd", "mfa") for value in ("hwk", "pop", "sc")]


def jit(scope: str) -> dict[str, Any]:
    sentence = "Ask for a credential for this task alone, for 15 minutes."
    return {"type": "jit_credential", "scope": [scope], "ttl_seconds": 900, "sentence": sentence}


def intent(verb: str = "State", **task: list[str]) -> dict[str, Any]:
    return {
        "type": "intent_authorization",
        "authorization_details": [{"type": "agent_action", "actions": ["service:Do"], **task}],
        "sentence": f"{verb} the task as authorization details (RFC 9396) and have it authorised.",
    }


def mfa(factor: str, levels: str, factors: list[list[str]], minutes: int) -> dict[str, Any]:
    return {
        "type": "interactive_mfa",
        "acr_values": [f"urn:session-trust:aal{level}" for level in levels],
        "amr_values": [amr[0] for amr in factors if len(amr) == 1],
        "amr_combinations": [amr for amr in factors if len(amr) > 1],
        "max_age_seconds": 60 * minutes,
        "sentence": f"Sign in again with a {factor} factor, within the next {minutes} minutes.",
    }


REMEDIES: list[tuple[str, str, dict[str, Any], list[dict[str, Any]]]] = [
    ("workload", "export", {"resource": BUCKET}, [ATTEST, jit("export:bucket"), REFRESH]),
    ("service_account", "rotate_secret", {}, [ATTEST, jit("rotate_secret:*"), REFRESH]),
    (
        "agent",
        "export",
        {"resource": BUCKET, "identity": {"role": "clerk"}},
        [intent(locations=["payroll"], datatypes=["bucket"], privileges=["clerk"]), jit("export:bucket"), OWNER],
    ),
    (
        "agent",
        "delete",
        {"action": {"reversible": False}, "resource": {"sensitivity": "restricted"}},
        [OWNER | {"sentence": "This cannot be undone: its owner must approve it (CIBA)."}],
    ),
    ("human", "manage_access", {"resource": BUCKET}, [mfa("phishing-resistant", "3", RESISTANT, 5)]),
    ("human", "admin_console", {}, [mfa("second", "23", ANY_SECOND, 10)]),
]


@pytest.mark.parametrize(
    ("kind", "category", "groups", "remedies"), REMEDIES, ids=[f"{kind}-{category}" for kind, category, *_ in REMEDIES]
)
def test_a_remedy_holds_what_a_client_needs(kind: str, category: str, groups: dict[str, Any], remedies: Any) -> None:
    """In the policy's order."""
    trust = DOUBTED if category == "delete" else TRUSTED

    decision = decide_on(an_event(kind, category, session={"id": "s1"}, **groups), trust=trust)
    wires = [each.wire("decision", "ada") for each in decision.remedies]

    assert [{name: value for name, value in wire.items() if name != "body"} for wire in wires] == remedies
    assert [wire["body"]["proof"]["kind"] for wire in wires] == [wire["type"] for wire in wires]


TOO_BROAD = "check whether that rule is too broad"
ATTACK_CASES: dict[str, tuple[TrustCurve, dict[str, float], dict[str, int], str]] = {
    "nothing speaks for an attack": (TRUSTED, {}, {}, TOO_BROAD),
    "trust is low": (DOUBTED, {}, {}, "its session is not trusted, so find out"),
    "trust was low": (TRUSTED, {}, {"threshold of workload, internal": 5}, "its session is not trusted, so find out"),
    "the credential is exposed": (
        TRUSTED,
        {"credential_exposed": 1.0},
        {},
        "its session is not trusted and floor exposed-credential applies, so find out",
    ),
    "two places at once": (TRUSTED, {"credential_instances_last_hour": 2.0}, {}, "floor shared-credential applies, so"),
    "a floor of danger asked before": (TRUSTED, {}, {"floor shared-credential": 5}, "floor shared-credential applies"),
}


@pytest.mark.parametrize("case", ATTACK_CASES)
def test_a_rule_is_called_too_broad_only_where_nothing_speaks_for_an_attack(case: str) -> None:
    """Prompts of a stolen session are what a rule is for."""
    trust, features, prompts, advice = ATTACK_CASES[case]
    session = SessionState(prompts_in_window=OFTEN, prompts_by_rule=prompts)
    decision = decide_on(an_event("workload", "rotate_secret"), trust=trust, features=features, session=session)
    sentence = next(each.sentence for each in decision.findings if each.kind == "asked_too_often")

    assert advice in sentence
    assert (TOO_BROAD in sentence) is (advice == TOO_BROAD)


FINDING_CASES: list[tuple[str, TrustCurve, dict[str, Any], dict[str, float], dict[str, Any]]] = [
    ("threshold of agent, internal", DOUBTED, {}, {}, {"sensitivity": "internal"}),
    ("threshold of agent, unknown", DOUBTED, {}, {}, {}),
    ("lifetime.risk", TRUSTED, {"valid_until": ago(5)}, {}, {}),
    ("thin_context", TRUSTED, {}, {"context_known_fraction": 0.1}, {}),
]


@pytest.mark.parametrize(
    ("subject", "trust", "session", "features", "resource"), FINDING_CASES, ids=[case[0] for case in FINDING_CASES]
)
def test_a_finding_names_the_rule_that_asks_too_often(
    subject: str, trust: TrustCurve, session: Any, features: Any, resource: Any
) -> None:
    """A threshold, a lifetime, thin context or a floor; an automation is then offered to declare its task."""
    category = "write" if subject == "thin_context" else "read"
    event = an_event("agent", category, resource=resource)
    answer = decide_on(
        event, trust=trust, features=features, session=SessionState(prompts_in_window=OFTEN, **session)
    ).wire()
    advice = "check whether that rule is too broad"
    if trust is DOUBTED:
        advice = "its session is not trusted, so find out first whether an attacker acts in its name"
    sentence = f"This automation had to be asked 6 times in 1 h (5 allowed), 1 of them for {subject}: {advice}."

    assert answer["findings"] == [{"kind": "asked_too_often", "subject": subject, "sentence": sentence}]
    assert answer["remedies"][0]["sentence"].startswith("It is asked too often: state the task")


def test_an_automation_is_not_offered_the_same_remedy_without_end() -> None:
    """Once intent was offered often enough, owner approval is next, and a prompt is avoided."""
    event = an_event("agent", resource={"sensitivity": "internal"}, session={"id": "s1"})

    def answer(times: int) -> dict[str, Any]:
        session = SessionState(prompts_in_window=OFTEN, prompts_by_remedy={"intent_authorization": times})
        return decide_on(event, trust=DOUBTED, session=session).wire()

    often, less_often = answer(OFTEN), answer(OFTEN - 1)

    assert [remedy["sentence"] for remedy in often["remedies"]] == [OWNER["sentence"]]
    assert often["prompt_avoided"] is True
    assert [remedy["type"] for remedy in less_often["remedies"]] == ["intent_authorization", "owner_approval"]
    assert less_often["prompt_avoided"] is False


@pytest.mark.parametrize(("kind", "prompts"), [("human", 9 * OFTEN), ("agent", OFTEN - 1)])
def test_only_an_automation_can_be_asked_too_often(kind: str, prompts: int) -> None:
    """A person cannot, and an automation cannot before the limit."""
    answer = decide_on(an_event(kind), trust=DOUBTED, session=SessionState(prompts_in_window=prompts)).wire()

    assert not any(remedy["sentence"].startswith("It is asked too often") for remedy in answer["remedies"])
    assert answer["prompt_avoided"] is False


@pytest.mark.parametrize(
    ("category", "resource", "action", "harmless"),
    [
        ("read", {}, {}, True),
        ("list", {"sensitivity": "public"}, {"impact": "low"}, True),
        ("read", {"sensitivity": "internal"}, {"impact": "medium"}, False),
        ("read", {"sensitivity": "confidential"}, {}, False),
        ("write", {"sensitivity": "public"}, {"impact": "low"}, False),
        (None, {}, {}, False),
    ],
    ids=str,
)
def test_without_a_model_a_person_may_step_up_only_for_a_harmless_view(
    category: str | None, resource: Any, action: Any, harmless: bool
) -> None:
    """Everything else is denied, and so is every request of a machine."""
    event = an_event("human", category, resource=resource, action=action)
    machine = an_event("workload", category, resource=resource, action=action)

    assert decide_on(event, trust=None).ruling == ("step_up" if harmless else "deny")
    assert decide_on(machine, trust=None).ruling == "deny"


@pytest.mark.parametrize("changed", ["asn_changed_in_session", "device_changed_in_session", "agent_changed_in_session"])
def test_a_claim_does_not_count_after_network_or_device_changed(changed: str) -> None:
    """A stolen cookie carries the fresh time of the person who signed in; an unknown change does not count."""
    event = an_event("human", "admin_console")

    assert decide_on(event, proofs=[strong_proof()], features={changed: 1.0}).ruling == "step_up"
    assert decide_on(event, proofs=[strong_proof()], features={changed: 0.0}).ruling == "allow"
    assert decide_on(event, proofs=[strong_proof()], features={changed: float("nan")}).ruling == "allow"
