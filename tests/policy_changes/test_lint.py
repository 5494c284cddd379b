"""Each fault of a policy has a finding of its own, and the built-in policy has none."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.decisions import POLICY
from support.operator_commands import run_command

from serving.policy.assurance import ProviderName
from serving.policy.schema import BUILT_IN, Policy
from serving.policy_analysis.lint import lint_policy

FAULTS: dict[str, tuple[str, str, str]] = {
    "a requirement no remedy satisfies": (
        "accepts: [jit_credential]}",
        "accepts: [refresh]}",
        "floor exposed-credential: no remedy of agent can satisfy it",
    ),
    "a requirement no remedy satisfies on a doubted session": (
        "accepts: [jit_credential]}",
        "accepts: [refresh]}",
        "floor exposed-credential: no remedy of workload can satisfy it on a doubted session",
    ),
    "two requirements no single remedy satisfies": (
        "accepts: [jit_credential, refresh_token]}",
        "accepts: [attestation]}",
        "floors exposed-credential and over-age-secret: no single remedy of workload satisfies both",
    ),
    "an identity type without remedies": (
        "  workload: *machine",
        "  workload: []",
        "remedies of workload: there is none",
    ),
    "a level without an acr value": (
        "{aal: 3, phishing_resistant: true}",
        "{aal: 3}",
        "acr_levels: no acr value stands for AAL2, phishing",
    ),
    "thresholds out of order": (
        "human: {public: {budget: 0.0005}",
        "human: {public: {budget: 0.05}",
        "thresholds of human: public needs more trust than internal",
    ),
    "denied before it is challenged": (
        "human: {public: {budget: 0.0005}",
        "human: {public: {trust: 0.01}",
        "deny_below of human: is above a threshold",
    ),
    "assurance levels out of order": (
        "3: {overall_seconds: 43200",
        "3: {overall_seconds: 99999",
        "lifetime.assurance: AAL3 lasts longer than AAL2",
    ),
    "lifetimes out of order": (
        "shortest_seconds: 300",
        "shortest_seconds: 30000",
        "lifetime: shortest_seconds is longer",
    ),
}


def test_the_shipped_policy_has_no_finding() -> None:
    """Every floor can apply, and every demand can be satisfied."""
    assert lint_policy(POLICY) == ()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found(fault: str, tmp_path: Path) -> None:
    """The finding names the rule at fault."""
    right, wrong, message = FAULTS[fault]
    text = BUILT_IN.read_text()
    assert right in text
    (tmp_path / "policy.yaml").write_text(text.replace(right, wrong))

    assert any(message in str(finding) for finding in lint_policy(Policy.load(tmp_path / "policy.yaml")))


PROVIDER_FINDINGS: list[tuple[ProviderName, list[str]]] = [
    ("okta", ["acr_levels: no acr value stands for AAL2, phishing-resistant"]),
    ("auth0", ["acr_levels: no acr value stands for AAL2, phishing", "identity_provider auth0: no acr or amr value"]),
    (
        "keycloak",
        ["acr_levels: no acr value stands for AAL2,", "identity_provider keycloak: no acr or amr value stands"],
    ),
]


@pytest.mark.parametrize(("provider", "findings"), PROVIDER_FINDINGS, ids=[case[0] for case in PROVIDER_FINDINGS])
def test_lint_knows_what_a_provider_cannot_show(provider: ProviderName, findings: list[str]) -> None:
    """What people would be asked for and could not show is found before anybody is denied; mapping a value mends it."""
    template = POLICY.model_copy(update={"identity_provider": provider, "acr_levels": {}})
    mapped = template.model_copy(update={"acr_levels": {"loa3": POLICY.acr_levels["urn:session-trust:aal3"]}})
    found = [str(finding) for finding in lint_policy(template)]

    assert all(any(each.startswith(finding) for each in found) for finding in findings)
    assert lint_policy(mapped) == ()


CATALOGUE_FAULTS = {
    "an action behind a wider pattern": (
        "actions.yaml",
        "version: 1\nactions: [{match: ['files:*'], category: read}, {match: ['Files:Delete*'], category: delete}]\n",
        "actions entry 2: Files:Delete* is never reached: files:* stands before it",
    ),
    "an identity listed twice": (
        "identities.yaml",
        "version: 1\nidentities: [{match: [ci], type: workload}, {match: [ci], privileged: true}]\n",
        "identities entry 2: ci is never reached",
    ),
    "an identity of which nothing is said": (
        "identities.yaml",
        "version: 1\nidentities: [{match: [ci], owner: ada}]\n",
        "identities entry 1: says nothing: give one of type, role, privileged",
    ),
    "an asset of which nothing is said": (
        "assets.yaml",
        "version: 1\nassets: [{id: ['*'], owner: ada}]\n",
        "assets entry 1: says nothing: give one of sensitivity, environment",
    ),
}


@pytest.mark.parametrize("fault", CATALOGUE_FAULTS)
def test_a_fault_of_a_catalogue_is_found(fault: str, tmp_path: Path) -> None:
    """By the command, which tells a catalogue by its name; exit code 1."""
    name, text, message = CATALOGUE_FAULTS[fault]
    (tmp_path / name).write_text(text)
    code, _, printed = run_command("policy", "lint", str(tmp_path / name))

    assert code == 1
    assert message in printed


def test_a_sound_catalogue_has_no_finding(tmp_path: Path) -> None:
    """A narrower pattern before a wider one is reached, and so is an entry with one pattern of its own."""
    text = (
        "version: 1\nactions:\n  - {match: ['files:Delete*'], category: delete}\n"
        "  - {match: ['files:*', 'docs:*'], category: read}\n  - {match: ['files:Get', 'mail:*'], category: read}\n"
    )
    (tmp_path / "actions.yaml").write_text(text)
    code, _, printed = run_command("policy", "lint", str(tmp_path / "actions.yaml"))

    assert code == 0
    assert "actions.yaml has no findings: sha256:" in printed
