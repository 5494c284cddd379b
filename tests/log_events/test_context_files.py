"""What a deployment knows beside a log fills sensitivity, environment, privilege and the rest on import."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
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


def test_a_role_tag_makes_no_identities(tmp_path: Path) -> None:
    """Nor does an administrator, a user, or an owner beside a sensitivity; what is not read is counted."""
    (tags := tmp_path / "tags.csv").write_text(
        "Arn,Tag: Role,Tag: Admin,User,Tag: Classification\narn:aws:s3:::payroll,web,yes,ada,restricted\n"
    )
    context = read_context([tags])

    assert joined(tags)["resource.sensitivity"] == "restricted"
    assert context.identities == {}
    assert context.unread == {"role: web": 1, "privileged: yes": 1}


def test_the_stricter_of_several_rows_and_columns_counts(tmp_path: Path) -> None:
    """In whichever order they stand; a cell without a value erases nothing."""
    (tags := tmp_path / "tags.csv").write_text(
        "Arn,Sensitivity,Classification,Environment,Stage\n"
        "arn:aws:s3:::payroll,internal,restricted,dev,\n"
        "arn:aws:s3:::payroll,,,,prod\n"
        "arn:aws:s3:::payroll,public,,,\n"
    )
    (people := tmp_path / "people.csv").write_text(
        "User;Role;Admin;Privileged;Entitlements\nada;Clerk;no;yes;1,204\nada;Domain Admins;;;7\nada;Clerk;no;no;\n"
    )
    row = joined(tags, people)

    assert (row["resource.sensitivity"], row["resource.environment"]) == ("restricted", "production")
    assert (row["credential.privileged"], row["identity.role"]) == (True, "Domain Admins")
    assert row["identity.entitlements_granted"] == 1_204


def test_an_entry_for_everybody_hides_no_export(tmp_path: Path) -> None:
    """A `*` in identities.yaml says what it says, and the export the rest."""
    (yaml := tmp_path / "identities.yaml").write_text(
        "version: 1\nidentities:\n  - {match: ['*'], type: human, privileged: false, role: Staff, entitlements: 0}\n"
    )
    (people := tmp_path / "people.csv").write_text("User,Role,Is admin,Entitlements\nada,Administrator,yes,41\n")
    row = joined(yaml, people)

    assert (row["identity.type"], row["credential.privileged"]) == ("human", True)
    assert (row["identity.role"], row["identity.entitlements_granted"]) == ("Administrator", 41)


def test_a_directory_knows_people_by_each_of_their_names(tmp_path: Path) -> None:
    """The id of an object, and the name that people sign in with."""
    (people := tmp_path / "people.csv").write_text("Id,UserPrincipalName,Administrator\n7f,ada@example.com,true\n")

    assert set(read_context([people]).identities) == {"7f", "ada@example.com"}


@pytest.mark.parametrize(("exported", "logged"), [("Ada@Example.com", "ada@example.com"), ("ada", "\uff21DA")])
def test_an_identity_is_known_in_every_spelling(tmp_path: Path, exported: str, logged: str) -> None:
    """In any letter case and width, also as the name that an ARN ends in; two spellings are one identity."""
    (people := tmp_path / "people.csv").write_text(f"User,Admin\n{exported},no\n{exported.upper()},yes\n")
    context = read_context([people])
    ids = (logged, f"arn:aws:iam::1:user/{logged}")
    table = table_of([Event.model_validate(EVENT | {"identity": EVENT["identity"] | {"id": id}}) for id in ids])

    assert len(context.identities) == 1
    assert with_context(table, context)["credential.privileged"].to_pylist() == [True, True]


def test_an_asset_is_known_by_each_of_its_ids(tmp_path: Path) -> None:
    """As AWS's Tag Editor exports them; a name is none where there are others."""
    (tags := tmp_path / "tags.csv").write_text(
        "Identifier,Tag: Name,Service,Type,Tag: Classification,ARN\n"
        "payroll,Wages,S3,Bucket,restricted,arn:aws:s3:::payroll\n"
    )
    (named := tmp_path / "named.csv").write_text("Name,Classification\nWages,restricted\n")

    assert set(read_context([tags]).assets) == {"payroll", "arn:aws:s3:::payroll"}
    assert joined(tags)["resource.sensitivity"] == "restricted"
    assert set(read_context([named]).assets) == {"Wages"}


_CELLS = st.one_of(
    st.sampled_from(["", "arn:aws:s3:::payroll", "ada", "prod", "restricted", "yes", "no", "Admin", "41", "9" * 5000]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    st.text("x", min_size=257, max_size=300),
)
_HEADS = st.sampled_from(
    ["arn", "User", "Role", "Sensitivity", "Env", "Stage", "Admin", "Privileged", "Entitlements", "Type", "Owner", "?"]
)


@given(
    st.lists(_HEADS, min_size=1, max_size=6), st.lists(st.lists(_CELLS, max_size=7), max_size=5), st.binary(max_size=9)
)
def test_any_export_is_read_or_refused_in_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, header: list[str], rows: list[list[str]], rest: bytes
) -> None:
    """Whatever its cells hold, and what follows them: file, and where a cell is at fault its line."""
    file = tmp_path_factory.mktemp("any") / "export.csv"
    with file.open("w", newline="") as out:
        csv.writer(out).writerows([header, *rows])
    file.write_bytes(file.read_bytes() + rest)
    try:
        read_context([file])
    except ContextError as error:
        assert str(error).startswith(str(file))


@given(st.permutations(["public,dev", "restricted,", ",prod", ","]), st.permutations(["no,7", "yes,", ",41", ","]))
def test_no_order_of_rows_is_milder(
    tmp_path_factory: pytest.TempPathFactory, tags: list[str], people: list[str]
) -> None:
    """The same rows say the same, however they are sorted."""
    folder = tmp_path_factory.mktemp("order")
    (first := folder / "tags.csv").write_text(
        "\n".join(["arn,sensitivity,env", *(f"arn:aws:s3:::payroll,{t}" for t in tags)])
    )
    (second := folder / "people.csv").write_text("\n".join(["user,admin,entitlements", *(f"ada,{p}" for p in people)]))
    row = joined(first, second)

    assert (row["resource.sensitivity"], row["resource.environment"]) == ("restricted", "production")
    assert (row["credential.privileged"], row["identity.entitlements_granted"]) == (True, 41)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("assets.yaml", "version: 1\nassets: [{sensitivity: secret}]", "assets.0.sensitivity"),
        ("assets.yaml", "assets: [", "assets.yaml"),
        ("assets.yaml", "things: []", "holds none of actions, assets, identities"),
        ("tags.csv", "Colour,Size\nred,7\n", "no rows with an id"),
        ("tags.csv", "", "no rows with an id"),
        ("tags.csv", f"arn,env\na,dev\n{'x' * 300},dev\n", "tags.csv, line 3: id 'xxx.*at most 256.*leave the row out"),
        (
            "people.csv",
            f"user,entitlements\nada,{'9' * 5000}\n",
            "people.csv, line 2: entitlements .*less than or equal",
        ),
        ("people.csv", 'user,role\nada,"Admin\n' + "x" * 200_000, "people.csv, line 3: is not CSV"),
        (
            "identities.yaml",
            "version: 1\nidentities:\n  - {match: [a], entitlements: 99999999999}",
            "yaml:3:.*entitlements",
        ),
    ],
    ids=lambda value: value[:30],
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
