"""The notebooks run as they stand, teach without outputs, and import only what the packages offer."""

import ast
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

import features
import serving
import training

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
TABLES = dict.fromkeys(("features", "data", "policy", "explain"), " ")
ENDS = TABLES | {"retrain": "'1'", "evaluate": "benign sessions challenged"}
"""How what the last cell shows begins: tables of features that drifted, of AUCs, of thresholds, of what
is added; the new version; a table of both loops."""
MINUTES = {"retrain": pytest.mark.slow, "policy": pytest.mark.slow}
NAMES = [path.stem for path in NOTEBOOKS]
OFFERED = {"features": features.__all__, "training": training.__all__, "serving": serving.__all__}


def opened(path: Path) -> NotebookNode:
    notebook: NotebookNode = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    return notebook


def cells(path: Path) -> list[str]:
    return [cell.source for cell in opened(path).cells if cell.cell_type == "code"]


@pytest.mark.parametrize("path", [pytest.param(p, marks=MINUTES.get(p.stem, ())) for p in NOTEBOOKS], ids=NAMES)
def test_it_runs_from_first_cell_to_last(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In an empty home, to the end that each is there for."""
    monkeypatch.setenv("SESSION_TRUST_HOME", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(path.parent.parent))
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")
    notebook = opened(path)

    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()

    last = [cell for cell in notebook.cells if cell.cell_type == "code"][-1]
    assert last.outputs[-1]["data"]["text/plain"].startswith(ENDS[path.stem])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_no_output_is_committed_and_no_function_is_defined(path: Path) -> None:
    """What is worth a function belongs in a package."""
    notebook = opened(path)
    outputs = [cell for cell in notebook.cells if cell.get("outputs")]
    defined = [n for source in cells(path) for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef)]

    assert (outputs, defined) == ([], [])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_it_imports_only_what_is_offered(path: Path) -> None:
    """Notebooks use the public names, so they break when those change and not otherwise."""
    nodes = [n for source in cells(path) for n in ast.walk(ast.parse(source)) if isinstance(n, ast.ImportFrom)]
    ours = [
        (n.module, alias.name) for n in nodes if n.module and n.module.split(".")[0] in OFFERED for alias in n.names
    ]

    assert [pair for pair in ours if pair[1] not in OFFERED.get(pair[0], [])] == []
