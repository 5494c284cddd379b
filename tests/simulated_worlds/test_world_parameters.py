"""The parameters of the simulated world: one file, each value with its source, read strictly."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from training import WorldParameters, world_parameters
from training.cli.main import app
from training.data.labels import events_to_frame
from training.simulation.low_discrepancy import pick_share
from training.simulation.parameters import draw_parameters, parameter_sources
from training.simulation.world import simulate_benign

THREE_WEEKS = 'days:\n  value: 21\n  source: "assumption: three weeks"\n'


def write(folder: Path, text: str) -> Path:
    file = folder / "yours.yaml"
    file.write_text(text)
    return file


def changed(parameters: WorldParameters) -> list[str]:
    """The names of the parameters that differ from the defaults."""
    defaults = world_parameters()
    return [f.name for f in fields(parameters) if getattr(parameters, f.name) != getattr(defaults, f.name)]


def test_every_parameter_has_a_source() -> None:
    """`world.yaml` names every parameter in order, each with a publication, a choice or an assumption."""
    sources = parameter_sources()

    assert list(sources) == [field.name for field in fields(WorldParameters)]
    assert [name for name, source in sources.items() if len(source) < 20] == []


def test_a_file_names_only_what_differs(tmp_path: Path) -> None:
    """All other parameters keep their defaults."""
    parameters = world_parameters(write(tmp_path, THREE_WEEKS))

    assert changed(parameters) == ["days"]
    assert parameters.days == 21


def test_a_file_of_version_0_1_is_still_read(tmp_path: Path) -> None:
    """Parameters that have been renamed since are accepted under their former names."""
    parameters = world_parameters(write(tmp_path, "lost_sessions:\n  value: 0.02\n  source: x\n"))

    assert changed(parameters) == ["compromised_sessions"]
    assert parameters.compromised_sessions == 0.02


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("day:\n  value: 21\n  source: x\n", "unknown parameter 'day'; did you mean 'days'"),
        ("zebra:\n  value: 21\n  source: x\n", "unknown parameter 'zebra'; choose one of identities"),
        ("days: 21\n", "'days' needs a `value:` and its `source:`"),
        ("days:\n  value: 21\n", "'days' needs a `value:` and its `source:`"),
        ("days:\n  value: 21\n  source: ''\n", "'days' needs a `value:` and its `source:`"),
        ("days:\n  value: 21\n  source: x\n  unit: d\n", "'days' needs a `value:` and its `source:`"),
        ("days:\n  value: 2.5\n  source: x\n", "'days' is 2.5, but must be a whole number of 1 or more"),
        ("days:\n  value: true\n  source: x\n", "'days' is True, but must be a whole number of 1 or more"),
        ("days:\n  value: 0\n  source: x\n", "'days' is 0, but must be a whole number of 1 or more"),
        ("vpn_share:\n  value: 1.5\n  source: x\n", "'vpn_share' is 1.5, but must be a number from 0 to 1"),
        ("vpn_share:\n  value: '0.5'\n  source: x\n", "'vpn_share' is '0.5', but must be a number from 0 to 1"),
        ("vpn_share:\n  value: true\n  source: x\n", "'vpn_share' is True, but must be a number from 0 to 1"),
        ("vpn_share:\n  value: .nan\n  source: x\n", ":2:10: .nan is not a finite number"),
        ("new_device_per_day:\n  value: 0\n  source: x\n", "'new_device_per_day' is 0, but must be a number above 0"),
        ("label_delay_days:\n  value: .inf\n  source: x\n", ":2:10: .inf is not a finite number"),
        ("days:\n  value: 030\n  source: x\n", ":2:10: 030 has a leading zero"),
        ("identity_types:\n  value: [0.5, 0.5]\n  source: x\n", "must be a list of 4 numbers from 0 to 1"),
        ("identity_types:\n  value: [0.5, 0.5, 0.5, 0.5]\n  source: x\n", "that sum to 1"),
        ("rotation_days:\n  value: 30\n  source: x\n", "'rotation_days' is 30, but must be a list of whole numbers"),
        ("rotation_days:\n  value: []\n  source: x\n", "'rotation_days' is [], but must be a list of whole numbers"),
        ("- days\n", "must name parameters"),
        ("days: [\n", "not YAML"),
    ],
)
def test_a_malformed_file_is_refused(text: str, message: str, tmp_path: Path) -> None:
    """The error names the file, the parameter and what it must be."""
    file = write(tmp_path, text)

    with pytest.raises(ValueError) as refused:
        world_parameters(file)
    assert message in str(refused.value)
    assert str(file) in str(refused.value)


def test_an_impossible_value_is_refused_in_code_too() -> None:
    """`dataclasses.replace` validates like the file does."""
    with pytest.raises(ValueError, match="vpn_share"):
        replace(world_parameters(), vpn_share=1.5)


@pytest.mark.parametrize("command", ["simulate", "retrain"])
@pytest.mark.parametrize("option", ["--identities", "--days"])
def test_an_empty_world_is_refused(command: str, option: str, tmp_path: Path) -> None:
    """Zero is not taken for "use the default"."""
    out = ["--out", str(tmp_path / "e.parquet")] if command == "simulate" else []
    result = CliRunner().invoke(app, [command, *out, option, "0"])

    assert result.exit_code == 2
    assert "must be a whole number of 1 or more" in " ".join(result.output.split())


def test_the_command_refuses_a_malformed_file(tmp_path: Path) -> None:
    """It exits with 2 and writes nothing."""
    file = write(tmp_path, "dayz:\n  value: 21\n  source: x\n")
    out = tmp_path / "events.parquet"
    result = CliRunner().invoke(app, ["simulate", "--out", str(out), "--parameters", str(file)])

    assert result.exit_code == 2
    assert not out.exists()


def test_drawn_parameters_vary_behaviour_and_keep_what_logs_look_like() -> None:
    """Drawing is repeatable, keeps shares below 1, and leaves the parameters of events' appearance alone."""
    drawn = draw_parameters(3, identities=100, days=14)

    assert drawn == draw_parameters(3, identities=100, days=14)
    assert drawn != draw_parameters(4, identities=100, days=14)
    assert {"newcomers", "vpn_share", "labels_found"} <= set(changed(drawn))
    assert not {"whole_second_logs", "cloudtrail_without_resource", "browser_changes"} & set(changed(drawn))


