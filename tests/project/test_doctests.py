"""The examples in docstrings of training and serving hold; those of features are collected by pytest itself."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WITH_EXAMPLES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for package in ("serving", "training")
    for path in (ROOT / package).rglob("*.py")
    if ">>>" in path.read_text()
)


@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_the_examples_hold(module: str) -> None:
    """Every one of a module, and there is one."""
    found = doctest.testmod(import_module(module))

    assert (found.failed, found.attempted > 0) == (0, True)
