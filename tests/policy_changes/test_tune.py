"""Thresholds for a budget: they cost what was allowed, rise with sensitivity, and are written where they were."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from features.arrays import Array
from serving.policy.rules import IDENTITY_TYPES
from serving.policy.schema import BUILT_IN, Policy
from serving.policy_analysis.tune import _ROW, CURVE, SENSITIVITIES, TooLittleKnown, tune
from serving.policy_analysis.tuning_report import picture, plain, tables
from serving.policy_analysis.write_policy import NoThresholds, written

POLICY = Policy.load()
SEED = 7


def sample(kinds: int = 4, of_each: int = 8_000) -> Array:
    """Requests of people and machines: one in fifty an intruder's, whose trust is lower; one in ten stopped anyway."""
    rng = np.random.default_rng(SEED)
    rows = np.zeros(kinds * of_each, _ROW)
    rows["kind"] = np.repeat(np.arange(kinds), of_each)
    rows["identity"] = 10_000 * rows["kind"].astype(int) + rng.integers(400, size=len(rows))
    rows["cell"] = rng.integers(4, size=len(rows))
    rows["foreign"] = rng.random(len(rows)) < 0.02
    rows["trust"] = 1 / (1 + np.exp(-rng.normal(np.where(rows["foreign"], 1.0, 4.0), 1.5)))
    rows["stopped"] = rng.random(len(rows)) < 0.1
    return rows


@pytest.mark.parametrize("friction", CURVE)
def test_no_more_is_challenged_than_was_allowed(friction: float) -> None:
    """On the identities that chose them never more than the budget is spent in a type, and most of it where it is
    more than a handful of requests."""
    rows = sample()
    tuned = tune(rows, friction, "test")
    choosing = rows[(rows["identity"] % 2 == 0) & ~rows["foreign"]]
    spent = []
    for kind, trusts in tuned.trusts.items():
        mine = choosing[choosing["kind"] == IDENTITY_TYPES.index(kind)]
        needs = np.array([trusts[name] for name in SENSITIVITIES])[mine["cell"]]
        spent.append(np.mean((mine["trust"] < needs) & ~mine["stopped"]) / friction)

    assert (len(spent), max(spent) <= 1.0, min(spent) > 0.5 or friction < 0.005) == (4, True, True)


def test_more_sensitive_never_needs_less_trust() -> None:
    """Also where the quantiles of few requests would say otherwise."""
    tuned = tune(sample(of_each=1_500), 0.01, "test")

    assert [sorted(trusts.values()) == list(trusts.values()) for trusts in tuned.trusts.values()] == [True] * 4


def test_a_larger_budget_stops_more() -> None:
    """The curve rises in friction and in harm stopped, and begins at what the policy stops without thresholds."""
    curve = tune(sample(), 0.005, "test").curve
    friction, harm = ([getattr(point, name).value for point in curve] for name in ("friction", "harm_stopped"))

    assert (friction == sorted(friction), harm == sorted(harm), harm[0] > curve[0].harm_stopped_without.value) == (
        True,
        True,
        True,
    )


def test_what_is_promised_holds_on_identities_that_chose_nothing() -> None:
    """On the other half the friction is the budget's, give or take the chance of choosing by eight thousand."""
    friction = tune(sample(), 0.01, "test").chosen.friction

    assert friction.value == pytest.approx(0.01, rel=0.25)
    assert friction.low < friction.value < friction.high


def test_a_type_with_too_few_keeps_what_it_had(tmp_path: Path) -> None:
    """It is named, and its line of the policy says what it said; the others' say the trust."""
    rows = sample(kinds=2)
    rows = rows[(rows["kind"] == 0) | (np.cumsum(rows["kind"] == 1) < 60)]
    tuned = tune(rows, 0.005, "test")
    (tmp_path / "next.yaml").write_text(written(BUILT_IN.read_text(), POLICY, tuned, 0.005, "a test"))
    after = Policy.load(tmp_path / "next.yaml")

    assert tuned.kept == ("service_account", "workload", "agent")
    assert after.thresholds["agent"] == POLICY.thresholds["agent"]
    assert after.thresholds["human"].restricted.trust == pytest.approx(tuned.trusts["human"]["restricted"], abs=1e-9)


def test_only_the_thresholds_are_written(tmp_path: Path) -> None:
    """All other lines stay, comments among them, and a comment says how the thresholds were chosen."""
    before = BUILT_IN.read_text()
    after = written(before, POLICY, tune(sample(), 0.005, "simulated"), 0.005, "events of e.parquet, model 3")
    (tmp_path / "next.yaml").write_text(after)
    same = {"thresholds"}
    added = [line for line in after.splitlines() if line not in before.splitlines()]

    assert Policy.load(tmp_path / "next.yaml").model_dump(exclude=same) == POLICY.model_dump(exclude=same)
    assert {line[0] for line in added} == {"#", " "}
    assert "events of e.parquet, model 3 (labels: simulated)" in " ".join(line.strip("# ") for line in added)


def test_too_little_is_refused() -> None:
    """Three requests choose nothing; a policy without thresholds in its text is not written over."""
    with pytest.raises(TooLittleKnown, match="no identity type has 200 legitimate requests"):
        tune(sample()[:3], 0.005, "test")
    with pytest.raises(NoThresholds):
        written("floors: []\n", POLICY, tune(sample(), 0.005, "test"), 0.005, "a test")


def test_the_curve_is_drawn_and_told(tmp_path: Path) -> None:
    """As a picture, as plain data that is JSON, and as three tables."""
    tuned = tune(sample(of_each=2_000), 0.01, "simulated")
    picture(tuned, tmp_path / "curve.png")
    told = json.loads(json.dumps(plain(tuned), allow_nan=False))

    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert ([point["budget"] for point in told["curve"]], len(list(tables(tuned)))) == (list(CURVE), 3)
