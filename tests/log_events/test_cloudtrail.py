"""CloudTrail records become events: real logs whole, each form of file, and no record lost in silence."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from features.cli.main import SHOWN, app
from features.sources.aws.cloudtrail import event_of
from features.sources.registry import import_files

DATA = Path(__file__).parents[2] / "data"
PERSON = {
    "type": "IAMUser",
    "arn": "arn:aws:iam::111122223333:user/ada",
    "accountId": "111122223333",
    "accessKeyId": "ASIA1",
    "sessionContext": {"attributes": {"mfaAuthenticated": "true", "creationDate": "2026-03-02T08:00:00Z"}},
}


def record(**changes: Any) -> dict[str, Any]:
    """A console read by a person with a second factor, with changes."""
    return {
        "eventTime": "2026-03-02T09:00:00Z",
        "eventSource": "s3.amazonaws.com",
        "eventName": "GetObject",
        "eventID": "1",
        "sourceIPAddress": "203.0.113.7",
        "userAgent": "console.amazonaws.com",
        "userIdentity": PERSON,
    } | changes


def role_session(name: str, mfa: str = "false", role: str = "worker", path: str = "") -> dict[str, Any]:
    """A session of a role under a name."""
    return {
        "type": "AssumedRole",
        "arn": f"arn:aws:sts::111122223333:assumed-role/{role}/{name}",
        "principalId": f"AROA1:{name}",
        "accessKeyId": "ASIA2",
        "sessionContext": {
            "sessionIssuer": {"arn": f"arn:aws:iam::111122223333:role/{path}{role}", "userName": role},
            "attributes": {"mfaAuthenticated": mfa, "creationDate": "2026-03-02T08:00:00Z"},
        },
    }


def counted(*files: Path) -> tuple[dict[str, int], int]:
    """Events by identity type and the number of broken records of an import."""
    report = import_files("cloudtrail", files)
    return dict(Counter(report.table["identity.type"].to_pylist())), len(report.broken)


def test_the_otrf_incident_is_read_whole() -> None:
    """103 flattened records without eventTime: a person, a role, and a service of AWS, none of them broken."""
    assert counted(*(DATA / "otrf").glob("*.gz")) == ({"human": 87, "workload": 16}, 0)


def test_all_stratus_files_are_read_whole() -> None:
    """310 records in 35 files with scrambled accounts and addresses."""
    assert counted(*(DATA / "stratus").glob("*.json")) == ({"service_account": 240, "workload": 64, "human": 6}, 0)


def test_all_panther_records_are_read_or_named() -> None:
    """Of 475 test records, 35 lack an identity or a time, and are named with their lines."""
    report = import_files("cloudtrail", [DATA / "panther/cloudtrail_rule_tests.ndjson.gz"])
    reasons = Counter(broken.reason.partition(":")[0] for broken in report.broken)

    assert (report.table.num_rows, reasons) == (
        440,
        {"userIdentity is missing": 25, "eventTime is missing": 8, "time": 2},
    )


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gz"])
@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"Records": [record(), record()]}),
        json.dumps({"Records": [record(), record()]}, indent=2),
        json.dumps([record(), record()]),
        "\n".join(json.dumps(record()) for _ in range(2)),
        "\n".join(json.dumps({"Records": [record()]}) for _ in range(2)),
        "\ufeff" + json.dumps([record(), record()]) + "\n",
        "\r\n\r\n".join(
            json.dumps(record() | {"@timestamp": r, "eventTime": None}) for r in ["2026-03-02T09:00:00.000Z"] * 2
        ),
    ],
    ids=["Records", "Records, indented", "list", "NDJSON", "Records a line", "BOM", "flattened"],
)
def test_every_form_of_file_is_read(tmp_path: Path, text: str, zipped: bool) -> None:
    """Whatever wraps the records, and whether it is zipped, and whatever the file is called."""
    file = tmp_path / "trail"
    file.write_bytes(gzip.compress(text.encode()) if zipped else text.encode())

    assert counted(file) == ({"human": 2}, 0)


def test_broken_records_are_named_and_cost_no_good_one(tmp_path: Path) -> None:
    """Each broken record is reported with its file, its place and the reason; the good ones around it are kept."""
    lines: list[Any] = [
        record(),
        "not JSON {",
        record(userIdentity=None),
        record(eventTime=None),
        record(eventTime="yesterday"),
        record(eventName=7),
        record(userIdentity={"type": "Martian"}),
        record(userIdentity={"type": "IAMUser"}),
        [1, 2],
        record(),
    ]
    file = tmp_path / "trail.json"
    file.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    report = import_files("cloudtrail", [file])

    assert [str(broken).removeprefix(f"{file}, ") for broken in report.broken] == [
        "line 2: is not JSON: Expecting value: line 1 column 1 (char 0)",
        "line 3: userIdentity is missing",
        "line 4: eventTime is missing",
        "line 5: time: Value error, must be an ISO 8601 time with an offset, such as 2026-01-31T09:30:00Z",
        "line 6: eventName is missing",
        "line 7: userIdentity.type 'Martian' does not say who acts",
        "line 8: userIdentity names nobody",
        "line 9, record 1: is int, not a JSON object",
        "line 9, record 2: is int, not a JSON object",
    ]
    assert report.table.num_rows == 2


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gz"])
def test_a_file_that_breaks_off_keeps_what_came_before(tmp_path: Path, zipped: bool) -> None:
    """A truncated file of `Records` gives the records up to the break, and says where it breaks."""
    whole = json.dumps({"Records": [record(eventID=str(n)) for n in range(500)]}).encode()
    cut = gzip.compress(whole)[:-40] if zipped else whole[:-40]
    file = tmp_path / "cut.json"
    file.write_bytes(cut)
    report = import_files("cloudtrail", [file])

    assert (report.table.num_rows > 400, report.broken[0].position.endswith("all after it")) == (True, True)


@pytest.mark.parametrize("content", [b"", b"\n", b"[]", b'{"Records": []}'])
def test_an_empty_file_is_empty(tmp_path: Path, content: bytes) -> None:
    """No record is no failure."""
    (tmp_path / "empty").write_bytes(content)

    assert counted(tmp_path / "empty") == ({}, 0)


@pytest.mark.parametrize("content", [b"\x1f\x8bnot gzip", b"\xff\xfe\x00", b"5", b"[[[[", b"[" * 100_000])
def test_a_file_of_something_else_is_reported(tmp_path: Path, content: bytes) -> None:
    """No content is fatal, none passes in silence."""
    (tmp_path / "other").write_bytes(content)

    assert counted(tmp_path / "other")[1] >= 1


def test_a_file_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    """A missing file does not end the import of the others."""
    (tmp_path / "good").write_text(json.dumps(record()))

    assert counted(tmp_path / "missing", tmp_path / "good") == ({"human": 1}, 1)


@pytest.mark.parametrize(
    ("who", "kind", "identity"),
    [
        (PERSON, "human", "arn:aws:iam::111122223333:user/ada"),
        (
            PERSON | {"accessKeyId": "AKIA1", "sessionContext": {}},
            "service_account",
            "arn:aws:iam::111122223333:user/ada",
        ),
        ({"type": "IAMUser", "userName": "ada", "accountId": "1"}, "human", "arn:aws:iam::1:user/ada"),
        (role_session("i-0abc"), "workload", "arn:aws:iam::111122223333:role/worker"),
        (role_session("ada@example.com"), "human", "arn:aws:sts::111122223333:assumed-role/worker/ada@example.com"),
        (role_session("ada", mfa="true"), "human", "arn:aws:sts::111122223333:assumed-role/worker/ada"),
        (role_session("botocore-session-1", mfa="true"), "human", "arn:aws:iam::111122223333:role/worker"),
        (
            role_session("ada", role="AWSReservedSSO_Admin_0f", path="aws-reserved/sso.amazonaws.com/"),
            "human",
            "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_0f/ada",
        ),
        (
            {"type": "AssumedRole", "arn": "arn:aws:sts::1:assumed-role/worker/i-0abc"},
            "workload",
            "arn:aws:iam::1:role/worker",
        ),
        ({"type": "AWSService", "invokedBy": "ec2.amazonaws.com"}, "workload", "ec2.amazonaws.com"),
        ({"type": "AWSAccount", "principalId": "AROA1:job", "accountId": "1"}, "workload", "AROA1:job"),
        ({"type": "Root", "userName": "root", "accountId": "1"}, "human", "arn:aws:iam::1:root"),
        (
            {"type": "FederatedUser", "arn": "arn:aws:sts::1:federated-user/ada"},
            "human",
            "arn:aws:sts::1:federated-user/ada",
        ),
        (
            {
                "type": "WebIdentityUser",
                "identityProvider": "token.actions.githubusercontent.com",
                "userName": "repo:a",
            },
            "workload",
            "repo:a",
        ),
        ({"type": "WebIdentityUser", "identityProvider": "accounts.google.com", "userName": "7"}, "human", "7"),
    ],
)
def test_who_acts_and_what_kind_it_is(who: dict[str, Any], kind: str, identity: str) -> None:
    """By what a thief of the credential cannot change; a role keeps one name, a person their own."""
    event = event_of(record(userIdentity=who))

    assert (event.identity.type, event.identity.id) == (kind, identity)


def test_the_client_never_decides_what_kind_an_identity_is() -> None:
    """A thief who uses a service's key from a browser on a Mac does not turn it into a person."""
    who = PERSON | {"accessKeyId": "AKIA1", "sessionContext": {}}
    agents = ["Boto3/1.34 Linux/5", "aws-cli/2 Darwin/19", "Mozilla/5.0 (Macintosh; Intel Mac OS X) Safari/1", "", None]

    assert {event_of(record(userIdentity=who, userAgent=a)).identity.type for a in agents} == {"service_account"}


