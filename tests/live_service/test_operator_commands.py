"""The operator's commands print what they found, and their exit codes tell it to programs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
import yaml
from support.operator_commands import operator_home, run_command
from support.recorded_decisions import FILE, open_store, record_decisions, run_sql
from support.stored_events import EVENT, fold_once

from features import Event
from serving.cli.main import app
from serving.policy.assurance import identity_providers
from serving.policy.schema import BUILT_IN, Policy
from serving.store.api_keys import authenticate, list_keys


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The settings of an operator whose home is the test's folder."""
    with operator_home(tmp_path, monkeypatch) as home:
        yield home


def digest_of_histories(folder: Path) -> str:
    """Of all that are stored."""
    with open_store(folder).reading() as transaction:
        rows = transaction.connection.core.exec_driver_sql("SELECT * FROM histories ORDER BY identity, kind, key")
        return hashlib.sha256(repr(rows.fetchall()).encode()).hexdigest()


def store_histories(folder: Path) -> None:
    """Five events of two identities: one of them challenged, one not folded."""
    store = open_store(folder)
    bob = EVENT.model_dump(mode="json") | {"identity": {"id": "bob", "type": "agent"}, "session": {"id": None}}
    with store.transaction() as transaction:
        for outcome in (1, 4, 1):
            fold_once(transaction, outcome=outcome)
        fold_once(transaction, Event.model_validate(bob), namespace="replay:1")
        transaction.histories.append_event("live", EVENT, outcome=1, source="score", version=None)


def commands() -> list[str]:
    """Every command, as it is typed."""
    group = typer.main.get_command(app)
    nested = [
        [name, *([sub] if sub else [])]
        for name, command in group.commands.items()  # type: ignore[attr-defined]
        for sub in getattr(command, "commands", {"": None})
    ]
    return [" ".join(words) for words in nested]


@pytest.mark.parametrize("command", commands())
def test_every_command_shows_an_example(command: str) -> None:
    """The help says what a command does and shows it in use."""
    code, help_text, _ = run_command(*command.split(), "--help")

    assert code == 0
    program = "python -m serving" if command == "start" else "session-trust"
    assert f"{program} {command}" in help_text


def test_an_intact_log_verifies(home: Path) -> None:
    """Exit code 0; the heads go to standard output, to be kept elsewhere."""
    record_decisions(open_store(home), 1, 2)
    code, heads, message = run_command("verify")

    assert code == 0
    assert len(heads.splitlines()) == 1
    assert "no difference was found" in message


def test_a_broken_log_is_a_finding(home: Path) -> None:
    """Exit code 1, and the row is named."""
    record_decisions(open_store(home), 1, 2)
    run_sql(home, "UPDATE decisions SET ruling = 'deny' WHERE id = 'd2'")
    code, _, message = run_command("verify")

    assert code == 1
    assert "decision d2 has another ruling in its columns" in message


@pytest.mark.parametrize("command", ["verify", "rebuild", "rebuild --write", "keys list", "keys revoke x"])
def test_looking_creates_no_database(home: Path, command: str) -> None:
    """Exit code 2 and a sentence where there is none: an empty one would verify."""
    code, _, message = run_command(*command.split())

    assert code == 2
    assert "no database" in message
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("command", ["verify", "rebuild", "keys list", "keys create x --scope score"])
def test_a_database_that_fails_is_one_sentence(home: Path, command: str) -> None:
    """With exit code 2 and no traceback."""
    (home / FILE).write_bytes(b"not a database" * 1000)
    code, _, message = run_command(*command.split())

    assert code == 2
    assert "the database failed: " in message


def test_an_invalid_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """By its variable, with exit code 2."""
    monkeypatch.setenv("SESSION_TRUST_PORT", "many")
    code, _, message = run_command("verify")

    assert code == 2
    assert "SESSION_TRUST_PORT" in message


def test_histories_are_what_the_events_give(home: Path) -> None:
    """Folded again in the order they arrived, the events give the stored histories to the bit."""
    store_histories(home)
    code, _, message = run_command("rebuild")

    assert code == 0
    assert "0 differences" in message


