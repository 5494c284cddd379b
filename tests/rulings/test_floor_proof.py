"""Two readings of the policy agree, and nothing privileged passes unproven, whatever the model says."""

from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scripts.floor_proof.prove import Findings, proven
from serving.policy.schema import BUILT_IN

TOGETHER = 100
"""Requests of one seed."""


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_two_readings_of_the_policy_agree(seed: int) -> None:
    """The service and the reference say the same of every floor, and no demand is passed over."""
    found = proven(BUILT_IN, seed, TOGETHER)

    assert (found.disagreed, found.allowed, found.requests) == ([], [], TOGETHER)


@pytest.mark.slow
@settings(max_examples=1_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32))
def test_they_agree_on_a_hundred_thousand(seed: int) -> None:
    """The same, for the full run."""
    found = proven(BUILT_IN, seed, TOGETHER)

    assert (found.disagreed, found.allowed) == ([], [])


@pytest.fixture(scope="module")
def plenty() -> Findings:
    """Enough requests that every floor has its turn."""
    return proven(BUILT_IN, 7, 4_000)


def test_every_floor_is_met_with_and_without_proof(plenty: Findings) -> None:
    """Requests that never met a floor would prove nothing of it."""
    floors = [floor["id"] for floor in yaml.safe_load(BUILT_IN.read_text())["floors"]]

    assert {(floor, status) for floor in floors for status in ("applied", "satisfied")} <= set(plenty.seen)


def test_every_ruling_is_met(plenty: Findings) -> None:
    """Allow, step up and deny alike."""
    assert set(plenty.rulings) == {"allow", "step_up", "deny"}


def test_a_floor_read_otherwise_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison can fail: the reference reads a policy whose payments need no proof."""
    text = yaml.safe_load(BUILT_IN.read_text())
    text["floors"] = [floor for floor in text["floors"] if floor["id"] != "approve-payment"]
    from scripts.floor_proof import prove

    policy, _ = prove._read(BUILT_IN)
    monkeypatch.setattr(prove, "_read", lambda path: (policy, text))

    assert all(
        "approve-payment" in set(said) - set(expected) for _, expected, said in proven(BUILT_IN, 7, 2_000).disagreed
    )
    assert proven(BUILT_IN, 7, 2_000).disagreed


def test_a_ruling_that_passes_over_a_floor_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """So can the other: a service whose enforced floors are in shadow allows what it should not."""
    from scripts.floor_proof import prove

    policy, text = prove._read(BUILT_IN)
    shadowed = policy.model_copy(
        update={"floors": tuple(f.model_copy(update={"mode": "shadow"}) for f in policy.floors)}
    )
    monkeypatch.setattr(prove, "_read", lambda path: (shadowed, text))

    assert proven(BUILT_IN, 7, 4_000).allowed
