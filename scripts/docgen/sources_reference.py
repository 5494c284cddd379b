"""`docs/reference/sources/`: what each log source makes of its samples."""

from __future__ import annotations

import json
import math
from collections import Counter
from functools import cache

from features.event.arrow import EVENT_SCHEMA
from features.event.schema import Event
from features.sources.coverage import Coverage, known_columns
from features.sources.formats.records import Record, records_of
from features.sources.registry import SOURCES
from scripts.docgen import ROOT
from scripts.docgen.markdown import fenced, table

SAMPLES: dict[str, tuple[str, ...]] = {
    "azure": (
        "panther/azure_rule_tests.ndjson.gz",
        "plaso/plaso_azure_activity_log.jsonl",
        "invented/azure_activity.ndjson",
    ),
    "cloudtrail": (
        "otrf/ec2_proxy_s3_exfiltration_2020-09-14011940.json.gz",
        "stratus/*.json",
        "panther/cloudtrail_rule_tests.ndjson.gz",
    ),
    "entra": (
        "msticpy/aad_logons.ndjson.gz",
        "otrf/microsoft/AADAuditEvents.json.gz",
        "panther/entra_rule_tests.ndjson.gz",
        "invented/entra_audit.csv",
        "invented/entra_sign_ins.csv",
    ),
    "gcp": ("panther/gcp_rule_tests.ndjson.gz", "plaso/plaso_gcp_logging.jsonl"),
    "github": ("sentinel/github_audit.ndjson", "panther/github_rule_tests.ndjson.gz"),
    "google-workspace": ("panther/google_workspace_rule_tests.ndjson.gz", "sentinel/google_workspace.csv"),
    "kubernetes": ("panther/kubernetes_rule_tests.ndjson.gz", "invented/kubernetes.ndjson"),
    "linux": ("beats/auth_test.log", "beats/secure_rhel7.log", "invented/journald.ndjson"),
    "mcp": ("invented/mcp.ndjson",),
    "microsoft365": (
        "panther/microsoft365_rule_tests.ndjson.gz",
        "plaso/plaso_microsoft_audit_log.jsonl",
        "otrf/microsoft/OfficeActivityEvents.json.gz",
        "invented/microsoft365.csv",
    ),
    "ocsf": ("invented/ocsf.ndjson",),
    "okta": ("panther/okta_rule_tests.ndjson.gz",),
    "otel-agents": ("invented/otel_agents.ndjson",),
}
"""The files in `data/` by which each source is measured."""
_LONGEST_RECORD = 2_500
"""Characters of the record that a page shows."""
_NAMED = 12


@cache
def measured(name: str) -> tuple[Coverage, tuple[Record, Event] | None]:
    """What a source makes of its samples, and the record that shows most, with its event."""
    source, coverage, shown, most = SOURCES[name], Coverage(), None, 0
    for file in (file for pattern in SAMPLES[name] for file in sorted((ROOT / "data").glob(pattern))):
        for _, record in records_of(file, source.form):
            if not isinstance(record, dict):
                coverage.records += 1
                coverage.take_other(record)
                continue
            event = coverage.take(source, record)
            richness = _richness(event, record) if event else 0
            if event and richness > most:
                shown, most = (record, event), richness
    return coverage, shown


def _richness(event: Event, record: Record) -> int:
    """How much a record shows; nothing, if it is too long for a page."""
    return len(known_columns(event)) if len(json.dumps(record)) <= _LONGEST_RECORD else 0


def overview(folder: str = "") -> str:
    """Every source with what it makes of its samples; `folder` is where its page lies."""
    rows = []
    for name, source in sorted(SOURCES.items()):
        coverage, _ = measured(name)
        page = ROOT / "docs/reference/sources" / f"{name}.md"
        rows.append(
            (
                f"[`{name}`]({folder}{name}.md)" if page.exists() else f"`{name}`",
                source.title,
                coverage.records,
                coverage.events,
                coverage.nobody.total(),
                *(_share(coverage.shares[share]) for share in ("type", "table", "outcome")),
            )
        )
    return table(("source", "log", "records", "events", "nobody's", "type", "table", "outcome"), rows)


def _share(share: float) -> str:
    return "-" if math.isnan(share) else f"{share:.1%}"


def source_part(name: str) -> str:
    """What a page says of its samples: figures, fields, a record and its event."""
    coverage, shown = measured(name)
    lines = [
        f"Measured over {coverage.records:,} records of `data/`: {', '.join(map(_file, SAMPLES[name]))}.",
        f"{coverage.events:,} are events, {coverage.nobody.total():,} nobody's, {coverage.not_events.total():,} no act "
        f"of an identity, {coverage.unreadable.total():,} cannot be read.",
        _named("No act", coverage.not_events),
        _named("Not readable", coverage.unreadable),
        _named("Actions that the table does not know", coverage.by_words + coverage.without_category),
    ]
    rows = [
        (f"`{column}`", _share(coverage.known[column] / coverage.events))
        for column in EVENT_SCHEMA.names
        if coverage.known[column] and "." in column
    ]
    parts = ["\n".join(line for line in lines if line), table(("field", "known in"), rows)]
    if shown:
        record, event = shown
        parts += ["A record:", fenced("json", json.dumps(record, indent=1, ensure_ascii=False))]
        parts += ["and its event:", fenced("json", json.dumps(known_columns(event), indent=1, ensure_ascii=False))]
    return "\n\n".join(parts)


def _file(name: str) -> str:
    return f"`{name}`"


def _named(what: str, counts: Counter[str]) -> str:
    if not counts:
        return ""
    rest = f", and {len(counts) - _NAMED} more" if len(counts) > _NAMED else ""
    return f"{what}: {', '.join(f'{name} ({count})' for name, count in counts.most_common(_NAMED))}{rest}."