def test_a_user_seen_as_a_person_is_one_in_the_whole_import(tmp_path: Path) -> None:
    """A sign-in anywhere says that the name is a person's, in records before and after it as well."""
    key = record(userIdentity=PERSON | {"accessKeyId": "AKIA1", "sessionContext": {}})
    (tmp_path / "trail").write_text("\n".join(map(json.dumps, [key, record(), key])))

    assert counted(tmp_path / "trail") == ({"human": 3}, 0)


def test_session_credential_and_instance_of_a_role() -> None:
    """The session is the key with its date, the credential the key, the instance the session's name."""
    event = event_of(record(userIdentity=role_session("i-0abc"), userAgent="Boto3/1.34 Linux/5"))

    found = (event.session.id, event.session.started_at, event.credential.id, event.credential.kind, event.device.id)

    assert found == (
        "ASIA2@2026-03-02T08:00:00Z",
        event.credential.issued_at,
        "ASIA2",
        "access_key",
        "i-0abc",
    )


@pytest.mark.parametrize("name", ["botocore-session-1722375070", "aws-go-sdk-1722375070115152000", "1722375070"])
def test_a_name_an_sdk_made_up_is_no_instance(name: str) -> None:
    """It is another one each time and tells nothing."""
    assert event_of(record(userIdentity=role_session(name))).device.id is None


