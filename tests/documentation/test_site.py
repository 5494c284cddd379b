"""The documentation builds with warnings as errors, and a reader's browser loads nothing from elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.docgen import ROOT

LOADED = re.compile(
    r"""<(?:script|img|iframe|source)[^>]+?src=["']?(?:https?:)?//|<link[^>]+?href=["']?(?:https?:)?//"""
)
"""An element that makes a browser fetch something from another host."""
LOADED_BY_STYLE = re.compile(r"""(@import|url\()\s*["']?(https?:)?//""")
CANONICAL = re.compile(r"<link[^>]+rel=[\"']?canonical[^>]*>")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site. Notebooks are rendered as they are; `scripts/docs --build` executes them first."""
    folder = tmp_path_factory.mktemp("site")
    build = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert build.returncode == 0, build.stdout + build.stderr
    return folder


def test_every_notebook_is_a_page(site: Path) -> None:
    """Rendered in the documentation."""
    notebooks = {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")}

    assert notebooks - {path.stem for path in (site / "notebooks").glob("*.html")} == set()


def test_no_page_loads_anything_from_outside(site: Path) -> None:
    """No font, no script, no picture, no style."""
    pages = {page.name: CANONICAL.sub("", page.read_text()) for page in site.rglob("*.html")}

    assert [name for name, html in pages.items() if LOADED.search(html)] == []


def test_no_style_loads_anything_from_outside(site: Path) -> None:
    """Neither by import nor by url()."""
    styles = [style for style in site.rglob("*.css")]

    assert [
        style.name for style in styles if re.search(r"(@import|url\()\s*[\"']?(https?:)?//", style.read_text())
    ] == []
