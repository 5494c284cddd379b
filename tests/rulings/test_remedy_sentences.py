"""Every remedy word for word, and whose rule it is that asks too often: what a caller acts on must not drift."""

from __future__ import annotations

from typing import Any

import pytest
from support.judging import DOUBTED, POLICY, TRUSTED, ago, an_event, judged, strong_proof

from features.model.trust_curve import TrustCurve
from serving.decision.decide import SessionState

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
SECOND = ["hwk", "pop", "sc", "swk", "otp", "mfa"]


def jit(scope: str) -> dict[str, Any]:
    sentence = "Ask for a credential for this task alone, for 15 minutes."
    return {"type": "jit_credential", "scope": [scope], "ttl_seconds": 900, "sentence": sentence}


def intent(why: str = "State", **task: list[str]) -> dict[str, Any]:
    return {
        "type": "intent_authorization",
        "authorization_details": [{"type": "agent_action", "actions": ["service:Do"], **task}],
        "sentence": f"{why} the task as authorization details (RFC 9396) and have it authorised.",
    }


def mfa(kind: str, levels: str, factors: list[str], minutes: int) -> dict[str, Any]:
    return {
        "type": "interactive_mfa",
        "acr_values": [f"urn:session-trust:aal{level}" for level in levels],
        "amr_values": factors,
        "max_age_seconds": 60 * minutes,
        "sentence": f"Sign in again with a {kind} factor, within the next {minutes} minutes.",
    }


SAID: list[tuple[str, str, dict[str, Any], list[dict[str, Any]]]] = [
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
    ("human", "manage_access", {"resource": BUCKET}, [mfa("phishing-resistant", "3", ["hwk", "pop", "sc"], 5)]),
    ("human", "admin_console", {}, [mfa("second", "23", SECOND, 10)]),
]


@pytest.mark.parametrize(("kind", "category", "groups", "said"), SAID, ids=[f"{k}-{c}" for k, c, *_ in SAID])
def test_a_remedy_says_what_would_do(kind: str, category: str, groups: dict[str, Any], said: Any) -> None:
    """In the policy's order, with everything a client needs to try it."""
    trust = DOUBTED if category == "delete" else TRUSTED

    assert [each.wire() for each in judged(an_event(kind, category, **groups), trust=trust).remedies] == said


ASKERS: list[tuple[str, TrustCurve, dict[str, Any], dict[str, float], dict[str, Any]]] = [
    ("threshold of agent, internal", DOUBTED, {}, {}, {"sensitivity": "internal"}),
    ("threshold of agent, unknown", DOUBTED, {}, {}, {}),
    ("lifetime.risk", TRUSTED, {"valid_until": ago(5)}, {}, {}),
    ("thin_context", TRUSTED, {}, {"context_known_fraction": 0.1}, {}),
]


@pytest.mark.parametrize(("subject", "trust", "standing", "features", "resource"), ASKERS, ids=[a[0] for a in ASKERS])
def test_a_finding_names_what_of_the_policy_asks_too_often(
    subject: str, trust: TrustCurve, standing: Any, features: Any, resource: Any
) -> None:
    """A threshold, a lifetime, thin context or a floor; an automation is then led to a task, and told why."""
    category = "write" if subject == "thin_context" else "read"
    event = an_event("agent", category, resource=resource)
    answer = judged(
        event, trust=trust, features=features, standing=SessionState(prompts_in_window=OFTEN, **standing)
    ).wire()
    sentence = (
        f"This automation had to be asked 6 times in 1 h (5 allowed), 1 of them for {subject}: look whether it asks "
        "too coarsely."
    )

    assert answer["findings"] == [{"kind": "asked_too_often", "subject": subject, "sentence": sentence}]
    assert answer["remedies"][0]["sentence"].startswith("It is asked too often: state the task")


def test_an_automation_is_not_led_to_the_same_remedy_once_more() -> None:
    """Intent was asked for often enough: its owner is next, and a prompt was avoided; one less, and it is not."""
    event = an_event("agent", resource={"sensitivity": "internal"})

    def led(times: int) -> dict[str, Any]:
        standing = SessionState(prompts_in_window=OFTEN, prompts_by_remedy={"intent_authorization": times})
        return judged(event, trust=DOUBTED, standing=standing).wire()

    assert (led(OFTEN)["remedies"], led(OFTEN)["prompt_avoided"]) == ([OWNER], True)
    assert ([each["type"] for each in led(OFTEN - 1)["remedies"]], led(OFTEN - 1)["prompt_avoided"]) == (
        ["intent_authorization", "owner_approval"],
        False,
    )


def test_a_person_is_never_asked_too_often() -> None:
    """Nor a calm automation."""
    for kind, prompts in (("human", 9 * OFTEN), ("agent", OFTEN - 1)):
        answer = judged(an_event(kind), trust=DOUBTED, standing=SessionState(prompts_in_window=prompts)).wire()
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
def test_without_a_model_only_a_harmless_look_is_worth_a_proof(
    category: str | None, resource: Any, action: Any, harmless: bool
) -> None:
    """A person may prove himself for it; all else waits, and a machine for everything."""
    event = an_event("human", category, resource=resource, action=action)
    machine = an_event("workload", category, resource=resource, action=action)

    assert judged(event, trust=None).ruling == ("step_up" if harmless else "deny")
    assert judged(machine, trust=None).ruling == "deny"


@pytest.mark.parametrize("changed", ["asn_changed_in_session", "device_changed_in_session", "agent_changed_in_session"])
def test_a_claim_is_worth_nothing_once_its_place_has_changed(changed: str) -> None:
    """A cookie stolen after a second factor carries its owner's fresh time; unknown is not a change."""
    event = an_event("human", "admin_console")

    assert judged(event, proofs=[strong_proof()], features={changed: 1.0}).ruling == "step_up"
    assert judged(event, proofs=[strong_proof()], features={changed: 0.0}).ruling == "allow"
    assert judged(event, proofs=[strong_proof()], features={changed: float("nan")}).ruling == "allow"


@pytest.mark.parametrize(
    ("made_on", "now_on", "counts"),
    [
        ({"network_asn": 1}, {"network": {"asn": 1}}, True),
        ({"network_asn": 1}, {"network": {"asn": 2}}, False),
        ({"network_asn": 1}, {}, True),
        ({}, {"network": {"asn": 2}}, True),
        ({"device_id": "a"}, {"device": {"id": "a"}}, True),
        ({"device_id": "a"}, {"device": {"id": "b"}}, False),
        ({"device_id": "a"}, {}, True),
        ({}, {"device": {"id": "b"}}, True),
        ({"network_asn": 1, "device_id": "a"}, {"network": {"asn": 1}, "device": {"id": "b"}}, False),
    ],
    ids=str,
)
def test_a_reported_proof_counts_on_the_place_it_was_made_on(made_on: Any, now_on: Any, counts: bool) -> None:
    """Where both are known; what the features say of the session is for claims alone."""
    proof = strong_proof(source="step_up", **made_on)
    answer = judged(
        an_event("human", "admin_console", **now_on), proofs=[proof], features={"device_changed_in_session": 1.0}
    )

    assert answer.ruling == ("allow" if counts else "step_up")
