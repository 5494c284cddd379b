"""The operator's commands say what they found, and their exit codes say it to machines."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from decision_records.test_store import EVENT, fold_once
from support.recorded_decisions import FILE, opened, recorded, sql
from typer.testing import CliRunner

from features import Event, get_settings
from serving.cli.main import app
from serving.policy.schema import BUILT_IN, Policy
from serving.store.api_keys import authenticate, list_keys


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Settings of an operator whose home is the test's folder."""
    monkeypatch.setenv("SESSION_TRUST_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    get_settings.cache_clear()
    yield tmp_path
    get_settings.cache_clear()


def run(*arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output, error output."""
    result = CliRunner().invoke(app, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def digest(folder: Path) -> str:
    """Of every history there is."""
    with opened(folder).reading() as transaction:
        rows = transaction.connection.core.exec_driver_sql("SELECT * FROM histories ORDER BY identity, kind, key")
        return hashlib.sha256(repr(rows.fetchall()).encode()).hexdigest()


def lived(folder: Path) -> None:
    """Five events of two identities, one of them challenged, one not folded at all."""
    store = opened(folder)
    bob = EVENT.model_dump(mode="json") | {"identity": {"id": "bob", "type": "agent"}, "session": {"id": None}}
    with store.transaction() as transaction:
        for outcome in (1, 4, 1):
            fold_once(transaction, outcome=outcome)
        fold_once(transaction, Event.model_validate(bob), namespace="replay:1")
        transaction.histories.append_event("live", EVENT, outcome=1, source="score", version=None)


def commands() -> list[str]:
    """Every command there is, as it is typed."""
    group = typer.main.get_command(app)
    nested = [
        [name, *([sub] if sub else [])]
        for name, command in group.commands.items()  # type: ignore[attr-defined]
        for sub in getattr(command, "commands", {"": None})
    ]
    return [" ".join(words) for words in nested]


@pytest.mark.parametrize("command", commands())
def test_every_command_shows_an_example(command: str) -> None:
    """Help says what a command does and shows it used."""
    code, help_text, _ = run(*command.split(), "--help")

    assert (code, f"python -m serving {command}" in help_text) == (0, True)


def test_an_honest_log_verifies(home: Path) -> None:
    """Exit code 0; the heads go to standard output, to be kept elsewhere."""
    recorded(opened(home), 1, 2)
    code, heads, said = run("verify")

    assert (code, len(heads.splitlines()), "the decision log is intact" in said) == (0, 1, True)


def test_a_broken_log_is_a_finding(home: Path) -> None:
    """Exit code 1, and the row is named."""
    recorded(opened(home), 1, 2)
    sql(home, "UPDATE decisions SET ruling = 'deny' WHERE id = 'd2'")
    code, _, said = run("verify")

    assert (code, "decision d2 is listed with another ruling" in said) == (1, True)


@pytest.mark.parametrize("command", ["verify", "rebuild", "rebuild --write", "keys list", "keys revoke x"])
def test_looking_makes_no_database(home: Path, command: str) -> None:
    """Where there is none, that is said with exit code 2: an empty one would verify."""
    code, _, said = run(*command.split())

    assert (code, "no database" in said, list(home.iterdir())) == (2, True, [])


@pytest.mark.parametrize("command", ["verify", "rebuild", "keys list", "keys create x --scope score"])
def test_a_database_that_fails_is_said(home: Path, command: str) -> None:
    """A sentence and exit code 2, no trace."""
    (home / FILE).write_bytes(b"not a database" * 1000)
    code, _, said = run(*command.split())

    assert (code, "the database failed: " in said) == (2, True)


def test_a_wrong_setting_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable is named, with exit code 2."""
    monkeypatch.setenv("SESSION_TRUST_PORT", "many")
    code, _, said = run("verify")

    assert (code, "SESSION_TRUST_PORT" in said) == (2, True)


def test_histories_are_what_the_events_give(home: Path) -> None:
    """Folded again in the order they arrived, events give the stored histories to the bit."""
    lived(home)
    code, _, said = run("rebuild")

    assert (code, "0 differences" in said) == (0, True)


FAULTS = {
    "record altered": ("UPDATE histories SET record = zeroblob(length(record)) WHERE kind = 'session'", "not what"),
    "layout of another build": ("UPDATE histories SET layout = 'sha256:other'", "another build's layout"),
    "history lost": ("DELETE FROM histories WHERE kind = 'credential'", "missing"),
    "all histories lost": ("DELETE FROM histories", "missing"),
    "history of nobody": (
        "INSERT INTO histories SELECT space, 'eve', kind, key, version, layout, record FROM histories",
        "no event gives",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_rebuilding_finds_and_repairs(home: Path, fault: str) -> None:
    """A difference is a finding and changes nothing; with --write it is one no more, and the bits are back."""
    lived(home)
    honest = digest(home)
    sql(home, FAULTS[fault][0])
    faulty = digest(home)
    found = run("rebuild")
    untouched = digest(home) == faulty
    codes = [found[0], run("rebuild", "--write")[0], run("rebuild")[0]]

    assert (codes, FAULTS[fault][1] in found[2], untouched, digest(home) == honest) == ([1, 1, 0], True, True, True)


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        ("DELETE FROM events WHERE identity = 'ada' AND version = 2", "after the event that gave version 1"),
        ("UPDATE events SET body = '{}' WHERE version = 2", "cannot be read"),
    ],
)
def test_a_lost_event_is_a_finding(home: Path, fault: str, word: str) -> None:
    """The versions of the events tell which are missing."""
    lived(home)
    sql(home, fault)
    code, _, said = run("rebuild")

    assert (code, word in said) == (1, True)


def test_a_key_is_made_listed_and_revoked(home: Path) -> None:
    """The key alone goes to standard output; it works until it is revoked."""
    key = run("keys", "create", "gateway", "--scope", "score", "--scope", "assure")[1].strip()
    store = opened(home)
    before = authenticate(store, f"Bearer {key}")
    listed = run("keys", "list")[1]
    codes = [run("keys", "revoke", key.split(".")[0])[0] for _ in range(2)]

    assert (before is not None, "gateway" in listed, codes, authenticate(store, f"Bearer {key}")) == (
        True,
        True,
        [0, 1],
        None,
    )


@pytest.mark.parametrize("arguments", ["gateway --scope root", "gateway", "--scope score"])
def test_a_key_is_not_made_by_mistake(home: Path, arguments: str) -> None:
    """A name and known scopes are needed; without them nothing is made (exit code 2)."""
    opened(home)
    code = run("keys", "create", *arguments.split())[0]

    assert (code, list_keys(opened(home))) == (2, ())


def test_the_shipped_policy_is_sound_and_shown() -> None:
    """Every floor, every identity type and every level stands in the tables a manager reads."""
    code, shown, said = run("policy", "show")
    policy = Policy.load()
    named = [*(floor.id for floor in policy.floors), *policy.remedies, "AAL3 ends"]

    assert (code, run("policy", "lint")[0], policy.digest in said) == (0, 0, True)
    assert [name for name in named if name not in shown] == []


def test_the_schema_is_one() -> None:
    """An editor can check a policy by it: unknown keys are refused there as well."""
    code, printed, _ = run("policy", "schema")
    schema = json.loads(printed)

    assert (code, schema["additionalProperties"], "floors" in schema["required"]) == (0, False, True)


def test_a_policy_that_cannot_be_meant_is_a_finding(tmp_path: Path) -> None:
    """Well formed, and still exit code 1."""
    (tmp_path / "next.yaml").write_text(BUILT_IN.read_text().replace("above: 0.9}", "above: 1.5}"))
    code, _, said = run("policy", "lint", str(tmp_path / "next.yaml"))

    assert (code, "floor standing-over-privilege: can never apply" in said) == (1, True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("floors: []", 1), ("- 1", 1), ("a: [", 1), (None, 2)],
    ids=["incomplete", "a list", "no YAML", "no file"],
)
def test_an_unsound_policy_is_a_finding(tmp_path: Path, text: str | None, expected: int) -> None:
    """Exit code 1 and the file's name; 2 where it cannot be read."""
    if text is not None:
        (tmp_path / "next.yaml").write_text(text)
    code, _, said = run("policy", "lint", str(tmp_path / "next.yaml"))

    assert (code, "next.yaml" in said.replace("\n", "")) == (expected, True)
