"""The walls: who may import whom, what an import may do, and what the repository may hold."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("features", "training", "serving")
LOCKS = (
    "requirements.lock",
    "scripts/uv.lock",
    "scripts/broker.lock",
    "scripts/spark.lock",
    "scripts/mutmut.lock",
    "scripts/notebooks.lock",
)


def tracked_files() -> list[Path]:
    """Every file that is, or would be, committed."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def test_dependencies_point_down() -> None:
    """serving and training never import each other, and features imports neither."""
    linted = subprocess.run([Path(sys.executable).parent / "lint-imports"], cwd=ROOT, capture_output=True, check=False)

    assert linted.returncode == 0, linted.stdout.decode()


@pytest.mark.parametrize("package", PACKAGES)
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

    assert unpinned == []
    assert "://" not in text


def test_the_lock_holds_what_the_project_asks_for() -> None:
    """No dependency in pyproject.toml is missing from the locks."""
    project = (ROOT / "pyproject.toml").read_text().split("[tool.")[0]
    wanted = {
        re.sub(r"[._-]+", "-", name.lower()) for name in re.findall(r'^    "([A-Za-z0-9._-]+)', project, re.MULTILINE)
    }

    locks = "".join((ROOT / lock).read_text() for lock in LOCKS)
    locked = set(re.findall(r"^([a-z0-9.-]+)==", locks, re.MULTILINE))

    assert wanted - locked == set()


MOST_MODULES = 15
MOST_LINES = 300


def modules(package: str) -> list[Path]:
    """Every module of a package but the ones that only make folders importable."""
    return [p for p in (ROOT / package).rglob("*.py") if p.name not in ("__init__.py", "__main__.py")]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_folder_is_a_subject_of_its_own(package: str) -> None:
    """A folder holds two modules at least and fifteen at most, so that its name says where to look and where to add."""
    sizes: dict[str, int] = {}
    for path in modules(package):
        folder = str(path.parent.relative_to(ROOT))
        if "migrations" not in folder:
            sizes[folder] = sizes.get(folder, 0) + 1

    wrong = {f: n for f, n in sizes.items() if not 2 <= n <= MOST_MODULES}

    assert wrong == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_is_too_long_to_read(package: str) -> None:
    """A module of more than three hundred lines holds more than one subject."""
    long = {
        str(p.relative_to(ROOT)): n for p in modules(package) if (n := len(p.read_text().splitlines())) > MOST_LINES
    }

    assert long == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_no_function_carries_the_name_of_its_module(package: str) -> None:
    """`from package import name` must never give a module to one reader and a function to another."""
    carrying = [
        str(path.relative_to(ROOT))
        for path in modules(package)
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == path.stem
    ]

    assert carrying == []


def test_numbas_private_parts_are_used_in_one_module() -> None:
    """Only there may an update of numba break the engine, and one minor release is let in at a time."""
    private = re.compile(r"\bnumba\.(core|np|cpython|parfors|misc)\b")

    using = {
        p.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for p in modules(package)
        if private.search(p.read_text())
    }

    assert using == {"features/kernels/numba_internals.py"}
