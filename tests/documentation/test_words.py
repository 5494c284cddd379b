"""Pages, messages, help texts and docstrings use the words a reader would search for, no private language."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

from scripts.docgen import ROOT

PRIVATE = {
    r"thie(f|ves)|robb(ed|er|ers)": "attacker, stolen credential",
    r"intruders?": "attacker, malicious request",
    r"he|him|his|himself": "the person, the attacker, the identity",
    r"(?<!by )whom": "which identity",
    r"surprises?": "hard negative",
    r"deeds?": "attacker action",
    r"foreign requests?": "malicious request",
    r"(lost|stolen) lives|same lives|ordinary lives": "simulated activity",
    r"lost sessions?": "compromised session",
    r"again and again put|put into the (same )?lives": "augmentation",
    r"told apart by": "differ by",
    r"the gate": "the promotion checks",
    r"in-force|what is in force": "active configuration",
    r"judged": "scored, decided",
    r"town by town": "shard by shard",
    r"goals?": "evaluation target",
    r"door": "middleware",
    r"no such thing": "Not found",
    r"we made a mistake|mistake of ours": "Internal Server Error",
}
"""A private word, as a regular expression over whole words, and what to write instead."""
EXCEPTIONS = {
    '"intruder"': "the value of a verdict on the wire",
    "`intruder`": "the value of a verdict on the wire",
    "the thief may hold the phone's codes": "a comment in policy.yaml, whose digest stands in recorded decisions",
    "since a thief can refresh as well": "the same",
    "erasure: when, by whom, why": "a comment in the database, which must match the migration that made it",
    "what was said, by whom and when": "the same",
}
"""Text that is removed before looking, with the reason. Keep this short."""
PACKAGES = ("features", "training", "serving", "scripts")
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "data/README.md", "docs/**/*.md")
OTHER_TEXT = ("serving/investigate/templates/*.html",)
WORDS = re.compile("|".join(rf"\b(?:{word})\b" for word in PRIVATE), re.IGNORECASE)


def private_words(text: str) -> list[str]:
    """The lines of a text that hold a private word, each with what to write instead."""
    for exception in EXCEPTIONS:
        text = text.replace(exception, "")
    return [
        f"{' '.join(line.split())[:120]!r}: {found[0]!r}, say {_instead(found[0])}"
        for line in text.splitlines()
        if (found := WORDS.search(line))
    ]


def _instead(word: str) -> str:
    return next(better for private, better in PRIVATE.items() if re.fullmatch(private, word, re.IGNORECASE))


def sentences(module: Path) -> Iterator[str]:
    """Every string in a module that is text rather than a name: messages, help texts, docstrings."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.value


def files(*patterns: str) -> list[Path]:
    return sorted(file for pattern in patterns for file in ROOT.glob(pattern))


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("page", files(*PAGES, *OTHER_TEXT), ids=name)
def test_pages_use_standard_terms(page: Path) -> None:
    """A reader finds the field's words."""
    assert private_words(page.read_text()) == []


@pytest.mark.parametrize("notebook", files("notebooks/*.ipynb"), ids=name)
def test_notebooks_use_standard_terms(notebook: Path) -> None:
    """In their text; their code follows the packages' names."""
    cells = nbformat.read(notebook, as_version=4).cells  # type: ignore[no-untyped-call]

    assert [found for cell in cells if cell.cell_type == "markdown" for found in private_words(cell.source)] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_messages_help_texts_and_docstrings_use_standard_terms(package: str) -> None:
    """What a program says, and what it says about itself."""
    modules = sorted((ROOT / package).rglob("*.py"))

    assert [
        f"{name(module)}: {found}" for module in modules for text in sentences(module) for found in private_words(text)
    ] == []