def test_a_long_lived_key_has_no_known_age() -> None:
    """A session's date is not the date of the key that opened it."""
    event = event_of(record(userIdentity=PERSON | {"accessKeyId": "AKIA1"}))

    assert (event.credential.kind, event.credential.issued_at) == ("access_key", None)


def test_what_the_platform_does_itself_is_attested() -> None:
    """A service of AWS, or its service-linked role, is vouched for at the time of the event; a role is not."""
    path = "aws-service-role/autoscaling.amazonaws.com/"
    identities = [
        {"type": "AWSService", "invokedBy": "ec2.amazonaws.com"},
        role_session("AutoScaling", role="AWSServiceRoleForAutoScaling", path=path),
        role_session("i-0abc"),
    ]
    events = [event_of(record(userIdentity=who)) for who in identities]

    assert [event.credential.attested_at == event.time for event in events] == [True, True, False]


@pytest.mark.parametrize(
    ("details", "answer", "proof", "outcome"),
    [
        ({"MFAUsed": "Yes"}, "Success", ("pwd", "mfa"), "success"),
        (
            {"MFAUsed": "Yes", "MFAIdentifier": "arn:aws:iam::1:u2f/user/ada/key"},
            "Success",
            ("pwd", "mfa", "hwk"),
            "success",
        ),
        ({"MFAUsed": "No"}, "Success", ("pwd",), "success"),
        ({"MFAUsed": "No", "SamlProviderArn": "arn:aws:iam::1:saml-provider/x"}, "Success", None, "success"),
        ({"MFAUsed": "No"}, "Failure", None, "failure"),
    ],
)
def test_a_sign_in_proves_what_it_asked_for(
    details: dict[str, str], answer: str, proof: tuple[str, ...] | None, outcome: str
) -> None:
    """Password and second factor where they were used and accepted; an identity provider's proof is not known."""
    sign_in = {"eventSource": "signin.amazonaws.com", "eventName": "ConsoleLogin", "additionalEventData": details}
    event = event_of(record(**sign_in, responseElements={"ConsoleLogin": answer}))

    assert (event.action.category, event.authentication.amr, event.action.outcome) == ("authenticate", proof, outcome)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (None, "success"),
        ("", "success"),
        ("AccessDenied", "denied"),
        ("AccessDeniedException", "denied"),
        ("VpceAccessDenied", "denied"),
        ("Client.UnauthorizedOperation", "denied"),
        ("NoSuchEntity", "failure"),
        ("ExpiredToken", "failure"),
    ],
)
def test_an_error_is_a_denial_or_a_failure(error: str | None, outcome: str) -> None:
    """Denied where permission lacked, failure for anything else."""
    assert event_of(record(errorCode=error)).action.outcome == outcome


