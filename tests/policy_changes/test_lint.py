"""Each thing that lint says is said of a policy with exactly that fault, and of the shipped one nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.judging import POLICY

from serving.policy.schema import BUILT_IN, Policy
from serving.policy_analysis.lint import findings

FAULTS: dict[str, tuple[str, str, str]] = {
    "never": (
        "{fact: speed_km_per_hour, above: 1000}",
        "{fact: identity.type, in: [agent]}",
        "impossible-travel: can never",
    ),
    "both true and false": (
        "when: [{fact: credential_exposed, is: true}]",
        "when: [{fact: credential_exposed, is: true}, {fact: credential_exposed, is: false}]",
        "exposed-credential: can never apply",
    ),
    "more than all": ("above: 0.9}", "above: 1.0}", "standing-over-privilege: can never apply"),
    "no remedy": (
        "accepts: [jit_credential]}",
        "accepts: [refresh]}",
        "floor exposed-credential: no remedy of agent can satisfy it",
    ),
    "not where it matters": (
        "accepts: [jit_credential]}",
        "accepts: [refresh]}",
        "floor exposed-credential: no remedy of workload can satisfy it on a doubted session",
    ),
    "not both": (
        "accepts: [jit_credential, refresh]}",
        "accepts: [attestation]}",
        "floors exposed-credential and over-age-secret: no one remedy of workload satisfies both",
    ),
    "nothing to do": ("  workload: *machine", "  workload: []", "remedies of workload: there is none"),
    "no acr": ("{aal: 3, phishing_resistant: true}", "{aal: 3}", "acr_levels: no acr value stands for AAL2, phishing"),
    "thresholds": (
        "human: {public: {budget: 0.0005}",
        "human: {public: {budget: 0.05}",
        "thresholds of human: public asks for more than internal",
    ),
    "denied first": (
        "human: {public: {budget: 0.0005}",
        "human: {public: {trust: 0.01}",
        "deny_below of human: lies above a threshold",
    ),
    "levels": (
        "3: {overall_seconds: 43200",
        "3: {overall_seconds: 99999",
        "lifetime.assurance: AAL3 lasts longer than AAL2",
    ),
    "lifetimes": ("shortest_seconds: 300", "shortest_seconds: 30000", "lifetime: shortest_seconds is longer"),
}


def test_the_shipped_policy_has_no_finding() -> None:
    """What we ship, we can meet."""
    assert findings(POLICY) == ()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found(fault: str, tmp_path: Path) -> None:
    """By the name of the rule at fault."""
    right, wrong, said = FAULTS[fault]
    text = BUILT_IN.read_text()
    assert right in text
    (tmp_path / "policy.yaml").write_text(text.replace(right, wrong))

    assert any(said in str(finding) for finding in findings(Policy.load(tmp_path / "policy.yaml")))
