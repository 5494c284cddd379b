"""Each floor speaks when it should, is silent for its look-alike, and says so when it cannot tell."""

from typing import Any

import pytest
from support.decisions import POLICY, an_event, decide_on, strong_proof

from serving.decision.floors import Status

SENSITIVE = {"resource": {"sensitivity": "restricted"}}
TASK = '[{"type": "agent_action", "actions": ["read"]}]'

# floor, identity type, category, event groups, features: fires / stays silent
FIRES: list[tuple[str, str, str, dict[str, Any], dict[str, float]]] = [
    ("admin-console", "human", "admin_console", {}, {}),
    ("approve-payment", "human", "approve_payment", {}, {}),
    ("change-security-setting", "workload", "change_security_setting", {}, {}),
    ("export-sensitive", "human", "export", SENSITIVE, {}),
    ("rotate-secret", "service_account", "rotate_secret", {}, {}),
    ("manage-access", "human", "assume_privilege", {}, {}),
    ("high-impact-workflow", "agent", "execute_code", {"action": {"impact": "high"}}, {}),
    ("privileged-credential", "human", "read", {"credential": {"privileged": True}}, {}),
    ("privileged-credential", "human", "read", {"identity": {"role": "Administrator"}}, {}),
    ("non-compliant-device", "human", "read", SENSITIVE | {"device": {"compliant": False}}, {}),
    ("exposed-credential", "service_account", "read", {}, {"credential_exposed": 1.0}),
    ("over-age-secret", "workload", "read", {"credential": {"kind": "api_token"}}, {"credential_age_days": 91.0}),
    ("environment-mismatch", "workload", "read", {}, {"credential_environment_mismatch": 1.0}),
    ("shared-credential", "workload", "read", {}, {"credential_instances_last_hour": 2.0}),
    ("person-on-service-account", "service_account", "read", {}, {"person_like_client": 1.0}),
    ("standing-over-privilege", "agent", "write", {}, {"entitlements_unused_share": 0.95}),
    ("outside-intent", "agent", "delete", {"session": {"intent": TASK}}, {}),
    ("impossible-travel", "human", "read", {}, {"speed_km_per_hour": 5000.0}),
    ("bad-network-sensitive-write", "human", "write", SENSITIVE | {"network": {"anonymizer": True}}, {}),
]
SILENT: list[tuple[str, str, str, dict[str, Any], dict[str, float]]] = [
    ("admin-console", "human", "read", {}, {}),
    ("approve-payment", "human", "write", {}, {}),
    ("change-security-setting", "workload", "write", {}, {}),
    ("export-sensitive", "human", "export", {"resource": {"sensitivity": "internal"}}, {}),
    ("rotate-secret", "service_account", "read", {}, {}),
    ("manage-access", "human", "list", {}, {}),
    ("high-impact-workflow", "agent", "execute_code", {"action": {"impact": "low"}}, {}),
    ("high-impact-workflow", "human", "execute_code", {"action": {"impact": "high"}}, {}),
    ("privileged-credential", "human", "read", {"credential": {"privileged": False}}, {}),
    ("non-compliant-device", "human", "read", SENSITIVE | {"device": {"compliant": True}}, {}),
    ("exposed-credential", "service_account", "read", {}, {"credential_exposed": 0.0}),
    ("over-age-secret", "workload", "read", {"credential": {"kind": "api_token"}}, {"credential_age_days": 90.0}),
    ("over-age-secret", "human", "read", {"credential": {"kind": "api_token"}}, {"credential_age_days": 900.0}),
    ("environment-mismatch", "workload", "read", {}, {"credential_environment_mismatch": 0.0}),
    ("shared-credential", "workload", "read", {}, {"credential_instances_last_hour": 1.0}),
    ("person-on-service-account", "service_account", "read", {}, {"person_like_client": 0.0}),
    ("standing-over-privilege", "agent", "read", {}, {"entitlements_unused_share": 0.95}),
    ("outside-intent", "agent", "read", {"session": {"intent": TASK}}, {}),
    ("outside-intent", "workload", "delete", {"session": {"intent": TASK}}, {}),
    ("impossible-travel", "human", "read", {}, {"speed_km_per_hour": 850.0}),
    ("bad-network-sensitive-write", "human", "write", SENSITIVE | {"network": {"anonymizer": False}}, {}),
]


