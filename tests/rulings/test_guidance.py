"""The guidance this product follows, as stories: each trigger asks when it should, and is silent for its look-alike.

Given who acts and what is known, when a request comes, then it is asked for (or allowed), and for this reason.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from support.judging import DOUBTED, NOW, POLICY, TRUSTED, ago, an_event, attestation, judged, strong_proof

from features.model.trust_curve import TrustCurve
from serving.decision.authorization_details import Detail
from serving.decision.decide import Decision, Proof, Revocation, Scope, SessionState
from serving.decision.ruling import AGAIN, TOO_OFTEN

LOST = TrustCurve(6.0, (0.0,) * 4)
RESTRICTED = {"resource": {"sensitivity": "restricted"}}
CONFIDENTIAL = {"resource": {"sensitivity": "confidential"}}
INTERNAL = {"resource": {"sensitivity": "internal"}}


REPORTS = {"resource": {"id": "reports"}}
READ_REPORTS = '[{"type": "agent_action", "actions": ["read"], "locations": ["reports"]}]'


@dataclass(frozen=True)
class When:
    """A request as it comes: of whom, of what category, with what said, measured, trusted, proven and remembered."""

    who: str
    category: str
    groups: dict[str, Any] = field(default_factory=dict)
    features: dict[str, float] = field(default_factory=dict)
    trust: TrustCurve = TRUSTED
    proofs: tuple[Proof, ...] = ()
    standing: SessionState = field(default_factory=SessionState)

    def decided(self) -> Decision:
        event = an_event(self.who, self.category, **self.groups)
        return judged(event, features=self.features, trust=self.trust, proofs=self.proofs, standing=self.standing)


@dataclass(frozen=True)
class Story:
    """Given a situation, this request is asked for proof because of it; its look-alike is allowed."""

    given: str
    fires: When
    silent: When
    because: str
    remedy: str = "interactive_mfa"
    ruling: str = "step_up"


VAULT = {"resource": {"id": "vault-1", "type": "vault"}}
EVERYTHING = {"attest_workload_identity": 5, "intent_authorization": 5}


def for_a_task(scope: str) -> Proof:
    """A credential of this scope, made a minute ago for ten."""
    return Proof(ago(60), "jit_credential", expires_at=ago(-540), granted=(scope,))


def authorised(resource: str) -> Proof:
    """A task whose owner authorised the rotation of one resource's secret."""
    detail = Detail(type="agent_action", actions=("rotate_secret",), locations=(resource,))
    return Proof(ago(60), "intent", source="step_up", task=(detail,))


