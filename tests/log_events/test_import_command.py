"""`session-trust features import`: any source, by its name or by a map, checked first or written."""

from __future__ import annotations

import importlib
import json
import re
import sys
import textwrap
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support.source_samples import DATA
from typer.testing import CliRunner, Result

import features.sources
from features.cli.main import app

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "sources" / "generic.md"
HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "add-a-log-source.md"


def block(page: Path, language: str) -> str:
    """The first block of a language in a page."""
    found = re.search(rf"```{language}\n(.*?)```", page.read_text(), re.DOTALL)
    assert found
    return found[1]


@pytest.fixture
def badge(tmp_path: Path) -> tuple[Path, Path]:
    """The map and the record of the page, and beside that record a heartbeat and a broken one."""
    (map_file := tmp_path / "badge.yaml").write_text(block(PAGE, "yaml"))
    heartbeat = '{"verb": "heartbeat", "badge": "x", "when": "2026-01-05T09:00:00Z"}'
    (log := tmp_path / "badge.ndjson").write_text(f'{block(PAGE, "json")}{heartbeat}\n{{"a": 1}}\n')
    return map_file, log


def imported(*arguments: object) -> Result:
    """What the command answers."""
    return CliRunner().invoke(app, ["import", *map(str, arguments)], terminal_width=200)


def test_a_map_is_checked_before_it_is_used(badge: tuple[Path, Path]) -> None:
    """The first records are printed as events, or why they are none; nothing is written."""
    map_file, log = badge

    result = imported("generic", "--map", map_file, "--check", log)

    assert result.exit_code == 1
    assert '"name": "open vault"' in result.stdout
    assert "open vault: write; 1 success" in result.stdout
    assert "ada: human; 1 success" in result.stdout
    assert "line 2: a heartbeat" in result.stdout
    assert "line 3: badge is missing: this is no record of Badge reader" in result.stdout
    assert sorted(log.parent.iterdir()) == [log, map_file]


def test_a_log_is_imported_by_a_map(badge: tuple[Path, Path], tmp_path: Path) -> None:
    """Into the same table of events as any source."""
    map_file, log = badge

    result = imported("generic", "--map", map_file, log, "--out", tmp_path / "events.parquet", "--no-addresses")

    assert result.exit_code == 1  # one record is broken
    assert pq.read_table(tmp_path / "events.parquet")["action.name"].to_pylist() == ["open vault"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("generic",), "write a map first"),
        (("okta", "--map", PAGE), "okta needs no map"),
        (("generic", "--map", PAGE), "not YAML"),
        (("okta",), "say where to write the events to, or --check"),
    ],
)
def test_a_command_that_cannot_be_done_says_why(arguments: tuple[object, ...], reason: str, tmp_path: Path) -> None:
    """With exit code 2."""
    (log := tmp_path / "log.json").write_text("[]")

    result = imported(*arguments, log)

    assert (result.exit_code, reason in " ".join(result.output.replace("│", " ").split())) == (2, True)


def test_a_sample_is_written_with_a_report(tmp_path: Path) -> None:
    """What became of every record."""
    sample = DATA / "panther" / "github_rule_tests.ndjson.gz"

    result = imported("github", sample, "--out", tmp_path / "events.parquet", "--no-addresses")

    said = " ".join(result.output.split())
    assert result.exit_code == 1
    assert "4 unreadable records of 98" in said
    assert "2 requests are nobody's" in said


def test_the_how_to_shows_the_record_that_the_page_maps() -> None:
    """So that whoever follows the how-to can use the page's map."""
    assert block(HOW_TO, "json") == block(PAGE, "json")


def test_the_source_of_the_how_to_reads_its_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its two modules, with the page's map, are a source."""
    blocks = re.findall(r"```python\n(.*?)```", HOW_TO.read_text(), re.DOTALL)
    principal, reader = (textwrap.dedent(each) for each in blocks)
    files = {"__init__.py": "", "principal.py": principal, "reader.py": reader, "reader.yaml": block(PAGE, "yaml")}
    (folder := tmp_path / "badge").mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    monkeypatch.setattr(features.sources, "__path__", [*features.sources.__path__, str(tmp_path)])

    source = importlib.import_module("features.sources.badge.reader").SOURCE
    for name in ("badge", "badge.principal", "badge.reader"):
        del sys.modules[f"features.sources.{name}"]
    event = source.parse(json.loads(block(HOW_TO, "json")))

    assert (event.identity.id, event.identity.type, event.action.name) == ("ada", "human", "open vault")
    assert source.recognises(json.loads(block(HOW_TO, "json")))
