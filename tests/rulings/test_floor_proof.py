"""Two evaluations of the policy agree, and no privileged request passes without proof, whatever the model says."""

from __future__ import annotations

from typing import Any, get_args

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scripts.floor_proof.prove import ProofResult, check_floors, read_policy
from serving.policy.assurance import ProviderName
from serving.policy.schema import BUILT_IN, Policy

BATCH = 100
"""Requests of one seed."""
POLICY, TEXT = read_policy(BUILT_IN)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_two_evaluations_of_the_policy_agree(seed: int) -> None:
    """Service and reference give every floor the same status, and no demand is passed over."""
    result = check_floors(POLICY, TEXT, seed, BATCH)

    assert result.requests == BATCH
    assert result.disagreements == []
    assert result.allowed == []


@pytest.mark.parametrize("lists", [None, "all", "last"])
@pytest.mark.parametrize("provider", get_args(ProviderName))
def test_they_agree_for_every_identity_provider(provider: ProviderName, lists: Any) -> None:
    """Whatever its values mean, with values of the policy's own beside them."""
    own = {"amr_values": {"fido": {"factors": ["possession", "inherence"], "phishing_resistant": True}, "otp": {}}}
    changes = own | {"identity_provider": provider, "amr_lists": lists}
    policy = Policy.model_validate(POLICY.model_dump(by_alias=True, exclude_none=True) | changes)
    result = check_floors(policy, TEXT | changes, 11, BATCH)

    assert result.disagreements == []
    assert result.allowed == []


@pytest.mark.slow
@settings(max_examples=1_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32))
def test_they_agree_on_a_hundred_thousand_requests(seed: int) -> None:
    """The same, for the full run."""
    result = check_floors(POLICY, TEXT, seed, BATCH)

    assert result.disagreements == []
    assert result.allowed == []


@pytest.fixture(scope="module")
def many_requests() -> ProofResult:
    """Enough requests for every floor."""
    return check_floors(POLICY, TEXT, 7, 8_000)


def test_every_floor_is_tried_with_and_without_proof(many_requests: ProofResult) -> None:
    """Requests that never met a floor would prove nothing about it."""
    expected = {(floor["id"], status) for floor in TEXT["floors"] for status in ("applied", "satisfied")}

    assert expected <= set(many_requests.statuses)


def test_every_ruling_is_tried(many_requests: ProofResult) -> None:
    """Allow, step-up and deny."""
    assert set(many_requests.rulings) == {"allow", "step_up", "deny"}


def test_a_floor_that_is_evaluated_otherwise_is_found() -> None:
    """The comparison can fail: this reference reads a policy whose payments need no proof."""
    text: dict[str, Any] = yaml.safe_load(BUILT_IN.read_text())
    text["floors"] = [floor for floor in text["floors"] if floor["id"] != "approve-payment"]
    disagreements = check_floors(POLICY, text, 7, 2_000).disagreements

    assert disagreements
    assert all("approve-payment" in set(service) - set(reference) for _, reference, service in disagreements)


def test_a_ruling_that_passes_over_a_floor_is_found() -> None:
    """A service whose floors are all in shadow mode allows what the reference forbids."""
    floors = tuple(floor.model_copy(update={"mode": "shadow"}) for floor in POLICY.floors)
    shadowed: Policy = POLICY.model_copy(update={"floors": floors})

    assert check_floors(shadowed, TEXT, 7, 4_000).allowed
