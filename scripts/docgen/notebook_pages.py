"""Notebooks as pages of the documentation: an MkDocs hook that renders them, and the command that executes them.

`scripts/docs --build` executes every notebook that changed, or whose code did, into `.local/notebooks/`. The hook
renders the executed copy where it is up to date, and otherwise the notebook without outputs.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
EXECUTED = ROOT / ".local/notebooks"
PACKAGES = ("features", "training", "serving")
QUIET = {**os.environ, "PYTHONWARNINGS": "ignore"}
"""The variables of a kernel: what libraries warn about is no part of a page."""
NOT_EXECUTED = (
    '!!! note "Without outputs"\n    This copy of the documentation was built without executing the notebooks. '
    "`scripts/docs --build` executes them.\n\n"
)
STYLE = re.compile(r"<style scoped>.*?</style>\s*", re.DOTALL)


def executed_copy(notebook: Path) -> Path:
    """Where the executed copy of a notebook lies; its name changes with the notebook and with the code it runs."""
    digest = hashlib.sha256(notebook.read_bytes() + _digest_of_code()).hexdigest()[:16]
    return EXECUTED / f"{notebook.stem}-{digest}.ipynb"


@cache
def _digest_of_code() -> bytes:
    modules = sorted(module for package in PACKAGES for module in (ROOT / package).rglob("*.py"))
    return hashlib.sha256(b"".join(module.read_bytes() for module in modules)).digest()


def execute(notebook: Path) -> Path:
    """Execute a notebook in an empty folder and keep the result; raises CellExecutionError when a cell fails."""
    import tempfile

    import nbformat
    from nbclient import NotebookClient

    content: Any = nbformat.read(notebook, as_version=4)  # type: ignore[no-untyped-call]
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(content, timeout=1_800, resources={"metadata": {"path": folder}}).execute(env=QUIET)
    EXECUTED.mkdir(parents=True, exist_ok=True)
    for older in EXECUTED.glob(f"{notebook.stem}-*.ipynb"):
        older.unlink()
    nbformat.write(content, executed_copy(notebook))  # type: ignore[no-untyped-call]
    return executed_copy(notebook)


def rendered(notebook: Path) -> tuple[str, dict[str, bytes]]:
    """A notebook as Markdown, and the pictures it shows by their file names."""
    import nbformat
    from nbconvert import MarkdownExporter

    copy = executed_copy(notebook)
    content: Any = nbformat.read(copy if copy.exists() else notebook, as_version=4)  # type: ignore[no-untyped-call]
    exporter: Any = MarkdownExporter()  # type: ignore[no-untyped-call]
    markdown, resources = exporter.from_notebook_node(content, {"unique_key": notebook.stem})
    markdown = STYLE.sub("", markdown)
    if not copy.exists():
        title, _, rest = markdown.partition("\n\n")
        markdown = f"{title}\n\n{NOT_EXECUTED}{rest}"
    return markdown, {Path(name).name: data for name, data in resources.get("outputs", {}).items()}


def on_files(files: Any, config: Any) -> Any:
    """MkDocs calls this with the files of the site: each notebook becomes a page, its pictures lie beside it."""
    from mkdocs.structure.files import File

    for notebook in sorted(NOTEBOOKS.glob("*.ipynb")):
        markdown, pictures = rendered(notebook)
        files.append(File.generated(config, f"notebooks/{notebook.stem}.md", content=markdown))
        for name, data in pictures.items():
            files.append(File.generated(config, f"notebooks/{name}", content=data))
    return files


def stale() -> Iterator[Path]:
    """The notebooks whose executed copy is missing or older than their source."""
    yield from (notebook for notebook in sorted(NOTEBOOKS.glob("*.ipynb")) if not executed_copy(notebook).exists())
