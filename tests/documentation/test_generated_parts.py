"""The documents are true: tables equal the code, settings and commands exist, shell blocks run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from features.settings import PREFIX, Settings
from scripts.docgen.readme_tables import README, TABLES, rendered
from scripts.lib.client import ROOT, Service
from scripts.lib.launch import curl_line

DOCUMENTS = (README, ROOT / "features/README.md", ROOT / "CONTRIBUTING.md")
BLOCK = re.compile(r"```sh\n(.*?)```\n(?:\s*<!-- proven: (.*?) -->)?", re.DOTALL)


def blocks(proven_elsewhere: bool) -> list[tuple[str, str]]:
    """The shell blocks of the documents, with the place that proves those too long to run here."""
    found = [match.groups() for document in DOCUMENTS for match in BLOCK.finditer(document.read_text())]
    return [(code, proven or "") for code, proven in found if bool(proven) == proven_elsewhere]


@pytest.mark.parametrize("document", TABLES, ids=lambda path: str(path.relative_to(ROOT)))
def test_generated_tables_are_what_the_code_says(document: Path) -> None:
    """`scripts/docs` would change nothing."""
    text = document.read_text()

    assert rendered(text, {name: table() for name, table in TABLES[document].items()}) == text


@pytest.mark.parametrize("name", [field.name for field in fields(Settings)])
def test_every_setting_is_documented(name: str) -> None:
    """A deployment finds each variable in the README."""
    assert f"`{PREFIX}{name.upper()}`" in README.read_text()


@pytest.mark.parametrize("code", [code for code, _ in blocks(proven_elsewhere=False)])
def test_shell_blocks_run(code: str, live: Service) -> None:
    """A block runs as written, but for the address and key of the service that answers this test."""
    here = code.replace("http://127.0.0.1:3000", live.url).replace(".local/key", str(live.key_file))
    variables = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}

    run = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", here], cwd=ROOT, env=variables, capture_output=True, check=False
    )

    assert (run.returncode, b'"problem' in run.stdout) == (0, False), run.stderr.decode()


@pytest.mark.parametrize(("code", "proven"), blocks(proven_elsewhere=True))
def test_long_blocks_are_proven_elsewhere(code: str, proven: str) -> None:
    """A block too long to run here names the tests that do."""
    named = re.findall(r"[\w./]+/[\w.]+", proven)

    assert (bool(named), [name for name in named if not (ROOT / name).exists()]) == (True, [])


def test_the_curl_line_of_scripts_serve_is_the_one_in_the_readme() -> None:
    """What a started service suggests to paste is what the README shows."""
    assert curl_line("http://127.0.0.1:3000", Path(".local/key")) in README.read_text()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_tests_and_modules_named_in_the_documents_exist(document: Path) -> None:
    """No document sends its reader to a file that is not there."""
    named = set(
        re.findall(
            r"`[^`\n]*?((?:tests|features|training|serving|scripts|data|notebooks)/[\w./-]+\w)", document.read_text()
        )
    )

    assert sorted(name for name in named if not (ROOT / name).exists()) == []


COMMANDS = sorted(
    {
        match.group(1)
        for document in DOCUMENTS
        for match in re.finditer(r"python -m\s+((?:features|training|serving)(?: [a-z]+){1,2})", document.read_text())
    }
)


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_named_in_the_documents_exist(command: str) -> None:
    """Each `python -m …` the documents name answers to --help."""
    asked = subprocess.run(
        [sys.executable, "-m", *command.split(), "--help"], cwd=ROOT, capture_output=True, check=False
    )

    assert asked.returncode == 0, asked.stderr.decode()
