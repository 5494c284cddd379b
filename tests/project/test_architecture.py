"""The walls: who may import whom, what an import may do, and what the repository may hold."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("requirements.lock", "scripts/uv.lock", "scripts/spark.lock", "scripts/mutmut.lock")


def tracked_files() -> list[Path]:
    """Every file that is, or would be, committed."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def test_dependencies_point_down() -> None:
    """serving and training never import each other, and features imports neither."""
    linted = subprocess.run([Path(sys.executable).parent / "lint-imports"], cwd=ROOT, capture_output=True, check=False)

    assert linted.returncode == 0, linted.stdout.decode()


@pytest.mark.parametrize("package", ["features", "training", "serving"])
def test_imports_have_no_effects(package: str, tmp_path: Path) -> None:
    """Importing a package makes no file and no folder, neither here nor in the home folder."""
    variables = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "HOME": str(tmp_path), "PATH": os.defpath}

    subprocess.run([sys.executable, "-c", f"import {package}"], cwd=tmp_path, env=variables, check=True)

    assert list(tmp_path.rglob("*")) == []


def test_no_tracked_file_names_a_registry() -> None:
    """What is installed is said by the lock; where from, by the machine: mirrors and air gaps keep working."""
    hosts = re.compile(
        "|".join(["py" + r"pi\.org", "python" + r"hosted\.org", "registry" + r"\.npm", "deb" + r"ian\.org"])
    )

    naming = [path.name for path in tracked_files() if hosts.search(path.read_bytes().decode("utf-8", "ignore"))]

    assert naming == []


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_pins_every_package_by_hash(lock: str) -> None:
    """Each requirement is one exact version with hashes, and no URL stands in the file."""
    text = (ROOT / lock).read_text()
    requirements = re.split(r"\n(?=[A-Za-z0-9])", re.sub(r"^ *#.*\n", "", text, flags=re.MULTILINE).strip())

    unpinned = [r for r in requirements if not re.match(r"[\w.\[\]-]+==[\w.!+]+", r) or "--hash=sha256:" not in r]

    assert (unpinned, "://" in text) == ([], False)


def test_the_lock_holds_what_the_project_asks_for() -> None:
    """No dependency in pyproject.toml is missing from the locks."""
    project = (ROOT / "pyproject.toml").read_text().split("[tool.")[0]
    asked = {name.lower().replace("_", "-") for name in re.findall(r'^    "([A-Za-z0-9._-]+)', project, re.MULTILINE)}

    locks = "".join((ROOT / lock).read_text() for lock in LOCKS)
    locked = set(re.findall(r"^([a-z0-9.-]+)==", locks, re.MULTILINE))

    assert asked - locked == set()
