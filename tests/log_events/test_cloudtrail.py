"""CloudTrail records become events: complete real logs, every file format, and no record dropped silently."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from features.cli.log_import import MAX_SHOWN
from features.cli.main import app
from features.sources.aws.cloudtrail import event_of
from features.sources.file_import import import_files

DATA = Path(__file__).parents[2] / "data"
PERSON = {
    "type": "IAMUser",
    "arn": "arn:aws:iam::111122223333:user/ada",
    "accountId": "111122223333",
    "accessKeyId": "ASIA1",
    "sessionContext": {"attributes": {"mfaAuthenticated": "true", "creationDate": "2026-03-02T08:00:00Z"}},
}


_EVENT_IDS = count(1)


def record(**changes: Any) -> dict[str, Any]:
    """A console read by a person with a second factor, with changes; each has an id of its own."""
    return {
        "eventTime": "2026-03-02T09:00:00Z",
        "eventSource": "s3.amazonaws.com",
        "eventName": "GetObject",
        "eventID": f"event-{next(_EVENT_IDS)}",
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


def import_counts(*files: Path) -> tuple[dict[str, int], int]:
    """Imported events by identity type, and the number of unreadable records."""
    imported = import_files("cloudtrail", files)
    return dict(Counter(imported.table["identity.type"].to_pylist())), imported.report.unreadable_count


def test_the_otrf_incident_is_read_completely() -> None:
    """103 flattened records without eventTime: a person, a role, and a service of AWS, all of them readable."""
    assert import_counts(*(DATA / "otrf").glob("*.gz")) == ({"human": 87, "workload": 16}, 0)


def test_all_stratus_files_are_read_completely() -> None:
    """310 records in 35 files with scrambled accounts and addresses."""
    counts = import_counts(*(DATA / "stratus").glob("*.json"))

    assert counts == ({"service_account": 240, "workload": 64, "human": 6}, 0)


def test_every_panther_record_is_read_or_reported() -> None:
    """Of 475 test records, 35 lack an identity or a time, and are reported with their lines."""
    report = import_files("cloudtrail", [DATA / "panther/cloudtrail_rule_tests.ndjson.gz"]).report
    reasons = Counter(record.reason.partition(":")[0] for record in report.unreadable)

    assert (report.records, report.events + report.duplicates) == (475, 443)
    assert reasons == {
        "userIdentity is missing": 20,
        "eventTime is missing": 8,
        "userIdentity.type None does not say who acts": 2,
        "time": 2,
    }


@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "gz"])
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
def test_every_file_format_is_read(tmp_path: Path, text: str, compressed: bool) -> None:
    """Independent of the wrapper around the records, of compression and of the file's name."""
    file = tmp_path / "trail"
    file.write_bytes(gzip.compress(text.encode()) if compressed else text.encode())

    assert import_counts(file) == ({"human": 2}, 0)


def test_unreadable_records_are_reported_and_the_others_are_kept(tmp_path: Path) -> None:
    """Each unreadable record is reported with its file, position and reason."""
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
    imported = import_files("cloudtrail", [file])
    report = imported.report

    assert [str(record).removeprefix(f"{file}, ") for record in report.unreadable] == [
        "line 2: is not JSON: Expecting value at its character 1",
        "line 3: userIdentity is missing",
        "line 4: eventTime is missing",
        "line 5: time: Value error, must be an ISO 8601 time with an offset, such as 2026-01-31T09:30:00Z",
        "line 6: eventName is missing",
        "line 7: userIdentity.type 'Martian' does not say who acts",
        "line 9, record 1: is int, not a JSON object",
        "line 9, record 2: is int, not a JSON object",
    ]
    assert imported.table.num_rows == 2
    assert report.nobody == {"a request that names no principal": 1}


@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "gz"])
def test_a_truncated_file_keeps_the_records_before_the_end(tmp_path: Path, compressed: bool) -> None:
    """A truncated file of `Records` gives its complete records and reports where it ends."""
    whole = json.dumps({"Records": [record(eventID=str(n)) for n in range(500)]}).encode()
    cut = gzip.compress(whole)[:-40] if compressed else whole[:-40]
    file = tmp_path / "cut.json"
    file.write_bytes(cut)
    report = import_files("cloudtrail", [file]).report

    assert report.events > 400
    assert report.unreadable[0].position.endswith("all after it")


