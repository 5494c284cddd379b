"""What an import says at its end: what became of the records, what the events know, what that blinds, what to add."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from rich.table import Table

from features.catalogue.all import FEATURES
from features.event.row_fields import FIELDS
from features.sources.import_report import ImportReport

_MOST_SHOWN = 5
_SPARSE = 0.95
"""Fields that fewer events know are listed."""
_ADD = {
    "identity.entitlements_granted": "identities.yaml, or a CSV of the directory (--context)",
    "identity.entitlements_used_90d": "a CSV of the directory (--context)",
    "resource.sensitivity": "assets.yaml, or a CSV of tags (--context)",
    "resource.environment": "assets.yaml, or a CSV of tags (--context)",
    "network.asn": "addresses are looked up unless --no-addresses; private ones: SESSION_TRUST_NETWORK_TABLES",
    "network.country": "addresses are looked up unless --no-addresses; private ones: SESSION_TRUST_NETWORK_TABLES",
    "network.latitude": "an .mmdb of places in SESSION_TRUST_NETWORK_TABLES",
    "network.longitude": "an .mmdb of places in SESSION_TRUST_NETWORK_TABLES",
    "network.reputation": "a list of bad networks in SESSION_TRUST_NETWORK_TABLES",
    "network.hosting": "addresses are looked up unless --no-addresses",
    "network.anonymizer": "addresses are looked up unless --no-addresses",
    "device.managed": "the device management's facts, sent with POST /score",
    "device.compliant": "the device management's facts, sent with POST /score",
    "authentication.time": "the identity provider's sign-in log",
    "authentication.amr": "the identity provider's sign-in log",
    "authentication.aal": "the identity provider's sign-in log",
    "credential.privileged": "identities.yaml, or a CSV of the directory (--context)",
    "action.impact": "actions.yaml",
}


def outcome_lines(report: ImportReport, out: Path | None = None) -> Iterator[str]:
    """What became of every record, in sentences; `out` is where the events were written."""
    written = f" -> {out}" if out else ""
    yield f"{report.events:,} events{written}; {report.unreadable_count:,} unreadable records of {report.records:,}"
    if report.duplicates:
        yield f"{report.duplicates:,} records repeat an event and count once"
    yield from _counted(report.wrappers, "records were taken out of {}")
    yield from _counted(report.not_events, "records are no events: {}")
    yield from _counted(report.nobody, "requests are nobody's, and in no history: {}")
    if report.by_words:
        yield f"{report.by_words.total():,} actions have the category of their words: {_names(report.by_words)}"
    if report.without_category:
        yield f"{report.without_category.total():,} actions have no category: {_names(report.without_category)}"


def _counted(counts: Counter[str], sentence: str) -> Iterator[str]:
    for name, count in counts.most_common():
        yield f"{count:,} {sentence.format(name)}"


def _names(counts: Counter[str]) -> str:
    shown = ", ".join(f"{name} ({count:,})" for name, count in counts.most_common(_MOST_SHOWN))
    rest = len(counts) - _MOST_SHOWN
    return f"{shown} and {rest:,} more" if rest > 0 else shown


def knowledge_table(report: ImportReport) -> Table:
    """The fields that not all events have: the share that has them, the features that read them, and what to add."""
    table = Table("field", "known", "features without it", "to add", title="What the events do not know")
    for column in columns_of_features():
        share = report.share_known(column)
        if share < _SPARSE:
            blind = features_reading(column)
            table.add_row(column, f"{share:.0%}", f"{len(blind)}: {_first(blind)}", _ADD.get(column, ""))
    return table


def _first(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:2])
    return f"{shown}, …" if len(names) > 2 else shown


@cache
def columns_of_features() -> tuple[str, ...]:
    """The Event columns that features read, in the order of the Event."""
    return tuple(dict.fromkeys(field.column for field in FIELDS if features_reading(field.column)))


@cache
def features_reading(column: str) -> tuple[str, ...]:
    """The names of the features that read a column of the event itself."""
    fields = {f"event.{field.name}" for field in FIELDS if field.column == column}
    return tuple(feature.name for feature in FEATURES if fields & set(feature.reads))
