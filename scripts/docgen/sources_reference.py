"""`docs/reference/sources/`: what each log source makes of its samples."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from features.event.schema import Event
from features.sources.formats.records import NobodyKnown, NotAnEvent, Record, records_of
from features.sources.log_source import LogSource
from features.sources.registry import SOURCES
from scripts.docgen import ROOT
from scripts.docgen.markdown import fenced, table

SAMPLES: dict[str, tuple[str, ...]] = {
    "azure": (
        "panther/azure_rule_tests.ndjson.gz",
        "plaso/plaso_azure_activity_log.jsonl",
        "invented/azure_activity.ndjson",
    ),
    "cloudtrail": ("panther/cloudtrail_rule_tests.ndjson.gz",),
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


@dataclass
class Measured:
    """What became of the records of a source's samples."""

    records: int = 0
    events: list[Event] = field(default_factory=list)
    typed: int = 0
    """Events whose identity type a rule names."""
    nobody: int = 0
    others: Counter[str] = field(default_factory=Counter)
    unreadable: Counter[str] = field(default_factory=Counter)
    shown: tuple[Record, Event] | None = None
    """A record that is short enough to be shown, with its event."""

    def share(self, count: int) -> str:
        """A count among the events, in per cent."""
        return f"{count / len(self.events):.1%}" if self.events else "-"


@cache
def measured(name: str) -> Measured:
    """What a source makes of its samples."""
    source, found = SOURCES[name], Measured()
    for file in SAMPLES[name]:
        for _, record in records_of(ROOT / "data" / file, source.form):
            found.records += 1
            if isinstance(record, dict):
                _take(source, record, found)
            else:
                (found.others if isinstance(record, NotAnEvent) else found.unreadable)[str(record)] += 1
    return found


def _take(source: LogSource, record: Record, found: Measured) -> None:
    try:
        event = source.parse(record)
    except NobodyKnown:
        found.nobody += 1
    except NotAnEvent as other:
        found.others[str(other)] += 1
    except ValueError as error:
        found.unreadable[str(error).split("\n")[0]] += 1
    else:
        found.events.append(event)
        found.typed += source.identity_type(record) is not None
        if _richness(event, record) > (_richness(found.shown[1], found.shown[0]) if found.shown else 0):
            found.shown = record, event


def _richness(event: Event, record: Record) -> int:
    """How much a record shows; nothing, if it is too long for a page."""
    text = json.dumps(record)
    return len(_known(event)) if len(text) <= _LONGEST_RECORD else 0


def _known(event: Event) -> dict[str, Any]:
    groups = event.model_dump(mode="json", exclude_none=True)
    flat = {f"{group}.{name}": value for group, v in groups.items() if isinstance(v, dict) for name, value in v.items()}
    return {name: groups[name] for name in ("id", "time") if name in groups} | flat


def overview(folder: str = "") -> str:
    """Every source with what it makes of its samples; `folder` is where its page lies."""
    rows = []
    for name, source in sorted(SOURCES.items()):
        found = measured(name)
        page = ROOT / "docs/reference/sources" / f"{name}.md"
        listed = sum(event.action.category is not None for event in found.events)
        known = sum(event.action.outcome is not None for event in found.events)
        rows.append(
            (
                f"[`{name}`]({folder}{name}.md)" if page.exists() else f"`{name}`",
                source.title,
                found.records,
                len(found.events),
                found.nobody,
                found.share(found.typed),
                found.share(listed),
                found.share(known),
            )
        )
    return table(("source", "log", "records", "events", "nobody's", "type", "table", "outcome"), rows)


def source_part(name: str) -> str:
    """What a page says of its samples: figures, fields, a record and its event."""
    found = measured(name)
    files = ", ".join(f"`{file}`" for file in SAMPLES[name])
    without = Counter(event.action.name for event in found.events if event.action.category is None)
    lines = [
        f"Measured over {found.records:,} records of `data/`: {files}.",
        f"{len(found.events):,} are events, {found.nobody:,} nobody's, {found.others.total():,} no act of an identity, "
        f"{found.unreadable.total():,} cannot be read.",
        _named("No act", found.others),
        _named("Not readable", found.unreadable),
        _named("Actions that the table does not know", without),
    ]
    fields: Counter[str] = Counter()
    for event in found.events:
        fields.update(_known(event).keys())
    order = [f"{group}.{field}" for group, info in Event.model_fields.items() for field in _inner(info.annotation)]
    rows = [(f"`{field}`", found.share(fields[field])) for field in order if fields[field]]
    parts = ["\n".join(line for line in lines if line), table(("field", "known in"), rows)]
    if found.shown:
        record, event = found.shown
        parts += ["A record:", fenced("json", json.dumps(record, indent=1, ensure_ascii=False))]
        parts += ["and its event:", fenced("json", json.dumps(_known(event), indent=1, ensure_ascii=False))]
    return "\n\n".join(parts)


def _inner(annotation: Any) -> list[str]:
    return list(getattr(annotation, "model_fields", {}))


def _named(what: str, counts: Counter[str]) -> str:
    if not counts:
        return ""
    rest = f", and {len(counts) - _NAMED} more" if len(counts) > _NAMED else ""
    return f"{what}: {', '.join(f'{name} ({count})' for name, count in counts.most_common(_NAMED))}{rest}."