MFA, SVID = strong_proof(), attestation()
STORIES = (
    Story(
        "a person opens an administration console",
        When("human", "admin_console"),
        When("human", "read"),
        "floor admin-console",
    ),
    Story(
        "a person approves a payment",
        When("human", "approve_payment"),
        When("human", "approve_payment", proofs=(MFA,)),
        "floor approve-payment",
    ),
    Story(
        "a workload changes a security setting",
        When("workload", "change_security_setting"),
        When("workload", "write"),
        "floor change-security-setting",
        "attest_workload_identity",
    ),
    Story(
        "a person exports confidential data",
        When("human", "export", CONFIDENTIAL),
        When("human", "export", INTERNAL),
        "floor export-sensitive",
    ),
    Story(
        "a service account rotates a secret",
        When("service_account", "rotate_secret"),
        When("service_account", "rotate_secret", proofs=(SVID,)),
        "floor rotate-secret",
        "attest_workload_identity",
    ),
    Story(
        "a person changes who may do what", When("human", "manage_access"), When("human", "list"), "floor manage-access"
    ),
    Story(
        "a workload takes on another role",
        When("workload", "assume_privilege"),
        When("workload", "assume_privilege", proofs=(SVID,)),
        "floor manage-access",
        "attest_workload_identity",
    ),
    Story(
        "an agent starts a workflow of high impact",
        When("agent", "invoke_workflow", {"action": {"impact": "high"}}),
        When("agent", "invoke_workflow", {"action": {"impact": "low"}}),
        "floor high-impact-workflow",
        "intent_authorization",
    ),
    Story(
        "an agent runs code of high impact that cannot be undone",
        When("agent", "execute_code", {"action": {"impact": "high", "reversible": False}}),
        When("human", "execute_code", {"action": {"impact": "high", "reversible": False}}),
        "floor high-impact-workflow",
        "owner_approval",
    ),
    Story(
        "a privileged credential is used",
        When("human", "read", {"credential": {"privileged": True}}),
        When("human", "read", {"credential": {"privileged": False}}),
        "floor privileged-credential",
    ),
    Story(
        "an administrator acts in his role",
        When("human", "read", {"identity": {"role": "Administrator"}}),
        When("human", "read", {"identity": {"role": "administrative assistant"}}),
        "floor privileged-credential",
    ),
    Story(
        "a device out of compliance reaches for restricted data",
        When("human", "read", RESTRICTED | {"device": {"compliant": False}}),
        When("human", "read", INTERNAL | {"device": {"compliant": False}}),
        "floor non-compliant-device",
    ),
    Story(
        "a credential was found in a public place",
        When("workload", "read", features={"credential_exposed": 1.0}),
        When("workload", "read", features={"credential_exposed": 0.0}),
        "floor exposed-credential",
        "jit_credential",
    ),
    Story(
        "a service account's key is older than 90 days",
        When("service_account", "read", {"credential": {"kind": "access_key"}}, {"credential_age_days": 91.0}),
        When("service_account", "read", {"credential": {"kind": "x509_svid"}}, {"credential_age_days": 91.0}),
        "floor over-age-secret",
        "jit_credential",
    ),
    Story(
        "a development key is used in production",
        When("workload", "read", features={"credential_environment_mismatch": 1.0}),
        When("workload", "read", features={"credential_environment_mismatch": 0.0}),
        "floor environment-mismatch",
        "attest_workload_identity",
    ),
    Story(
        "two workloads share one credential",
        When("workload", "read", features={"credential_instances_last_hour": 2.0}),
        When("human", "read", features={"credential_instances_last_hour": 2.0}),
        "floor shared-credential",
        "attest_workload_identity",
    ),
    Story(
        "a person drives a service account",
        When("service_account", "read", features={"person_like_client": 1.0}),
        When("human", "read", features={"person_like_client": 1.0}),
        "floor person-on-service-account",
        "attest_workload_identity",
    ),
    Story(
        "a workload may do far more than it does",
        When("workload", "write", features={"entitlements_unused_share": 0.95}),
        When("workload", "write", features={"entitlements_unused_share": 0.5}),
        "floor standing-over-privilege",
        "jit_credential",
    ),
    Story(
        "an agent reaches beyond the task it declared",
        When("agent", "delete", REPORTS | {"session": {"intent": READ_REPORTS}}),
        When("agent", "read", REPORTS | {"session": {"intent": READ_REPORTS}}),
        "floor outside-intent",
        "intent_authorization",
    ),
    Story(
        "an agent reads another resource than the one it declared",
        When("agent", "read", {"resource": {"id": "payroll"}, "session": {"intent": READ_REPORTS}}),
        When("agent", "read", {"resource": {"id": "payroll"}, "session": {"intent": "write the weekly report"}}),
        "floor outside-intent",
        "intent_authorization",
    ),
    Story(
        "a workload holds a credential made for another task",
        When("workload", "rotate_secret", VAULT, proofs=(for_a_task("rotate_secret:bucket"),)),
        When("workload", "rotate_secret", VAULT, proofs=(for_a_task("rotate_secret:vault"),)),
        "floor rotate-secret",
        "attest_workload_identity",
    ),
    Story(
        "an agent was authorised to work on something else",
        When("agent", "rotate_secret", VAULT, proofs=(authorised("wiki"),)),
        When("agent", "rotate_secret", VAULT, proofs=(authorised("vault-1"),)),
        "floor rotate-secret",
        "intent_authorization",
    ),
    Story(
        "a workload has been asked for everything it can show, again and again",
        When("workload", "rotate_secret", standing=SessionState(prompts_in_window=10, prompts_by_remedy=EVERYTHING)),
        When(
            "workload",
            "rotate_secret",
            proofs=(SVID,),
            standing=SessionState(prompts_in_window=10, prompts_by_remedy=EVERYTHING),
        ),
        TOO_OFTEN,
        "",
        "deny",
    ),
    Story(
        "a person is in two places at once",
        When("human", "read", features={"speed_km_per_hour": 1_001.0}),
        When("human", "read", features={"speed_km_per_hour": 900.0}),
        "floor impossible-travel",
    ),
    Story(
        "confidential data is changed through an anonymiser",
        When("human", "write", CONFIDENTIAL | {"network": {"anonymizer": True}}),
        When("human", "read", CONFIDENTIAL | {"network": {"anonymizer": True}}),
        "floor bad-network-sensitive-write",
    ),
    Story(
        "restricted data is deleted from an address of bad reputation",
        When("human", "delete", RESTRICTED | {"network": {"reputation": 0.8}}),
        When("human", "delete", RESTRICTED | {"network": {"reputation": 0.79}}),
        "floor bad-network-sensitive-write",
    ),
    Story(
        "the session drifts from its owner",
        When("human", "read", trust=DOUBTED),
        When("human", "read", trust=TRUSTED),
        "the model",
    ),
    Story(
        "a workload drifts from what it is",
        When("workload", "read", trust=DOUBTED),
        When("workload", "read", trust=TRUSTED),
        "the model",
        "attest_workload_identity",
    ),
    Story(
        "an agent drifts from its task",
        When("agent", "read", trust=DOUBTED),
        When("agent", "read", trust=TRUSTED),
        "the model",
        "intent_authorization",
    ),
    Story(
        "trust has had its time",
        When("human", "read", standing=SessionState(valid_until=ago(1))),
        When("human", "read", standing=SessionState(valid_until=NOW)),
        "the session's trust has expired",
    ),
    Story(
        "little is known of a writer",
        When("human", "write", features={"context_known_fraction": 0.1}),
        When("human", "read", features={"context_known_fraction": 0.1}),
        "too little is known",
    ),
    Story(
        "hardly any trust is left",
        When("human", "read", trust=LOST),
        When("human", "read", trust=TRUSTED),
        "the model",
        "",
        "deny",
    ),
    Story(
        "an investigator has revoked the session",
        When(
            "human", "read", proofs=(MFA,), standing=SessionState(revocation=Revocation("s", ago(5), "ada", "stolen"))
        ),
        When("human", "read"),
        "the session is revoked",
        "",
        "deny",
    ),
    Story(
        "an AAL3 session is older than a working day",
        When("human", "read", {"authentication": {"aal": 3, "time": NOW - timedelta(hours=12)}}),
        When("human", "read", {"authentication": {"aal": 2, "time": NOW - timedelta(hours=12)}}),
        AGAIN,
    ),
    Story(
        "an AAL2 session was left alone for an hour",
        When(
            "human",
            "read",
            {"authentication": {"aal": 2, "time": ago(7_200)}},
            standing=SessionState(last_seen=ago(3_600)),
        ),
        When("human", "read", {"authentication": {"aal": 2, "time": ago(7_200)}}),
        AGAIN,
    ),
)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.given)
def test_it_asks_when_it_should(story: Story) -> None:
    """Then the ruling, its reason, and the first thing this kind of identity can do."""
    decision = story.fires.decided()
    first = decision.remedies[0].type if decision.remedies else ""
    reason = any(why.startswith(story.because) for why in decision.because)

    assert (decision.ruling, reason, first) == (story.ruling, True, story.remedy)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.given)
