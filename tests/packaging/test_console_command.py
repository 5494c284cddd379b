"""`session-trust` has every part, each with its own help, and imports only the part that is run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from serving.cli.session_trust import PARTS

ROOT = Path(__file__).resolve().parents[2]
SESSION_TRUST = [sys.executable, "-m", "serving.cli.session_trust"]
SLOW_IMPORTS = {"bentoml", "mlflow", "numba", "pandas", "pyarrow", "shap", "sklearn", "sqlalchemy"}


def run(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run the command somewhere, with these packages."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    return subprocess.run(
        [*SESSION_TRUST, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


def test_help_lists_every_part(tmp_path: Path) -> None:
    """In any folder, and nothing is written there."""
    shown = run("--help", cwd=tmp_path)

    assert shown.returncode == 0
    assert [name for name in PARTS if f" {name} " not in shown.stdout] == []
    assert list(tmp_path.iterdir()) == []


def test_help_imports_no_part() -> None:
    """It is there at once."""
    program = f"import sys, serving.cli.session_trust; print(sorted({SLOW_IMPORTS!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


@pytest.mark.parametrize("part", PARTS)
def test_every_part_has_help_of_its_own(part: str) -> None:
    """Under its full name."""
    shown = run(part, "--help")

    assert shown.returncode == 0, shown.stderr
    assert f"session-trust {part}" in shown.stdout


def test_options_reach_the_part() -> None:
    """As they were given, and so do exit codes."""
    shown = run("features", "catalogue", "--as", "json")
    wrong = run("features", "catalogue", "--as", "yaml")

    assert shown.stdout.startswith('{\n "digest": "sha256:')
    assert wrong.returncode == 2


def test_an_unknown_part_is_named() -> None:
    """With exit code 2."""
    wrong = run("serv")

    assert wrong.returncode == 2
    assert "serv" in wrong.stderr
