"""Environments of their own for tests of installation: filled from requirements.lock by uv, whose cache is warm."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def uv() -> str:
    """The uv of this machine, or the private copy scripts/venv made; skips the test where there is none."""
    private = [(ROOT / ".venv").resolve().parent / ".local/uv/bin/uv", ROOT / ".local/uv/bin/uv"]
    found = shutil.which("uv") or next((str(path) for path in private if path.exists()), None)
    if found is None:
        pytest.skip("uv is not here: scripts/venv makes a private copy where PATH has none")
    return found


def run(command: Sequence[str | Path], cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command without this process's Python path; its output is in the failure when it fails."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
    return done


def empty_environment(folder: Path) -> Path:
    """A virtual environment that holds nothing; returns its Python."""
    run([uv(), "venv", "-q", "--python", sys.executable, folder], folder.parent)
    return folder / "bin/python"


def install_lock(python: Path) -> None:
    """Install what the lock pins, and nothing else."""
    lock = ROOT / "requirements.lock"
    run([uv(), "pip", "sync", "-q", "--require-hashes", "--python", python, lock], ROOT)