def status_of(floor: str, kind: str, category: str | None, groups: dict[str, Any], features: dict[str, float]) -> Any:
    floors = decide_on(an_event(kind, category, **groups), features=features).floors
    return next((f.status for f in floors if f.id == floor), None)


@pytest.mark.parametrize("case", FIRES, ids=[f"{c[0]}-{i}" for i, c in enumerate(FIRES)])
def test_it_speaks_when_it_should(case: tuple[str, str, str, dict[str, Any], dict[str, float]]) -> None:
    """Given what it is for and no proof, the floor applies."""
    assert status_of(*case) == "applied"


@pytest.mark.parametrize("case", SILENT, ids=[f"{c[0]}-{i}" for i, c in enumerate(SILENT)])
def test_it_stays_silent_for_its_look_alike(case: tuple[str, str, str, dict[str, Any], dict[str, float]]) -> None:
    """Given what only looks like it, the floor says nothing."""
    assert status_of(*case) is None


def test_every_floor_is_tried_both_ways() -> None:
    """A floor added to the policy without its two cases fails here."""
    assert {f.id for f in POLICY.floors} == {c[0] for c in FIRES} == {c[0] for c in SILENT}


UNKNOWN: list[tuple[str, str, str, Status]] = [
    ("export-sensitive", "human", "export", "applied"),
    ("high-impact-workflow", "workload", "invoke_workflow", "applied"),
    ("privileged-credential", "human", "read", "undecided"),
    ("exposed-credential", "workload", "read", "undecided"),
    ("person-on-service-account", "workload", "read", "undecided"),
    ("outside-intent", "agent", "read", "undecided"),
    ("impossible-travel", "human", "read", "undecided"),
]


@pytest.mark.parametrize(("floor", "kind", "category", "status"), UNKNOWN)
def test_an_unknown_fact_applies_an_action_floor_and_leaves_a_signal_floor_undecided(
    floor: str, kind: str, category: str, status: Status
) -> None:
    """A privileged action is privileged whatever is unknown; a signal nobody saw challenges nobody."""
    assert status_of(floor, kind, category, {}, {}) == status


def test_an_undecided_floor_challenges_nobody() -> None:
    """A read of a caller that knows little is allowed, with what could not be told on record."""
    decision = decide_on(an_event("workload"))

    assert (decision.ruling, "undecided" in {f.status for f in decision.floors}) == ("allow", True)


def test_a_shadow_floor_is_recorded_and_never_rules() -> None:
    """It would apply, and the request is allowed."""
    floors = tuple(floor.model_copy(update={"mode": "shadow"}) for floor in POLICY.floors)
    policy = POLICY.model_copy(update={"floors": floors})
    decision = decide_on(an_event("agent", "write"), features={"entitlements_unused_share": 0.95}, policy=policy)
    shown = next(f for f in decision.wire()["floors"] if f["id"] == "standing-over-privilege")

    assert (decision.ruling, shown["would_apply"]) == ("allow", "applied")


def test_its_sentence_quotes_the_value() -> None:
    """An investigator reads the number that mattered."""
    decision = decide_on(an_event(), features={"speed_km_per_hour": 5000.0})

    assert "Nobody travels at 5e+03 km/h" in next(f.sentence for f in decision.floors if f.id == "impossible-travel")


def test_a_satisfied_floor_says_so() -> None:
    """Fresh sufficient proof satisfies, on record."""
    decision = decide_on(an_event(category="approve_payment"), proofs=[strong_proof()])

    assert (decision.ruling, [f.status for f in decision.floors if f.id == "approve-payment"]) == (
        "allow",
        ["satisfied"],
    )