def test_it_is_silent_for_its_look_alike(story: Story) -> None:
    """Then nothing is asked."""
    decision = story.silent.decided()

    assert (decision.ruling, decision.because, decision.remedies) == ("allow", (), ())


def test_every_enforced_floor_has_its_story() -> None:
    """A floor added to the policy without one fails here."""
    told = {story.because.removeprefix("floor ") for story in STORIES if story.because.startswith("floor ")}

    assert told == {floor.id for floor in POLICY.floors if floor.mode == "enforce"}


def test_a_leaked_secret_stays_dangerous_after_a_step_up() -> None:
    """Given a credential found in a public place, when its workload has shown a new one, then it goes on, and the
    ruling still asks for the old one to be replaced; of a credential nobody saw elsewhere nothing is said."""
    shown = []
    for exposed in (1.0, 0.0):
        proofs = (for_a_task("read:*"),)
        decision = When("workload", "read", features={"credential_exposed": exposed}, proofs=proofs).decided()
        shown.append((decision.ruling, [finding.sentence for finding in decision.findings]))

    assert shown == [
        ("allow", ["The credential has been seen where it must not be: replace it."]),
        ("allow", []),
    ]


def stepped_up(category: str) -> When:
    """A doubted session after a step-up for reading."""
    proof = strong_proof(
        source="step_up", decision_id="asked", scope=Scope("read", None), expires_at=NOW + timedelta(minutes=9)
    )
    return When(
        "human", category, trust=DOUBTED, proofs=(proof,), standing=SessionState(challenged_at={"asked": ago(120)})
    )


def test_a_step_up_keeps_the_session_and_shortens_it() -> None:
    """Given a doubted session, when its owner has stepped up, then it goes on, for a quarter of an hour."""
    session = stepped_up("read").decided().wire()["session"]

    assert session == {"action": "keep", "lifetime_seconds": 900, "limited_by": "step_up"}


def test_a_step_up_counts_for_what_was_asked() -> None:
    """Given a step-up for reading, when something is deleted, then it is asked for again."""
    assert [stepped_up(category).decided().ruling for category in ("read", "delete")] == ["allow", "step_up"]


@pytest.mark.parametrize(("prompts", "first"), [(4, "attest_workload_identity"), (5, "intent_authorization")])
def test_an_automation_asked_too_often_states_its_intent(prompts: int, first: str) -> None:
    """Given so many prompts within the hour, when it asks once more, then it may state its task instead."""
    decision = When("workload", "rotate_secret", standing=SessionState(prompts_in_window=prompts)).decided()

    assert decision.remedies[0].type == first


def test_a_person_is_never_given_a_machines_way_out_of_a_storm() -> None:
    """Given many prompts, when it is a person, then it is still a factor that is asked."""
    decision = When("human", "admin_console", standing=SessionState(prompts_in_window=50)).decided()

    assert [remedy.type for remedy in decision.remedies] == ["interactive_mfa"]
