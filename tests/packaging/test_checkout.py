"""A fresh clone: its own environment from the lock, its packages in any folder, the command beside them."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest
from support.installing import ROOT, run, uv

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what is, or would be, committed, after scripts/venv."""
    folder = tmp_path_factory.mktemp("checkout") / "clone"
    folder.mkdir()
    listed = run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], ROOT).stdout.splitlines()
    for name in listed:
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    run([folder / "scripts/venv"], folder, PATH=f"{Path(uv()).parent}:{os.environ['PATH']}")
    return folder


@pytest.mark.parametrize("folder", [".", "notebooks"])
def test_notebooks_find_the_packages(checkout: Path, folder: str) -> None:
    """From the repository root and from their own folder, with the project's environment."""
    python = checkout / ".venv/bin/python"
    shown = run([python, "-P", "-c", "import features, serving, training; print(features.__file__)"], checkout / folder)

    assert shown.stdout.strip() == str(checkout / "features/__init__.py")


def test_the_command_is_there(checkout: Path, tmp_path: Path) -> None:
    """In any folder, and it runs the checkout's code."""
    shown = run([checkout / ".venv/bin/session-trust", "features", "catalogue", "--as", "json"], tmp_path)

    assert shown.stdout.startswith('{\n "digest"')


def test_a_second_call_returns_at_once(checkout: Path) -> None:
    """Nothing is installed again while lock and packaging stay as they are."""
    began = time.monotonic()
    again = run([checkout / "scripts/venv"], checkout)

    assert again.stderr == ""
    assert time.monotonic() - began < 5


def test_an_environment_that_is_a_link_is_left_alone(checkout: Path, tmp_path: Path) -> None:
    """It belongs to another checkout."""
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts/venv").write_bytes((checkout / "scripts/venv").read_bytes())
    (tmp_path / "scripts/venv").chmod(0o755)
    (tmp_path / ".venv").symlink_to(checkout / ".venv")

    assert run([tmp_path / "scripts/venv"], tmp_path).stderr == ""
