"""What stands in the documents is what the code says: generated parts, names of files and commands, README's limits."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from features.settings import PREFIX, Settings
from scripts.docgen import ROOT, http_reference, operator_reference, policy_reference, shell_blocks
from scripts.docgen.documents import DOCS, DOCUMENTS, README, generated
from scripts.docgen.http_examples import EXAMPLES
from serving.api.routes import ROUTES
from serving.launch.readiness import curl_line

PAGES = (README, ROOT / "CONTRIBUTING.md", ROOT / "data/README.md", *sorted(DOCS.rglob("*.md")))
README_LINES = 130
FIRST_ANSWER_ABOVE = 40
WITHOUT_CODE = re.compile(r"```.*?```", re.DOTALL)


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("page", DOCUMENTS, ids=name)
def test_generated_parts_are_what_the_code_and_the_recordings_say(page: Path) -> None:
    """`scripts/docs` would change nothing."""
    assert generated(page) == page.read_text()


def test_the_readme_is_short() -> None:
    """A newcomer reads it to the end."""
    assert len(README.read_text().splitlines()) <= README_LINES


def test_the_readme_shows_the_first_answer_early() -> None:
    """Question and answer stand on the first screen."""
    before_the_picture = README.read_text().partition('"ruling": ')[0]

    assert before_the_picture.count("\n") < FIRST_ANSWER_ABOVE


def test_the_readme_shows_the_line_that_scripts_serve_prints() -> None:
    """What a started service suggests to paste is what the README shows."""
    assert curl_line("http://127.0.0.1:3000", Path(".local/key")) in README.read_text()


@pytest.mark.parametrize("field", Settings.model_fields)
def test_every_setting_is_documented(field: str) -> None:
    """A deployment finds each variable."""
    assert f"`{PREFIX}{field.upper()}`" in (DOCS / "reference/settings.md").read_text()


def test_every_route_has_a_recorded_example() -> None:
    """The API reference shows each call with its answer."""
    routes = {f"{route.method} {route.path}" for route in ROUTES}

    assert routes - {example.route for example in EXAMPLES} == set()


def test_every_field_on_the_wire_is_described() -> None:
    """What callers send and are sent."""
    assert [path for path, _, meaning in http_reference.all_fields() if not meaning] == []


def test_every_key_of_a_policy_file_is_described() -> None:
    """What a policy engineer writes."""
    assert [path for path, _, meaning in policy_reference.key_rows() if not meaning] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_files_named_in_the_documents_exist(page: Path) -> None:
    """No document sends its reader to a file that is not there."""
    named = set(
        re.findall(
            r"`[^`\n]*?((?:tests|features|training|serving|scripts|data|notebooks|docs)/[\w./-]+\w)",
            WITHOUT_CODE.sub("", page.read_text()),
        )
    )

    assert sorted(each for each in named if not (ROOT / each).exists()) == []


def named_commands() -> list[str]:
    """Every `session-trust …` in code, without options and arguments."""
    code = [
        text
        for page in PAGES
        for text in (
            *(block.code for block in shell_blocks.blocks(page.read_text())),
            *re.findall(r"`([^`\n]+)`", WITHOUT_CODE.sub("", page.read_text())),
        )
    ]
    return sorted({match for text in code for match in re.findall(r"\bsession-trust(?: [a-z-]+){1,3}", text)})


@pytest.mark.parametrize("command", named_commands())
def test_commands_named_in_the_documents_exist(command: str) -> None:
    """No reader pastes a command that is not there. Later words may be arguments."""
    words = command.split()

    assert {" ".join(words[:count]) for count in (2, 3, 4)} & set(operator_reference.command_lines())