FAULTS = {
    "record altered": ("UPDATE histories SET record = zeroblob(length(record)) WHERE kind = 'session'", "not what"),
    "layout of another version": ("UPDATE histories SET layout = 'sha256:other'", "another version's layout"),
    "history lost": ("DELETE FROM histories WHERE kind = 'credential'", "missing"),
    "all histories lost": ("DELETE FROM histories", "missing"),
    "history without events": (
        "INSERT INTO histories SELECT space, 'eve', kind, key, version, layout, record FROM histories",
        "no event gives",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_difference_is_a_finding(home: Path, fault: str) -> None:
    """Exit code 1, and nothing is changed."""
    statement, word = FAULTS[fault]
    store_histories(home)
    run_sql(home, statement)
    before = digest_of_histories(home)
    code, _, message = run_command("rebuild")

    assert code == 1
    assert word in message
    assert digest_of_histories(home) == before


@pytest.mark.parametrize("fault", FAULTS)
def test_rebuilding_repairs_to_the_bit(home: Path, fault: str) -> None:
    """With --write the difference is replaced, and the next run finds none."""
    store_histories(home)
    before = digest_of_histories(home)
    run_sql(home, FAULTS[fault][0])
    codes = [run_command("rebuild", "--write")[0], run_command("rebuild")[0]]

    assert codes == [1, 0]
    assert digest_of_histories(home) == before


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        ("DELETE FROM events WHERE identity = 'ada' AND version = 2", "after the event of version 1"),
        ("UPDATE events SET body = '{}' WHERE version = 2", "cannot be read"),
    ],
)
def test_a_lost_event_is_a_finding(home: Path, fault: str, word: str) -> None:
    """The versions of the events tell which are missing."""
    store_histories(home)
    run_sql(home, fault)
    code, _, message = run_command("rebuild")

    assert code == 1
    assert word in message


def test_a_created_key_works_and_is_listed(home: Path) -> None:
    """The key alone goes to standard output."""
    key = run_command("keys", "create", "gateway", "--scope", "score", "--scope", "assure")[1].strip()

    assert authenticate(open_store(home), f"Bearer {key}") is not None
    assert "gateway" in run_command("keys", "list")[1]


def test_a_revoked_key_no_longer_works(home: Path) -> None:
    """Revoking it again is a finding."""
    key = run_command("keys", "create", "gateway", "--scope", "score")[1].strip()
    codes = [run_command("keys", "revoke", key.split(".")[0])[0] for _ in range(2)]

    assert codes == [0, 1]
    assert authenticate(open_store(home), f"Bearer {key}") is None


@pytest.mark.parametrize("arguments", ["gateway --scope root", "gateway", "--scope score"])
def test_a_key_is_not_created_by_mistake(home: Path, arguments: str) -> None:
    """It needs a name and known scopes; without them nothing is created (exit code 2)."""
    open_store(home)
    code = run_command("keys", "create", *arguments.split())[0]

    assert code == 2
    assert list_keys(open_store(home)) == ()


def test_the_built_in_policy_is_valid_and_shown() -> None:
    """Every floor, identity type and assurance level is in the tables."""
    code, shown, message = run_command("policy", "show")
    policy = Policy.load()
    names = [*(floor.id for floor in policy.floors), *policy.remedies, "AAL3 ends"]

    assert code == 0
    assert run_command("policy", "lint")[0] == 0
    assert policy.digest in message
    assert [name for name in names if name not in shown] == []


def test_the_templates_of_identity_providers_are_shown() -> None:
    """All in a table, one as lines of a policy file; a name that is not known is told the nearest one."""
    listed = run_command("policy", "templates")
    code, printed, _ = run_command("policy", "templates", "okta")
    unknown = run_command("policy", "templates", "octa")

    assert [name for name in identity_providers() if name not in listed[1]] == []
    policy = Policy.parse(BUILT_IN.read_bytes() + printed.encode(), "with okta")
    meaning = printed.partition("below.")[2].partition("# To be mapped")[0].partition("\n")[2].replace("# ", "")

    assert (code, policy.identity_provider) == (0, "okta")
    assert yaml.safe_load(meaning)["acr_levels"]["urn:okta:loa:2fa:any"] == {"aal": 2}
    assert unknown[0] == 2
    assert "did you mean 'okta'?" in unknown[2]


def test_the_policy_has_a_json_schema() -> None:
    """An editor can check a policy by it: it refuses unknown keys as well."""
    code, printed, _ = run_command("policy", "schema")
    schema = json.loads(printed)

    assert code == 0
    assert schema["additionalProperties"] is False
    assert "floors" in schema["required"]


def test_a_rule_that_can_never_apply_is_refused(tmp_path: Path) -> None:
    """Exit code 1, with the floor and why."""
    (tmp_path / "next.yaml").write_text(BUILT_IN.read_text().replace("above: 0.9}", "above: 1.5}"))
    code, _, message = run_command("policy", "lint", str(tmp_path / "next.yaml"))

    assert code == 1
    assert "standing-over-privilege.when.1: it can never apply" in message.replace("\n", "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("floors: []", 1), ("- 1", 1), ("a: [", 1), (None, 2)],
    ids=["incomplete", "a list", "no YAML", "no file"],
)
def test_an_invalid_policy_is_a_finding(tmp_path: Path, text: str | None, expected: int) -> None:
    """Exit code 1 and the file's name; 2 when the file cannot be read."""
    if text is not None:
        (tmp_path / "next.yaml").write_text(text)
    code, _, message = run_command("policy", "lint", str(tmp_path / "next.yaml"))

    assert code == expected
    assert "next.yaml" in message.replace("\n", "")
