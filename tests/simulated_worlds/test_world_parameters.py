"""The numbers behind the simulated world: one file, each with its source, read strictly."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
from typer.testing import CliRunner

from training import WorldParameters, world_parameters
from training.cli.main import app
from training.simulation.parameters import parameter_sources

GOOD = 'days:\n  value: 21\n  source: "assumption: three weeks"\n'


def file_of(folder: Path, text: str) -> Path:
    file = folder / "mine.yaml"
    file.write_text(text)
    return file


def test_every_number_has_a_source() -> None:
    """A publication, a choice or an assumption, and the file holds the parameters there are, in their order."""
    said = parameter_sources()

    assert list(said) == [field.name for field in fields(WorldParameters)]
    assert [name for name, source in said.items() if len(source) < 20] == []


def test_a_file_of_your_own_names_only_what_differs(tmp_path: Path) -> None:
    """All else stays as it is."""
    mine, usual = world_parameters(file_of(tmp_path, GOOD)), world_parameters()

    assert [f.name for f in fields(mine) if getattr(mine, f.name) != getattr(usual, f.name)] == ["days"]
    assert mine.days == 21


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("day:\n  value: 21\n  source: x\n", "unknown parameter 'day'; did you mean 'days'"),
        ("zebra:\n  value: 21\n  source: x\n", "unknown parameter 'zebra'; there are identities"),
        ("days: 21\n", "'days' needs a `value:` and its `source:`"),
        ("days:\n  value: 21\n", "'days' needs a `value:` and its `source:`"),
        ("days:\n  value: 21\n  source: ''\n", "'days' needs a `value:` and its `source:`"),
        ("days:\n  value: 2.5\n  source: x\n", "'days' is 2.5, but must be one whole number"),
        ("days:\n  value: true\n  source: x\n", "'days' is True, but must be one whole number"),
        ("days:\n  value: 0\n  source: x\n", "'days' is 0, but must be 1 or more"),
        ("vpn_share:\n  value: 1.5\n  source: x\n", "'vpn_share' is 1.5, but must lie in 0 to 1"),
        ("vpn_share:\n  value: .nan\n  source: x\n", "'vpn_share' is nan, but must lie in 0 to 1"),
        (
            "label_delay_days:\n  value: .inf\n  source: x\n",
            "'label_delay_days' is inf, but must lie in 0 to 1,000,000,000",
        ),
        ("shares:\n  value: [0.5, 0.5]\n  source: x\n", "must be a list of 4 numbers"),
        ("shares:\n  value: [0.5, 0.5, 0.5, 0.5]\n  source: x\n", "sums to 2, but its shares must sum to 1"),
        ("rotation_days:\n  value: 30\n  source: x\n", "must be a list of whole numbers"),
        ("- days\n", "must name parameters"),
        ("days: [\n", "is no YAML"),
    ],
)
def test_what_cannot_be_meant_is_refused(text: str, said: str, tmp_path: Path) -> None:
    """With the file, the parameter and what to write instead."""
    file = file_of(tmp_path, text)

    with pytest.raises(ValueError) as refused:
        world_parameters(file)
    assert said in str(refused.value) and str(file) in str(refused.value)


@pytest.mark.parametrize("asked", [["--identities", "0"], ["--days", "0"]])
def test_a_world_of_nobody_is_refused(asked: list[str], tmp_path: Path) -> None:
    """It is not taken for the usual number."""
    simulated = CliRunner().invoke(app, ["simulate", "--out", str(tmp_path / "e.parquet"), *asked])
    retrained = CliRunner().invoke(app, ["retrain", *asked])

    assert [(came.exit_code, "must be 1 or more" in came.output) for came in (simulated, retrained)] == [(2, True)] * 2


def test_the_command_refuses_them_too(tmp_path: Path) -> None:
    """Exit code 2, and nothing is written."""
    mine = file_of(tmp_path, "dayz:\n  value: 21\n  source: x\n")
    out = tmp_path / "events.parquet"
    came = CliRunner().invoke(app, ["simulate", "--out", str(out), "--parameters", str(mine)])

    assert (came.exit_code, out.exists()) == (2, False)
