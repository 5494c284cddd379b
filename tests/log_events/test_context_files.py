"""What a deployment knows beside a log fills sensitivity, environment, privilege and the rest on import."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from features.cli.main import app
from features.event.arrow import table_of
from features.event.schema import Event
from features.inventory.context_files import ContextError, read_context
from features.inventory.join import with_context

EVENT: dict[str, Any] = {
    "time": "2026-03-02T09:00:00Z",
    "identity": {"id": "arn:aws:iam::111122223333:user/ada", "type": "service_account"},
    "action": {"name": "crm:ExportContacts", "category": "read"},
    "resource": {"id": "arn:aws:s3:::payroll", "type": "bucket", "sensitivity": "internal"},
}
FILES = {
    "assets.yaml": "version: 1\nassets:\n  - {id: ['*payroll*'], sensitivity: restricted, owner: hr}\n",
    "identities.yaml": (
        "version: 1\nidentities:\n  - {match: ['*:user/ada'], type: human, privileged: true, role: Admin}\n"
    ),
    "actions.yaml": "version: 1\nactions:\n  - {match: ['crm:Export*'], category: export, impact: high}\n",
    "tags.csv": "Identifier,Type,Tag: Environment,Tag: Classification\narn:aws:s3:::payroll,S3,PROD,Tier 1\n",
    "people.csv": "User,Role,Is admin,Entitlements\nada,Clerk,no,41\n",
}


def files(folder: Path, *names: str) -> list[Path]:
    """Some of the files, written."""
    for name in names:
        (folder / name).write_text(FILES[name])
    return [folder / name for name in names]


def joined(*paths: Path) -> dict[str, Any]:
    """The event with what the files say."""
    row: dict[str, Any] = with_context(table_of([Event.model_validate(EVENT)]), read_context(list(paths))).to_pylist()[
        0
    ]
    return row


def test_yaml_files_fill_what_they_state(tmp_path: Path) -> None:
    """The stricter sensitivity; the deployment's own type, category and impact."""
    row = joined(*files(tmp_path, "assets.yaml", "identities.yaml", "actions.yaml"))

    assert (row["resource.sensitivity"], row["resource.environment"]) == ("restricted", None)
    assert (row["identity.type"], row["identity.role"], row["credential.privileged"]) == ("human", "Admin", True)
    assert (row["action.category"], row["action.impact"]) == ("export", "high")


def test_exports_fill_by_their_columns(tmp_path: Path) -> None:
    """A tag export of a cloud, and a directory that knows people by the name their ARN ends in."""
    row = joined(*files(tmp_path, "tags.csv", "people.csv"))

    assert (row["resource.environment"], row["resource.sensitivity"]) == ("production", "internal")
    assert (row["identity.role"], row["identity.entitlements_granted"]) == ("Clerk", 41)
    assert (row["credential.privileged"], row["identity.type"]) == (False, "service_account")


def test_a_cell_that_says_nothing_known_is_counted(tmp_path: Path) -> None:
    """And fills nothing."""
    assert read_context(files(tmp_path, "tags.csv")).unread == {"sensitivity: Tier 1": 1}


def test_nothing_known_changes_nothing() -> None:
    """Without files, and for what they do not name."""
    table = table_of([Event.model_validate(EVENT)])

    assert with_context(table, read_context([])).equals(table)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("assets.yaml", "version: 1\nassets: [{sensitivity: secret}]", "assets.0.sensitivity"),
        ("assets.yaml", "assets: [", "assets.yaml"),
        ("assets.yaml", "things: []", "holds none of actions, assets, identities"),
        ("tags.csv", "Colour,Size\nred,7\n", "no rows with an id"),
        ("tags.csv", "", "no rows with an id"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(tmp_path: Path, name: str, text: str, said: str) -> None:
    """Its message says where and why."""
    (tmp_path / name).write_text(text)

    with pytest.raises(ContextError, match=said):
        read_context([tmp_path / name])


def test_the_import_joins_its_context(tmp_path: Path) -> None:
    """`--context` may be given several times."""
    record = {
        "userIdentity": {"type": "IAMUser", "arn": EVENT["identity"]["id"]},
        "eventTime": EVENT["time"],
        "eventSource": "s3.amazonaws.com",
        "eventName": "GetObject",
        "requestParameters": {"bucketName": "payroll"},
    }
    (log := tmp_path / "log.json").write_text(json.dumps(record))
    context = [argument for file in files(tmp_path, "assets.yaml", "tags.csv") for argument in ("--context", str(file))]
    out = tmp_path / "events.parquet"
    result = CliRunner().invoke(app, ["import", "cloudtrail", str(log), "--out", str(out), *context])
    row = pq.read_table(out).to_pylist()[0]

    assert result.exit_code == 0, result.stderr
    assert (row["resource.sensitivity"], row["resource.environment"]) == ("restricted", "production")
    assert "not understood: sensitivity: Tier 1" in " ".join(result.stderr.split())
