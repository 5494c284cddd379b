"""Promotion: a version answers if it passed its checks or somebody forces it, and never if a file was changed."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.small_champion import small_model
from typer.testing import CliRunner

from features.model.bundle import ModelMismatch, TrustModel, fetch
from features.settings import Settings
from training import ForcedPromotion, NotPromoted, champion, promote
from training.cli import main
from training.promotion.registry import CHECKS_TAG, PASSED, connect, register

SHORTFALL = "no leak: 9.0 times the prevalence (required: at most 3)"


@pytest.fixture(scope="module")
def model() -> TrustModel:
    return small_model()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "registry")


def register_with(model: TrustModel, settings: Settings, **tags: str) -> str:
    return register(model, settings, tags=tags, parameters={}, figures={})


def test_a_version_that_passed_its_checks_is_promoted(model: TrustModel, settings: Settings) -> None:
    """Nobody has to force it."""
    version = register_with(model, settings, **{CHECKS_TAG: PASSED})

    promote(settings, version)

    promoted = champion(settings)
    assert promoted is not None
    assert promoted.version == version


def test_a_version_without_checks_is_refused(model: TrustModel, settings: Settings) -> None:
    """A missing outcome does not count as passed."""
    with pytest.raises(NotPromoted, match="no promotion checks are recorded"):
        promote(settings, register_with(model, settings))


def test_registering_and_promoting_print_nothing(
    model: TrustModel, settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    """MLflow's messages would stand between the lines of a command's progress."""
    promote(settings, register_with(model, settings, **{CHECKS_TAG: PASSED}))
    champion(settings)

    assert capfd.readouterr() == ("", "")


def test_a_changed_file_is_refused_even_by_force(model: TrustModel, settings: Settings) -> None:
    """At promotion and when the champion is loaded."""
    version = register_with(model, settings, **{CHECKS_TAG: PASSED})
    promote(settings, version)
    run = connect(settings).get_model_version(settings.model_name, version).run_id
    hazard = next((settings.home / "artifacts" / str(run)).rglob("hazard.skops"))
    hazard.write_bytes(hazard.read_bytes() + b" ")

    with pytest.raises(ModelMismatch, match=r"hazard\.skops is sha256"):
        promote(settings, version, ForcedPromotion("R. Ito", "in a hurry"))
    with pytest.raises(ModelMismatch, match=r"hazard\.skops is sha256"):
        champion(settings)


def test_the_command_refuses_with_reasons_and_records_who_forces(
    model: TrustModel, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 1 with what is missing, 2 for force without a reason, 0 for force with one."""
    monkeypatch.setattr(main, "get_settings", lambda: settings)
    version, runner = register_with(model, settings, **{CHECKS_TAG: SHORTFALL}), CliRunner()
    force = ["promote", version, "--force", "--who", "R. Ito"]

    refused, unexplained, forced = (
        runner.invoke(main.app, arguments) for arguments in (["promote", version], force, [*force, "--why", "a drill"])
    )

    tags = fetch(settings, settings.model_alias).tags
    assert [result.exit_code for result in (refused, unexplained, forced)] == [1, 2, 0]
    assert SHORTFALL in refused.output
    assert tags["forced.who"] == "R. Ito"
    assert tags["forced.why"] == "a drill"
    assert tags["forced.against"] == SHORTFALL
