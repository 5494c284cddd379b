"""Thresholds for a friction budget: they cost what is allowed, rise with sensitivity, and are written in place."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from features.arrays import Array
from serving.errors import AnalysisError
from serving.policy.rules import IDENTITY_TYPES, SENSITIVITIES
from serving.policy.schema import BUILT_IN, Policy
from serving.policy_analysis.tuning.tune import CURVE, SAMPLE_DTYPE, TuningResult, tune_thresholds
from serving.policy_analysis.tuning.tuning_report import plot_trade_off, tuning_json, tuning_tables
from serving.policy_analysis.tuning.write_policy import write_thresholds

POLICY = Policy.load()
TEXT = BUILT_IN.read_text()
SEED = 7


def sample(types: int = 4, requests_each: int = 8_000) -> Array:
    """Simulated requests of people and machines: 2 % malicious with less trust, 10 % stopped without thresholds."""
    rng = np.random.default_rng(SEED)
    rows = np.zeros(types * requests_each, SAMPLE_DTYPE)
    rows["identity_type"] = np.repeat(np.arange(types), requests_each)
    rows["identity"] = 10_000 * rows["identity_type"].astype(int) + rng.integers(400, size=len(rows))
    rows["sensitivity"] = rng.integers(4, size=len(rows))
    rows["malicious"] = rng.random(len(rows)) < 0.02
    rows["trust"] = 1 / (1 + np.exp(-rng.normal(np.where(rows["malicious"], 1.0, 4.0), 1.5)))
    rows["stopped"] = rng.random(len(rows)) < 0.1
    return rows


def spent_budgets(rows: Array, tuned: TuningResult, friction: float) -> list[float]:
    """The share of the budget that each identity type spends on the identities its thresholds were chosen on."""
    choosing = rows[(rows["identity"] % 2 == 0) & ~rows["malicious"]]
    spent = []
    for identity_type, trusts in tuned.trusts.items():
        requests = choosing[choosing["identity_type"] == IDENTITY_TYPES.index(identity_type)]
        required = np.array([trusts[name] for name in SENSITIVITIES])[requests["sensitivity"]]
        spent.append(float(np.mean((requests["trust"] < required) & ~requests["stopped"]) / friction))
    return spent


@pytest.mark.parametrize("friction", CURVE)
def test_no_more_is_challenged_than_the_budget_allows(friction: float) -> None:
    """Each identity type stays within its budget, and spends most of it unless it is only a handful of requests."""
    rows = sample()
    spent = spent_budgets(rows, tune_thresholds(rows, friction, "test"), friction)

    assert len(spent) == 4
    assert max(spent) <= 1.0
    assert min(spent) > 0.5 or friction < 0.005


def test_more_sensitive_never_needs_less_trust() -> None:
    """Also where the quantiles of few requests would give another order."""
    tuned = tune_thresholds(sample(requests_each=1_500), 0.01, "test")

    assert [sorted(trusts.values()) == list(trusts.values()) for trusts in tuned.trusts.values()] == [True] * 4


def test_a_larger_budget_stops_more() -> None:
    """The curve rises in friction and in harm stopped, from what the policy stops without thresholds."""
    curve = tune_thresholds(sample(), 0.005, "test").curve
    friction, harm = ([getattr(point, name).value for point in curve] for name in ("friction", "harm_stopped"))

    assert friction == sorted(friction)
    assert harm == sorted(harm)
    assert harm[0] > curve[0].harm_stopped_without.value


def test_the_friction_holds_on_other_identities() -> None:
    """On the half that chose nothing the friction is the budget's, within the chance of choosing by eight thousand."""
    friction = tune_thresholds(sample(), 0.01, "test").chosen.friction

    assert friction.value == pytest.approx(0.01, rel=0.25)
    assert friction.low < friction.value < friction.high


def test_a_type_with_too_few_requests_keeps_its_thresholds(tmp_path: Path) -> None:
    """It is named, and its line of the policy does not change; the other types' lines hold the chosen trust."""
    rows = sample(types=2)
    rows = rows[(rows["identity_type"] == 0) | (np.cumsum(rows["identity_type"] == 1) < 60)]
    tuned = tune_thresholds(rows, 0.005, "test")
    (tmp_path / "next.yaml").write_text(write_thresholds(TEXT, tuned, 0.005, "a test"))
    after = Policy.load(tmp_path / "next.yaml")

    assert tuned.kept == ("service_account", "workload", "agent")
    assert after.thresholds["agent"] == POLICY.thresholds["agent"]
    assert after.thresholds["human"].restricted.trust == pytest.approx(tuned.trusts["human"]["restricted"], abs=1e-9)


