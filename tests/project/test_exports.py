"""The public surface of each package is declared once, and is what the package really offers."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("features", "training", "serving")


@pytest.mark.parametrize("package", PACKAGES)
def test_all_is_the_public_surface(package: str) -> None:
    """`__all__` names every public member, and nothing else."""
    module = importlib.import_module(package)
    offered = {name: getattr(module, name) for name in dir(module)}
    public = {name for name, value in offered.items() if not name.startswith("_") and not inspect.ismodule(value)}

    assert set(module.__all__) == public - {"annotations"}


@pytest.mark.parametrize("notebook", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.name)
def test_notebooks_import_only_what_is_public(notebook: Path) -> None:
    """A notebook needs nothing but the three packages' declared names: what it does, anybody can do."""
    cells = [cell for cell in json.loads(notebook.read_text())["cells"] if cell["cell_type"] == "code"]
    code = "\n".join(line for cell in cells for line in "".join(cell["source"]).splitlines() if line[:1] not in "%!")
    imports = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.ImportFrom) and node.module]
    ours = [node for node in imports if (node.module or "").split(".")[0] in PACKAGES]

    hidden = [
        f"{node.module}.{alias.name}"
        for node in ours
        for alias in node.names
        if alias.name not in getattr(importlib.import_module(node.module or ""), "__all__", ())
    ]

    assert hidden == []
