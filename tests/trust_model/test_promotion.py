"""Who may answer: what passed the gate, or what somebody took upon himself; never a file that was swapped."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.small_champion import small_model
from typer.testing import CliRunner

from features.model.bundle import ModelMismatch, TrustModel, fetch
from features.settings import Settings
from training import Forced, NotPromoted, champion, promote
from training.cli import main as commands
from training.promotion.registry import GATE_TAG, PASSED, connect, register

MISSING = "no leak: 9.0 times the prevalence (at most 3 asked for)"


@pytest.fixture(scope="module")
def model() -> TrustModel:
    return small_model()


@pytest.fixture
def here(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "registry")


def registered(model: TrustModel, here: Settings, **tags: str) -> str:
    return register(model, here, tags=tags, parameters={}, figures={})


def test_what_passed_the_gate_answers(model: TrustModel, here: Settings) -> None:
    """Without anybody's word."""
    version = registered(model, here, **{GATE_TAG: PASSED})
    promote(here, version)
    found = champion(here)

    assert found and found.version == version


def test_what_was_never_at_the_gate_does_not(model: TrustModel, here: Settings) -> None:
    """Silence is no pass."""
    with pytest.raises(NotPromoted, match="nothing says that it was at the gate"):
        promote(here, registered(model, here))


def test_nothing_forces_a_swapped_file(model: TrustModel, here: Settings) -> None:
    """A model that is not the one registered is refused at promotion and at load, whoever asks."""
    version = registered(model, here, **{GATE_TAG: PASSED})
    promote(here, version)
    run = connect(here).get_model_version(here.model_name, version).run_id
    hazard = next((here.home / "artifacts" / str(run)).rglob("hazard.skops"))
    hazard.write_bytes(hazard.read_bytes() + b" ")

    with pytest.raises(ModelMismatch, match=r"hazard\.skops is sha256"):
        promote(here, version, Forced("R. Ito", "in a hurry"))
    with pytest.raises(ModelMismatch, match=r"hazard\.skops is sha256"):
        champion(here)


def test_the_command_refuses_with_reasons_and_forces_by_name(
    model: TrustModel, here: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 1 with what is missing, 2 without a name, 0 with one, which stays with the version."""
    monkeypatch.setattr(commands, "settings", lambda: here)
    version, run = registered(model, here, **{GATE_TAG: MISSING}), CliRunner()
    forced = ["promote", version, "--force", "--who", "R. Ito"]
    refused, nameless, done = (
        run.invoke(commands.app, line) for line in (["promote", version], forced, [*forced, "--why", "a drill"])
    )

    tags = fetch(here.tracking_uri, here.model_name, here.model_alias).tags
    kept = [tags[f"forced.{name}"] for name in ("who", "why", "against")]
    codes = [ran.exit_code for ran in (refused, nameless, done)]
    assert (codes, MISSING in refused.output, kept) == ([1, 2, 0], True, ["R. Ito", "a drill", MISSING])
