"""A policy that could not mean what it says is refused whole, by the key that is wrong."""

from pathlib import Path

import pytest

from serving.policy import BUILT_IN, Policy, PolicyError

WRONG = [
    ("fact: credential_exposed, is", "fact: credential_exposde, is", "is 'credential_exposed' meant"),
    ("in: [admin_console]", "in: [admin_consol]", "action.category is never 'admin_consol'"),
    ("above: 1000", "above: .nan", "finite number"),
    ("id: approve-payment", "id: admin-console", "floors named twice: admin-console"),
    ("mode: shadow", "mode: shadwo", "'enforce' or 'shadow'"),
    ("threshold_mode: enforce", "threshold_mood: enforce", "threshold_mood"),
    ("deny_below: {human: 0.02, ", "deny_below: {", "deny_below lacks human"),
    ("public: {budget: 0.0005}", "public: {budget: 0.0005, trust: 0.5}", "either `budget` or `trust`"),
    ("version: 1", "version: 2", "version"),
]


@pytest.mark.parametrize(("right", "wrong", "said"), WRONG, ids=[said for *_, said in WRONG])
def test_a_wrong_key_is_named(right: str, wrong: str, said: str, tmp_path: Path) -> None:
    """The refusal says file, key and what would do; a floor never falls silent by a misspelling."""
    text = BUILT_IN.read_text()
    assert right in text
    (tmp_path / "policy.yaml").write_text(text.replace(right, wrong))

    with pytest.raises(PolicyError, match=said):
        Policy.load(tmp_path / "policy.yaml")


def test_the_shipped_policy_has_seventeen_floors() -> None:
    """Eight guard actions, nine are signals."""
    kinds = [floor.kind for floor in Policy.load().floors]

    assert (kinds.count("action"), kinds.count("signal")) == (8, 9)


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    """Neither missing nor broken files are taken for an empty policy."""
    (tmp_path / "broken.yaml").write_text("floors: [")

    for name in ("missing.yaml", "broken.yaml"):
        with pytest.raises(PolicyError, match=name):
            Policy.load(tmp_path / name)