@pytest.mark.parametrize("content", [b"", b"\n", b"[]", b'{"Records": []}'])
def test_an_empty_file_has_no_events(tmp_path: Path, content: bytes) -> None:
    """A file without records is not an error."""
    (tmp_path / "empty").write_bytes(content)

    assert import_counts(tmp_path / "empty") == ({}, 0)


@pytest.mark.parametrize("content", [b"\x1f\x8bnot gzip", b"\xff\xfe\x00", b"5", b"[[[[", b"[" * 100_000])
def test_a_file_of_another_format_is_reported(tmp_path: Path, content: bytes) -> None:
    """Unexpected content neither stops the import nor passes silently."""
    (tmp_path / "other").write_bytes(content)

    assert import_counts(tmp_path / "other")[1] >= 1


def test_a_file_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    """A missing file does not stop the import of the others."""
    (tmp_path / "good").write_text(json.dumps(record()))

    assert import_counts(tmp_path / "missing", tmp_path / "good") == ({"human": 1}, 1)


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
        ({"type": "AWSAccount", "principalId": "AROA1:job", "accountId": "1"}, "workload", "AROA1"),
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
            "token.actions.githubusercontent.com:repo:a",
        ),
        (
            {"type": "WebIdentityUser", "identityProvider": "accounts.google.com", "userName": "7"},
            "human",
            "accounts.google.com:7",
        ),
    ],
)
def test_the_identity_and_its_type(who: dict[str, Any], kind: str, identity: str) -> None:
    """Both follow from what an attacker with the credential cannot change; a role keeps one id, a person their own."""
    event = event_of(record(userIdentity=who))

    assert event.identity.type == kind
    assert event.identity.id == identity


def test_the_client_never_decides_the_identity_type() -> None:
    """An attacker who uses a service's key from a browser on a Mac does not turn it into a person."""
    who = PERSON | {"accessKeyId": "AKIA1", "sessionContext": {}}
    agents = ["Boto3/1.34 Linux/5", "aws-cli/2 Darwin/19", "Mozilla/5.0 (Macintosh; Intel Mac OS X) Safari/1", "", None]

    assert {event_of(record(userIdentity=who, userAgent=a)).identity.type for a in agents} == {"service_account"}


def test_a_record_never_changes_the_type_that_another_one_shows(tmp_path: Path) -> None:
    """A user's long-lived key is a service account's in each record, whatever the same user does in the console."""
    key = [record(userIdentity=PERSON | {"accessKeyId": "AKIA1", "sessionContext": {}}) for _ in range(2)]
    (tmp_path / "trail").write_text("\n".join(map(json.dumps, [key[0], record(), key[1]])))

    assert import_counts(tmp_path / "trail") == ({"service_account": 2, "human": 1}, 0)


def test_session_credential_and_instance_of_a_role() -> None:
    """The session is the key with its date, the credential is the key, the instance is the session's name."""
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
def test_a_session_name_generated_by_an_sdk_is_not_an_instance(name: str) -> None:
    """It changes with every session and identifies nothing."""
    assert event_of(record(userIdentity=role_session(name))).device.id is None


def test_a_long_lived_key_has_no_known_age() -> None:
    """A session's date is not the date of the key that opened it."""
    event = event_of(record(userIdentity=PERSON | {"accessKeyId": "AKIA1"}))

    assert event.credential.kind == "access_key"
    assert event.credential.issued_at is None


def test_actions_of_the_platform_are_attested() -> None:
    """An AWS service or its service-linked role is attested at the time of the event; another role is not."""
    path = "aws-service-role/autoscaling.amazonaws.com/"
    identities = [
        {"type": "AWSService", "invokedBy": "ec2.amazonaws.com"},
        role_session("AutoScaling", role="AWSServiceRoleForAutoScaling", path=path),
        role_session("i-0abc"),
    ]
    events = [event_of(record(userIdentity=who)) for who in identities]

    assert [event.credential.attested_at == event.time for event in events] == [True, True, False]


