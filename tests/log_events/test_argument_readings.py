"""An action whose name only looks at something, and whose arguments change, copy or run something, is no view."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.source_samples import DATA

from features.sources.file_import import parser_of
from features.sources.formats.records import Record, records_of
from features.sources.mapping.action_table import ActionTable
from features.sources.mapping.log_map import ready_map
from features.sources.mapping.map_file import MapFile
from features.sources.registry import SOURCES


def exchange(operation: str, **parameters: object) -> Record:
    """A cmdlet of Exchange Online."""
    return {
        "Operation": operation,
        "CreationTime": "2026-03-02T09:00:00",
        "OrganizationId": "o",
        "UserId": "ada@example.com",
        "UserType": 2,
        "ResultStatus": "True",
        "Parameters": [{"Name": name, "Value": str(value)} for name, value in parameters.items()],
    }


def google(method: str, service: str = "bigquery.googleapis.com", **payload: Any) -> Record:
    """A record of a Google Cloud audit log."""
    return {
        "insertId": "i",
        "timestamp": "2026-03-02T09:00:00Z",
        "protoPayload": {
            "serviceName": service,
            "methodName": method,
            "authenticationInfo": {"principalEmail": "ada@example.com"},
            **payload,
        },
    }


def job(kind: str = "queryConfig", **config: object) -> Record:
    """A job of BigQuery."""
    return google(
        "google.cloud.bigquery.v2.JobService.InsertJob",
        metadata={"jobInsertion": {"job": {"jobConfig": {kind: config}}}},
    )


def tool(name: str, **arguments: object) -> Record:
    """A call of an agent's tool."""
    params = {"name": name, "arguments": arguments}
    return {"timestamp": "2026-03-02T09:00:00Z", "agent": "a", "method": "tools/call", "params": params, "result": {}}


def span(name: str, arguments: object) -> Record:
    """The same as a span."""
    attributes = {"gen_ai.operation.name": "execute_tool", "gen_ai.agent.id": "a", "gen_ai.tool.name": name}
    return {
        "span": {"spanId": "1", "traceId": "2", "startTimeUnixNano": "1770000000000000000"},
        "attributes": attributes | {"gen_ai.tool.call.arguments": json.dumps(arguments)},
        "resource": {},
    }


def aws(service: str, name: str, **parameters: object) -> Record:
    """A call of AWS."""
    return {
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/ada", "accountId": "111122223333"},
        "eventTime": "2026-03-02T09:00:00Z",
        "eventSource": f"{service}.amazonaws.com",
        "eventName": name,
        "requestParameters": parameters,
    }


def call(activity: int, operation: str) -> Record:
    """An API call in OCSF."""
    return {
        "class_uid": 6003,
        "activity_id": activity,
        "time": 1770000000000,
        "metadata": {"version": "1.4.0"},
        "actor": {"user": {"name": "ada", "uid": "ada", "type_id": 1}},
        "api": {"operation": operation, "service": {"name": "crm"}},
        "status_id": 1,
    }