def test_a_share_of_cloudtrail_without_resources_takes_effect() -> None:
    """More actions without a resource mean fewer named resources, and no other event changes."""
    few, many = (
        simulate_benign(2, replace(world_parameters(), identities=60, days=5, cloudtrail_without_resource=share)).events
        for share in (0.0, 1.0)
    )

    assert many["resource.id"].null_count > few["resource.id"].null_count
    assert many.drop_columns(["resource.id", "resource.type"]).equals(
        few.drop_columns(["resource.id", "resource.type"])
    )


def test_whole_seconds_depend_on_the_share_of_such_logs() -> None:
    """At 1 every log keeps whole seconds; at 0 only CloudTrail's do."""
    parameters = replace(world_parameters(), identities=60, days=5)
    by_share = {
        share: events_to_frame(simulate_benign(2, replace(parameters, whole_second_logs=share)).events)
        for share in (0.0, 1.0)
    }

    assert (by_share[1.0]["time"].dt.microsecond == 0).all()
    assert not (by_share[0.0]["time"].dt.microsecond == 0).all()


def test_a_share_is_spread_evenly_and_grows_without_moving() -> None:
    """Any run of numbers holds about the share; a larger share picks the same numbers and more."""
    numbers = np.arange(1_000)
    picked = {share: pick_share(numbers, share, base=5) for share in (0.0, 0.2, 0.37, 1.0)}

    assert not picked[0.0].any()
    assert picked[1.0].all()
    assert picked[0.37][300:400].mean() == pytest.approx(0.37, abs=0.03)
    assert (picked[0.37] >= picked[0.2]).all()
