"""Every shell and Python block of the documents runs, page by page, as a reader would paste them into one terminal."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts.docgen import ROOT, http_examples, recordings, shell_blocks
from scripts.docgen.documents import DOCS, README
from serving.launch.client import Service

PAGES = (README, ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md")))
WITH_BLOCKS = [page for page in PAGES if any(not block.proven for block in shell_blocks.blocks(page.read_text()))]
PROVEN = [(page, block) for page in PAGES for block in shell_blocks.blocks(page.read_text()) if block.proven]


def name(value: object) -> str:
    return str(value.relative_to(ROOT)) if isinstance(value, Path) else "block"


@pytest.mark.parametrize("page", WITH_BLOCKS, ids=name)
def test_the_blocks_of_a_page_run_one_after_another(page: Path, live: Service) -> None:
    """As written, in a folder that looks like the repository, against a service that scripts/serve started."""
    outputs = recordings.run_page(page, live)

    assert [output for output in outputs if '"type":"about:blank"' in output] == []


@pytest.mark.parametrize(("page", "block"), PROVEN, ids=name)
def test_a_block_too_long_to_run_here_names_what_runs_it(page: Path, block: shell_blocks.Block) -> None:
    """And that exists."""
    named = re.findall(r"[\w./]+/[\w.]+", block.proven)

    assert named
    assert [each for each in named if not (ROOT / each).exists()] == []


def test_the_recorded_calls_are_answered_as_recorded(live: Service) -> None:
    """Status and members of every example in the API reference."""
    examples = (*http_examples.EXAMPLES, *http_examples.PROBLEMS)
    made = list(http_examples.perform(live.url, live.key_file, examples))

    assert [_shape(each) for each in made] == [_shape(each) for each in recordings.calls()]


def _shape(call: http_examples.Recorded) -> tuple[str, int, list[str]]:
    return call.title, call.status, sorted(call.answer) if isinstance(call.answer, dict) else []