@pytest.mark.parametrize(
    ("source", "record", "category"),
    [
        ("microsoft365", exchange("Search-Mailbox", Identity="bob"), "read"),
        ("microsoft365", exchange("Search-Mailbox", Identity="bob", DeleteContent=True), "delete"),
        ("microsoft365", exchange("Search-Mailbox", Identity="bob", DeleteContent="$false"), "read"),
        ("microsoft365", exchange("search-mailbox", Identity="bob", TargetMailbox="eve"), "export"),
        ("microsoft365", exchange("New-InboxRule", Name="r", MoveToFolder="x"), "write"),
        ("microsoft365", exchange("New-InboxRule", Name="r", ForwardTo="eve@example.net"), "export"),
        ("microsoft365", exchange("Set-Mailbox", ForwardingSmtpAddress="smtp:eve@example.net"), "export"),
        ("microsoft365", exchange("Set-Mailbox", ForwardingSmtpAddress=""), "write"),
        ("microsoft365", exchange("Set-Mailbox", AuditEnabled=False), "change_security_setting"),
        ("microsoft365", exchange("Set-Mailbox", AuditEnabled=True), "write"),
        ("gcp", job(query="SELECT 1 FROM t", statementType="SELECT"), "read"),
        ("gcp", job(query="DELETE FROM t WHERE TRUE", statementType="DELETE"), "delete"),
        ("gcp", job(query="DELETE FROM t WHERE TRUE"), "delete"),
        ("gcp", job(query="...", statementType="DROP_TABLE"), "delete"),
        ("gcp", job(query="...", statementType="EXPORT_DATA"), "export"),
        ("gcp", job(query="CREATE ROLE x", statementType="SELECT"), "manage_access"),
        ("gcp", job(statementType="SELECT", query="SELECT 1", writeDisposition="WRITE_TRUNCATE"), "write"),
        ("gcp", job("extractConfig", sourceTable="t"), "export"),
        ("gcp", job("loadConfig", destinationTable="t"), "write"),
        ("gcp", google("jobservice.query", serviceData={"jobQueryRequest": {"query": "DROP TABLE t"}}), "delete"),
        (
            "gcp",
            google(
                "google.spanner.v1.Spanner.ExecuteSql", "spanner.googleapis.com", request={"sql": "SELECT 1 FROM t"}
            ),
            "execute_code",
        ),
        ("gcp", google("io.k8s.core.v1.pods.exec.get", "k8s.io"), "execute_code"),
        ("gcp", google("google.cloud.gkebackup.v1.BackupForGKE.GetBackup", "gkebackup.googleapis.com"), "export"),
        ("gcp", google("google.iam.v1.IAMPolicy.GetIamPolicy", "iam.googleapis.com"), "read"),
        ("mcp", tool("query", sql="SELECT name FROM customers"), "read"),
        ("mcp", tool("query", sql="DELETE FROM customers"), "delete"),
        ("mcp", tool("read_query", query="COPY customers TO '/tmp/x'"), "export"),
        ("mcp", tool("search", query="how to delete a table"), "list"),
        ("mcp", tool("bash", command=["sudo", "cat", "/etc/hosts"]), "assume_privilege"),
        ("otel-agents", span("sql_query", {"query": "TRUNCATE TABLE customers"}), "delete"),
        ("cloudtrail", aws("dynamodb", "ExecuteStatement", statement="DELETE FROM t WHERE id=1"), "delete"),
        ("cloudtrail", aws("rds-data", "ExecuteStatement", sql="GRANT ALL ON t TO eve"), "manage_access"),
        (
            "cloudtrail",
            aws("athena", "StartQueryExecution", queryString="UNLOAD (SELECT * FROM t) TO 's3://x'"),
            "export",
        ),
        (
            "github",
            {"action": "api.request", "actor": "ada", "@timestamp": 1770000000000, "request_method": "GET"},
            "read",
        ),
        (
            "github",
            {"action": "api.request", "actor": "ada", "@timestamp": 1770000000000, "request_method": "DELETE"},
            "delete",
        ),
        ("ocsf", call(2, "GetContact"), "read"),
        ("ocsf", call(2, "ExportContacts"), "export"),
        ("ocsf", call(3, "CreateAccessKey"), "rotate_secret"),
        ("ocsf", call(4, "GetContact"), "delete"),
        (
            "kubernetes",
            {
                "verb": "get",
                "user": {"username": "ada"},
                "objectRef": {"resource": "services", "subresource": "proxy"},
                "requestReceivedTimestamp": "2026-03-02T09:00:00Z",
            },
            "execute_code",
        ),
    ],
)
def test_the_more_harmful_reading_counts(source: str, record: Record, category: str) -> None:
    """Of name and arguments."""
    assert parser_of(SOURCES[source])(record).action.category == category


def test_no_sample_becomes_milder() -> None:
    """The arguments of real records only add to what their names say."""
    harmless = {"read", "list", "authenticate"}
    for source, pattern in (
        ("gcp", "panther/gcp*"),
        ("microsoft365", "*/microsoft365*"),
        ("cloudtrail", "panther/cl*"),
    ):
        parse, by_name = parser_of(SOURCES[source]), SOURCES[source].parse
        for file in DATA.glob(pattern):
            for _, record in records_of(file, SOURCES[source].form):
                try:
                    before = by_name(record).action.category if isinstance(record, dict) else None
                    after = parse(record).action.category if isinstance(record, dict) else None
                except ValueError:
                    continue
                assert after == before or before is None or before not in harmless or after not in (None, *harmless)


def test_a_pattern_that_names_a_view_comes_before_the_views() -> None:
    """The harmful ones alone: a broad pattern for access does not make every view of a policy a change."""
    table = ActionTable.of(
        {"execute_code": ["*pods.exec.get"], "manage_access": ["*policy*"], "read": ["*get*"]},
        views={"read": r"[.:]get[a-z]*$"},
    )

    assert table.facts("v1.pods.exec.get").category == "execute_code"
    assert table.facts("v1.GetPolicy").category == "read"
    assert table.facts("v1.SetPolicy").category == "manage_access"


@pytest.mark.parametrize("value", [None, "", " ", "-", "null", [], {}, 0, False, "x", [0]])
def test_a_record_is_recognised_exactly_when_it_is_read(value: object) -> None:
    """A needed field without a value is missing to both."""
    fields = {"time": "t", "identity.id": {"is": "ada"}, "identity.type": {"is": "human"}, "action.name": {"is": "x"}}
    known = ready_map(MapFile.model_validate({"title": "log", "requires": ["needed"], "fields": fields}))
    record = {"needed": value, "t": "2026-03-02T09:00:00Z"}
    try:
        known.fields(record)
    except ValueError as error:
        assert "needed is missing" in str(error)
        read = False
    else:
        read = True

    assert known.recognises(record) is read
    assert read is (value not in (None, ""))
