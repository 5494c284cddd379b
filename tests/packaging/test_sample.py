"""The sample log is small, labelled, said to be simulated, and what its command makes."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from features.data_files import data_folder
from features.event.arrow import EVENT_SCHEMA, conform
from training.cli.main import app

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = data_folder() / "sample"
README = (SAMPLE / "README.md").read_text()


def test_it_is_less_than_a_megabyte() -> None:
    """So it can stand in the repository and in the package."""
    assert sum(file.stat().st_size for file in SAMPLE.iterdir()) < 1e6


def test_it_is_said_to_be_simulated() -> None:
    """In the title and in a sentence of its own."""
    assert README.splitlines()[0].endswith("(simulated)")
    assert "**Everything in this folder is simulated.**" in README


def test_it_holds_benign_days_with_injected_abuse() -> None:
    """One label for each event, most of them benign, of several scenarios; the README counts them."""
    events, labels = (pq.read_table(SAMPLE / f"{name}.parquet") for name in ("events", "labels"))
    malicious = labels.filter(pc.fill_null(pc.equal(labels["compromised"], 1), False))
    scenarios = set(malicious["scenario"].to_pylist())

    assert conform(events).schema.equals(EVENT_SCHEMA)
    assert len(events) == len(labels)
    assert f"{len(events):,} events of {len(set(events['identity.id'].to_pylist()))} identities" in README
    assert f"{len(set(events['session.id'].to_pylist()) - {None}):,} sessions" in README
    assert f"{len(malicious)} requests of 20 sessions are malicious, of {len(scenarios)} attack scenarios" in README


@pytest.mark.slow
def test_its_command_makes_it_again(tmp_path: Path) -> None:
    """The same tables, row by row."""
    found = re.search(r"^session-trust (training simulate .*)$", README, re.MULTILINE)
    assert found is not None
    command = found[1].replace("data/sample", str(tmp_path))
    subprocess.run([sys.executable, "-m", *shlex.split(command)], cwd=ROOT, check=True, capture_output=True)

    for name in ("events", "labels"):
        assert pq.read_table(tmp_path / f"{name}.parquet").equals(pq.read_table(SAMPLE / f"{name}.parquet")), name


def test_a_test_without_abuse_is_refused_with_what_helps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sample's few identities leave no labelled abuse in the test: no figure, and no warning of a library."""
    monkeypatch.setenv("SESSION_TRUST_HOME", str(tmp_path))
    registering = CliRunner().invoke(app, ["register-model", str(ROOT / "data/model")])
    files = [str(SAMPLE / "events.parquet"), "--labels", str(SAMPLE / "labels.parquet")]
    result = CliRunner().invoke(app, ["evaluate", *files])

    assert (registering.exit_code, result.exit_code) == (0, 2)
    assert "holds no labelled abuse" in result.output
    assert "training graft" in result.output
