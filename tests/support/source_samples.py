"""The logs beside each source, real ones and those in `data/invented`, and what becomes of their records."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import NamedTuple

from features.event.schema import Event
from features.sources.formats.records import NobodyKnown, NotAnEvent, Record, records_of
from features.sources.registry import SOURCES

DATA = Path(__file__).parents[2] / "data"


class Sample(NamedTuple):
    """A file, and what becomes of its records."""

    source: str
    file: str
    events: int
    nobody: int = 0
    """Records without any identity: parts of a log that a rule's test needed no more of."""
    other: int = 0
    unreadable: int = 0


SAMPLES = (
    Sample("azure", "invented/azure_activity.ndjson", 4),
    Sample("azure", "panther/azure_rule_tests.ndjson.gz", 13, 195, 39),
    Sample("azure", "plaso/plaso_azure_activity_log.jsonl", 0, 0, 4),
    Sample("cloudtrail", "otrf/ec2_proxy_s3_exfiltration_2020-09-14011940.json.gz", 103),
    Sample("cloudtrail", "panther/cloudtrail_rule_tests.ndjson.gz", 443, 0, 0, 32),
    Sample("entra", "invented/entra_audit.csv", 2),
    Sample("entra", "invented/entra_sign_ins.csv", 2),
    Sample("entra", "msticpy/aad_logons.ndjson.gz", 86),
    Sample("entra", "otrf/microsoft/AADAuditEvents.json.gz", 4),
    Sample("entra", "panther/entra_rule_tests.ndjson.gz", 47),
    Sample("gcp", "panther/gcp_rule_tests.ndjson.gz", 148, 27, 11, 10),
    Sample("gcp", "plaso/plaso_gcp_logging.jsonl", 5, 0, 6),
    Sample("github", "panther/github_rule_tests.ndjson.gz", 92, 2, 0, 4),
    Sample("github", "sentinel/github_audit.ndjson", 8),
    Sample("google-workspace", "panther/google_workspace_rule_tests.ndjson.gz", 84, 5, 38, 2),
    Sample("google-workspace", "sentinel/google_workspace.csv", 4),
    Sample("kubernetes", "invented/kubernetes.ndjson", 3, 0, 1),
    Sample("kubernetes", "panther/kubernetes_rule_tests.ndjson.gz", 140, 35, 0, 11),
    Sample("linux", "beats/auth_test.log", 6, 2, 2),
    Sample("linux", "beats/secure_rhel7.log", 5, 0, 9),
    Sample("linux", "invented/journald.ndjson", 3, 0, 1),
    Sample("mcp", "invented/mcp.ndjson", 3, 0, 1),
    Sample("microsoft365", "invented/microsoft365.csv", 1),
    Sample("microsoft365", "otrf/microsoft/OfficeActivityEvents.json.gz", 1),
    Sample("microsoft365", "panther/microsoft365_rule_tests.ndjson.gz", 19),
    Sample("microsoft365", "plaso/plaso_microsoft_audit_log.jsonl", 4),
    Sample("ocsf", "invented/ocsf.ndjson", 5),
    Sample("okta", "panther/okta_rule_tests.ndjson.gz", 58, 5, 5, 6),
    Sample("otel-agents", "invented/otel_agents.ndjson", 2, 0, 3),
)


def read(sample: Sample) -> tuple[list[tuple[Record, Event]], Counter[str]]:
    """The records of a sample that are events, with their events; and what the others are."""
    source = SOURCES[sample.source]
    events: list[tuple[Record, Event]] = []
    others: Counter[str] = Counter()
    for _, record in records_of(DATA / sample.file, source.form):
        if not isinstance(record, dict):
            others["unreadable"] += 1
            continue
        try:
            events.append((record, source.parse(record)))
        except NobodyKnown:
            others["nobody"] += 1
        except NotAnEvent:
            others["other"] += 1
        except ValueError:
            others["unreadable"] += 1
    return events, others