def test_only_the_thresholds_are_written(tmp_path: Path) -> None:
    """All other lines stay, comments included, and a comment says how the thresholds were chosen."""
    after = write_thresholds(TEXT, tune_thresholds(sample(), 0.005, "simulated"), 0.005, "events of e.parquet, model 3")
    (tmp_path / "next.yaml").write_text(after)
    same = {"thresholds"}
    added = [line for line in after.splitlines() if line not in TEXT.splitlines()]
    left = [line for line in TEXT.splitlines() if line not in after.splitlines()]

    assert Policy.load(tmp_path / "next.yaml").model_dump(exclude=same) == POLICY.model_dump(exclude=same)
    assert {line[0] for line in added} == {"#", " "}
    assert [line.partition(":")[0].strip() for line in left] == list(IDENTITY_TYPES)
    assert "events of e.parquet, model 3 (labels: simulated)" in " ".join(line.strip("# ") for line in added)


def test_everything_around_the_thresholds_stays_to_the_byte() -> None:
    """What comes before and after the section is not reformatted."""
    after = write_thresholds(TEXT, tune_thresholds(sample(), 0.005, "test"), 0.005, "a test")
    before_section, _, rest = TEXT.partition("thresholds:")
    after_section = rest[rest.index("threshold_mode:") :]

    assert after.startswith(before_section)
    assert after.endswith(after_section)


def test_comments_and_modes_within_the_thresholds_survive(tmp_path: Path) -> None:
    """Also in block style, with an indentation of its own."""
    block = "\n".join(
        [
            "thresholds:",
            "    # people first",
            "    human:",
            *(f"        {name}: {{budget: 0.001}}" for name in SENSITIVITIES),
            "        mode: shadow # until May",
            "    # machines",
            *(
                f"    {kind}: {{{', '.join(f'{n}: {{budget: 0.001}}' for n in SENSITIVITIES)}}}"
                for kind in IDENTITY_TYPES[1:]
            ),
            "",
        ]
    )
    before, _, rest = TEXT.partition("thresholds:")
    text = before + block + rest[rest.index("threshold_mode:") :]
    after = write_thresholds(text, tune_thresholds(sample(types=1), 0.005, "test"), 0.005, "a test")
    (tmp_path / "next.yaml").write_text(after)
    human = Policy.load(tmp_path / "next.yaml").thresholds["human"]

    assert "    # people first\n" in after
    assert "    # machines\n" in after
    assert human.mode == "shadow"
    assert human.public.trust is not None


def test_an_aliased_type_is_written_out_alone(tmp_path: Path) -> None:
    """Types that share an anchor with a tuned type keep what they had."""
    first = TEXT.index("thresholds:")
    _, human, _, *rest = TEXT[first:].splitlines(keepends=True)
    anchored = human.replace("human: {", "human: &people {")
    text = TEXT[:first] + "thresholds:\n" + anchored + "  service_account: *people\n" + "".join(rest)
    after = write_thresholds(text, tune_thresholds(sample(types=1), 0.005, "test"), 0.005, "a test")
    (tmp_path / "next.yaml").write_text(after)
    thresholds = Policy.load(tmp_path / "next.yaml").thresholds

    assert thresholds["human"].public.trust is not None
    assert thresholds["service_account"] == POLICY.thresholds["human"]


def test_too_few_requests_are_refused() -> None:
    """Three requests choose nothing."""
    with pytest.raises(AnalysisError, match="no identity type has 200 legitimate requests"):
        tune_thresholds(sample()[:3], 0.005, "test")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("floors: []\n", "has no `thresholds` section"),
        ("{floors: [], thresholds: {}}\n", "do not begin at the start of a line"),
        ("people: &people {}\nthresholds:\n  human: *people\n", "anchor of another section"),
    ],
)
def test_thresholds_that_cannot_be_rewritten_are_refused(text: str, message: str) -> None:
    """The message says why."""
    with pytest.raises(AnalysisError, match=message):
        write_thresholds(text, tune_thresholds(sample(types=1), 0.005, "test"), 0.005, "a test")


def test_the_trade_off_is_reported(tmp_path: Path) -> None:
    """As a chart, as JSON, and as three tables."""
    tuned = tune_thresholds(sample(requests_each=2_000), 0.01, "simulated")
    plot_trade_off(tuned, tmp_path / "curve.png")
    report = json.loads(json.dumps(tuning_json(tuned), allow_nan=False))

    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert [point["budget"] for point in report["curve"]] == list(CURVE)
    assert len(list(tuning_tables(tuned))) == 3
