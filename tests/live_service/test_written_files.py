"""Everything that is written stays in the home folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support.live_server import ROOT, an_event, new_home, served, variables

COMMANDS = (
    "verify --histories",
    "anchor",
    "keys list",
    "policy show",
    "policy lint",
    "rebuild",
    "export --decisions",
    "erase --identity nobody --reason none --yes",
    "retention --older-than 400d --yes",
    "policy replay --policy serving/policy/policy.yaml --events data/sample/events.parquet --out {home}/chart.png",
)


def files(*folders: Path) -> list[str]:
    """Every file and folder below these."""
    return sorted(str(path) for folder in folders for path in folder.rglob("*"))


@pytest.fixture
def elsewhere(tmp_path: Path) -> dict[str, str]:
    """The folders in which programs leave things: the user's own, and the one for temporary files."""
    for name in ("user", "temporary"):
        (tmp_path / name).mkdir()
    return {"HOME": str(tmp_path / "user"), "TMPDIR": str(tmp_path / "temporary"), "XDG_CACHE_HOME": ""}


def test_the_service_and_its_commands_write_into_the_home_only(tmp_path: Path, elsewhere: dict[str, str]) -> None:
    """Neither the user's folder, nor that for temporary files, nor the packages' own gain a file."""
    home = new_home(tmp_path / "home")
    packages = [ROOT / name for name in ("features", "serving", "data")]
    before = [name for name in files(*packages) if "__pycache__" not in name]
    with served(home, ready=True, **elsewhere) as server:
        for number in range(3):
            server.score(an_event(id=f"written-{number}"))
        for command in COMMANDS:
            program = [sys.executable, "-m", "serving.cli.session_trust", *command.format(home=home).split()]
            subprocess.run(program, cwd=ROOT, env=variables(home, **elsewhere), capture_output=True, check=False)

    assert files(tmp_path / "user", tmp_path / "temporary") == []
    assert [name for name in files(*packages) if "__pycache__" not in name] == before
    assert {"session-trust.db", "signing-key.pem", "key", "chart.png"} <= {path.name for path in home.iterdir()}