@pytest.mark.parametrize("source", ["08.1.250.216", "ec2.amazonaws.com", "AWS Internal", "", None, 7])
def test_what_is_no_address_is_unknown(source: Any) -> None:
    """Scrambled addresses and names of services survive as an unknown address."""
    assert event_of(record(sourceIPAddress=source)).network.ip is None


@pytest.mark.parametrize(
    ("fields", "resource", "kind"),
    [
        (
            {
                "resources": [
                    {"ARNPrefix": "arn:aws:s3:::b/", "type": "AWS::S3::Object"},
                    {"ARN": "arn:aws:s3:::b", "type": "AWS::S3::Bucket"},
                ]
            },
            "arn:aws:s3:::b",
            "bucket",
        ),
        ({"resources": [{"ARN": "arn:aws:ssm:r:1:parameter/x"}]}, "arn:aws:ssm:r:1:parameter/x", "parameter"),
        ({"requestParameters": {"Host": "h", "bucketName": "b"}}, "arn:aws:s3:::b", "bucket"),
        (
            {"requestParameters": {"roleSessionName": "s", "roleArn": "arn:aws:iam::1:role/r"}},
            "arn:aws:iam::1:role/r",
            "role",
        ),
        ({"requestParameters": {"dBInstanceIdentifier": "d"}}, "d", "db-instance"),
        ({"requestParameters": {"logStreamName": "l"}}, "l", "log-stream"),
        ({"requestParameters": {"instancesSet": {"items": [{"instanceId": "i-1"}]}}}, "i-1", "instance"),
        (
            {"requestParameters": {"instancesSet": {"items": [{"instanceId": "i-1"}, {"instanceId": "i-2"}]}}},
            None,
            None,
        ),
        ({"requestParameters": "masked", "resources": "masked"}, None, None),
        ({}, None, None),
    ],
)
def test_the_resource_follows_from_what_is_listed_or_named(
    fields: dict[str, Any], resource: str | None, kind: str | None
) -> None:
    """An ARN in `resources` first, else the parameter that names one; several at once are none."""
    event = event_of(record(**fields))

    assert (event.resource.id, event.resource.type) == (resource, kind)


def test_names_too_long_for_an_event_stay_apart() -> None:
    """S3 keys may have 1,024 bytes: a digest keeps two of them from becoming one."""
    arns = ["arn:aws:s3:::b/" + "ä" * 400 + end for end in "xy"]
    ids = [event_of(record(resources=[{"ARN": arn}])).resource.id for arn in arns]

    assert (len(set(ids)), all(id is not None and len(id.encode()) <= 256 for id in ids)) == (2, True)


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({}, "session_cookie"),
        ({"userAgent": "Mozilla/5.0", "sessionCredentialFromConsole": "true"}, "session_cookie"),
        ({"userAgent": "aws-cli/2.13.0"}, "access_key"),
        ({"userIdentity": role_session("i-0abc")}, "access_key"),
    ],
)
def test_a_consoles_key_is_worth_what_the_browsers_session_is(fields: dict[str, Any], kind: str) -> None:
    """A person's temporary key in the console is a cookie's; any other is an access key."""
    assert event_of(record(**fields)).credential.kind == kind


def test_an_import_tells_how_far_it_is(tmp_path: Path) -> None:
    """After each file: how many of how many are done."""
    told: list[tuple[int, int]] = []

    import_files("cloudtrail", [tmp_path / "a", tmp_path / "b"], lambda done, total: told.append((done, total)))

    assert told == [(1, 2), (2, 2)]


def test_an_unknown_source_is_refused() -> None:
    """Nothing is imported from a source nobody wrote a reader for."""
    with pytest.raises(KeyError):
        import_files("cloudtrial", [])


def imported(source: str, file: Path) -> Result:
    """What the command says of a file."""
    return CliRunner().invoke(app, ["import", source, str(file), "--out", str(file.with_suffix(".parquet"))])


def test_an_unknown_source_is_refused_with_the_names_of_all(tmp_path: Path) -> None:
    """Exit code 2, and the sources that can be imported."""
    (file := tmp_path / "log.json").write_text("[]")

    result = imported("okta", file)

    assert result.exit_code == 2
    assert "'okta'; choose one of cloudtrail" in " ".join(result.stderr.replace("│", " ").split())


def test_the_command_says_that_a_log_is_another_vendors(tmp_path: Path) -> None:
    """After some records; a line for each would bury it."""
    (file := tmp_path / "log.json").write_text(json.dumps([{"user": "ada"}] * 40))
    said = imported("cloudtrail", file)

    assert said.exit_code == 1
    assert said.stderr.count("log.json, record") == SHOWN
    assert "and 30 more" in said.stderr and "not one record reads as cloudtrail" in said.stderr