@pytest.mark.parametrize(
    ("details", "response", "proof", "outcome"),
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
def test_a_sign_in_records_its_authentication_methods(
    details: dict[str, str], response: str, proof: tuple[str, ...] | None, outcome: str
) -> None:
    """Password and second factor if they were used and accepted; an identity provider's methods are unknown."""
    sign_in = {"eventSource": "signin.amazonaws.com", "eventName": "ConsoleLogin", "additionalEventData": details}
    event = event_of(record(**sign_in, responseElements={"ConsoleLogin": response}))

    assert event.action.category == "authenticate"
    assert event.authentication.amr == proof
    assert event.action.outcome == outcome


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
        ("ExpiredToken", "denied"),
    ],
)
def test_an_error_is_a_denial_or_a_failure(error: str | None, outcome: str) -> None:
    """Denied if permission was missing, failure for any other error."""
    assert event_of(record(errorCode=error)).action.outcome == outcome


@pytest.mark.parametrize("source", ["08.1.250.216", "ec2.amazonaws.com", "AWS Internal", "", None, 7])
def test_a_source_that_is_not_an_address_is_unknown(source: Any) -> None:
    """Scrambled addresses and names of services give an unknown address."""
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
def test_the_resource_is_read_from_the_list_or_the_parameters(
    fields: dict[str, Any], resource: str | None, kind: str | None
) -> None:
    """An ARN in `resources` first, else the parameter that names one; a set of several gives none."""
    event = event_of(record(**fields))

    assert event.resource.id == resource
    assert event.resource.type == kind


def test_names_too_long_for_an_event_stay_distinct() -> None:
    """S3 keys may have 1,024 bytes: a digest keeps two of them from becoming one."""
    arns = ["arn:aws:s3:::b/" + "ä" * 400 + end for end in "xy"]
    ids = [event_of(record(resources=[{"ARN": arn}])).resource.id for arn in arns]

    assert len(set(ids)) == 2
    assert all(id is not None and len(id.encode()) <= 256 for id in ids)


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({}, "session_cookie"),
        ({"userAgent": "Mozilla/5.0", "sessionCredentialFromConsole": "true"}, "session_cookie"),
        ({"userAgent": "aws-cli/2.13.0"}, "access_key"),
        ({"userIdentity": role_session("i-0abc")}, "access_key"),
    ],
)
def test_a_key_used_by_a_console_is_a_session_cookie(fields: dict[str, Any], kind: str) -> None:
    """A person's temporary key in the console counts as a session cookie; any other is an access key."""
    assert event_of(record(**fields)).credential.kind == kind


def test_an_import_reports_its_progress(tmp_path: Path) -> None:
    """After each file: the number of bytes read, and the total."""
    for name in "ab":
        (tmp_path / name).write_text(json.dumps(record(eventID=name)))
    size = (tmp_path / "a").stat().st_size
    calls: list[tuple[int, int]] = []

    import_files("cloudtrail", [tmp_path / "a", tmp_path / "b"], lambda done, total: calls.append((done, total)))

    assert calls == [(size, 2 * size), (2 * size, 2 * size)]


def test_an_unknown_source_is_refused() -> None:
    """A source that is not registered raises KeyError."""
    with pytest.raises(KeyError):
        import_files("cloudtrial", [])


def imported(source: str, file: Path) -> Result:
    """Run the import command on a file."""
    return CliRunner().invoke(app, ["import", source, str(file), "--out", str(file.with_suffix(".parquet"))])


def test_the_command_lists_the_sources_when_one_is_unknown(tmp_path: Path) -> None:
    """Exit code 2, and the names of the registered sources."""
    (file := tmp_path / "log.json").write_text("[]")

    result = imported("mainframe", file)

    assert result.exit_code == 2
    assert "'mainframe'; choose one of" in (said := " ".join(result.stderr.replace("│", " ").split()))
    assert "cloudtrail" in said


def test_the_command_suggests_that_a_log_is_another_vendors(tmp_path: Path) -> None:
    """After the first unreadable records; a line for each would hide the message."""
    (file := tmp_path / "log.json").write_text(json.dumps([{"user": "ada"}] * 40))
    result = imported("cloudtrail", file)

    assert result.exit_code == 1
    assert result.stderr.count("log.json, record") == MAX_SHOWN
    assert "and 30 more" in result.stderr and "no record could be read as cloudtrail" in result.stderr
