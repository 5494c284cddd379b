"""A policy file with an error is refused as a whole, with file, line and key."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from support.decisions import DOUBTED, NOW, POLICY, an_event, decide_on

from serving.investigate.policy import policy_page
from serving.policy.schema import BUILT_IN, Policy, PolicyError

WRONG = [
    ("fact: credential_exposed, is", "fact: credential_exposde, is", "did you mean 'credential_exposed'"),
    ("in: [admin_console]", "in: [admin_consol]", "action.category is never 'admin_consol'"),
    ("above: 1000", "above: .nan", "finite number"),
    ("id: approve-payment", "id: admin-console", "duplicate floors: admin-console"),
    ("threshold_mode: enforce", "threshold_mode: shadwo", "'enforce' or 'shadow'"),
    ("threshold_mode: enforce", "threshold_mood: enforce", "threshold_mood"),
    ("deny_below: {human: 0.02, ", "deny_below: {", "deny_below lacks human"),
    ("public: {budget: 0.0005}", "public: {budget: 0.0005, trust: 0.5}", "either `budget` or `trust`"),
    ("version: 1", "version: 2", "version"),
    ("cache_seconds: 5", "cache_secnds: 5", "cache_secnds: there is no such key; did you mean 'cache_seconds'"),
    ("{aal: 2, max_age_seconds: 900}", "{aal: 2, max_age_secs: 900}", "; did you mean 'max_age_seconds'"),
    ("threshold_mode: enforce", "threshold_mode: shadwo", "did you mean 'shadow'"),
    ("cache_seconds: 5", "cache_seconds: 5\ncache_seconds: 6", "cache_seconds is a duplicate .first in line"),
    ("{human: 0.02, ", "{human: 0.02, human: 0.03, ", "deny_below.human is a duplicate"),
    (
        'urn:session-trust:aal1": {aal: 1}',
        'urn:a\\", max_age=\\"9": {aal: 1}',
        "acr_levels.*String should match pattern",
    ),
    ('urn:session-trust:aal1": {aal: 1}', 'urn:a\\r\\nSet-Cookie: x": {aal: 1}', "acr_levels.*should match pattern"),
    ("({action.name}) needs", "({action.nam}) needs", "quotes {action.nam}, .*did you mean 'action.name'"),
    ("({action.name}) needs", "({action.name) needs", "an unmatched brace"),
    ("version: 1", "version: 1\neffective_from: 2026-02-01T00:00:00Z\nexpires: 2026-01-01T00:00:00Z", "expires before"),
    ("version: 1", "version: 1\nexpires: 2026-01-01T00:00:00", "timezone"),
    ("human: [{type: interactive_mfa}]", "human: [{type: owner_approval}]", "interactive_mfa is for people"),
    ("agent: [owner_approval]", "workload: [owner_approval]", "owner_approval is not among its remedies"),
    ("    3: {overall_seconds: 43200, inactivity_seconds: 900}\n", "", "assurance lacks level 3"),
]


@pytest.mark.parametrize(("right", "wrong", "message"), WRONG, ids=[message for *_, message in WRONG])
def test_an_error_names_the_key_and_what_would_be_right(right: str, wrong: str, message: str, tmp_path: Path) -> None:
    """A misspelling never silently disables a floor."""
    text = BUILT_IN.read_text()
    assert right in text
    (tmp_path / "policy.yaml").write_text(text.replace(right, wrong))

    with pytest.raises(PolicyError, match=message):
        Policy.load(tmp_path / "policy.yaml")


@pytest.mark.parametrize(("wrong", "line"), [("cache_secnds: 5", 3), ("floors: 7", 3), ("deny_below: {human: 2}", 3)])
def test_an_error_names_file_and_line(wrong: str, line: int, tmp_path: Path) -> None:
    """Editors can jump to it."""
    file = tmp_path / "policy.yaml"
    file.write_text(f"version: 1\n# a comment\n{wrong}\n")

    with pytest.raises(PolicyError, match=rf"policy\.yaml:{line}:\d+: {wrong.partition(':')[0]}"):
        Policy.load(file)


@pytest.mark.parametrize(
    ("kind", "dates", "ruling", "degraded"),
    [
        ("human", {}, "allow", False),
        ("human", {"expires": NOW}, "step_up", True),
        ("workload", {"expires": NOW}, "deny", True),
        ("workload", {"expires": NOW + timedelta(seconds=1)}, "allow", False),
        ("workload", {"effective_from": NOW + timedelta(seconds=1)}, "deny", True),
        ("workload", {"effective_from": NOW}, "allow", False),
    ],
)
def test_a_policy_outside_its_dates_fails_closed(
    kind: str, dates: dict[str, datetime], ruling: str, degraded: bool
) -> None:
    """A person may step up to view something harmless, all else is denied, and the decision says why."""
    decision = decide_on(an_event(kind), policy=POLICY.model_copy(update=dates))

    assert decision.ruling == ruling
    assert (decision.degraded is not None and "the policy" in decision.degraded) is degraded


def test_thresholds_in_shadow_mode_ask_for_nothing() -> None:
    """Those of workloads are only recorded; those of people are enforced."""
    thresholds = {**POLICY.thresholds, "workload": POLICY.thresholds["workload"].model_copy(update={"mode": "shadow"})}
    policy = POLICY.model_copy(update={"thresholds": thresholds})
    decisions = [decide_on(an_event(kind), trust=DOUBTED, policy=policy) for kind in ("workload", "human")]

    assert [(d.ruling, d.model_asks, d.model_would_ask) for d in decisions] == [
        ("allow", "allow", "step_up"),
        ("step_up", "step_up", None),
    ]


def test_the_shipped_policy_has_eighteen_floors() -> None:
    """Eight guard actions, ten respond to signals."""
    kinds = [floor.kind for floor in Policy.load().floors]

    assert kinds.count("action") == 8
    assert kinds.count("signal") == 10


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    """Neither a missing nor a broken file counts as an empty policy."""
    (tmp_path / "broken.yaml").write_text("floors: [")

    for name in ("missing.yaml", "broken.yaml"):
        with pytest.raises(PolicyError, match=name):
            Policy.load(tmp_path / name)


def test_the_policy_page_says_why_a_newer_file_is_refused() -> None:
    """It shows every floor, and escapes what a file may say."""
    html = policy_page(POLICY, "next.yaml:3: <script> is no key", ())

    assert "&lt;script&gt; is no key" in html
    assert "<script>" not in html
    assert [floor.id for floor in POLICY.floors if floor.id not in html] == []
