"""`session-trust features import … --check`: the first records of a log as the events they would be."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

from rich.console import Console

from features.cli.import_summary import knowledge_table, outcome_lines
from features.cli.output import print_plain, show_first
from features.event.arrow import table_of
from features.event.schema import Event
from features.sources.file_import import event_or_reason, parser_of
from features.sources.formats.records import NotAnEvent, UnreadableRecord, records_of
from features.sources.import_report import ImportReport
from features.sources.log_source import LogSource

_SHOWN = 5
"""Events, each of another action, and as many of the other records, that are printed whole."""
_NAMED = 40
"""Actions and identities that are listed."""
_LOOKED_AT = 10_000
"""Records that are read."""


def print_check(console: Console, source: LogSource, files: Sequence[Path]) -> int:
    """Print the first event of each of some actions, or why records are none; and of the first ten thousand records
    every action, every identity, and what the events know.

    Returns how many of them cannot be read.
    """
    report, events, shown = ImportReport(), list[Event](), set[str]()
    parse = parser_of(source, report)
    found = ((file, *record) for file in files for record in records_of(file, source.form))
    others = 0
    for file, place, record in islice(found, _LOOKED_AT):
        result = event_or_reason(record, parse) if isinstance(record, dict) else record
        if isinstance(result, Event):
            events.append(result)
            if result.action.name not in shown and len(shown) < _SHOWN:
                shown.add(result.action.name)
                print_plain(console, f"{file}, {place}: an event")
                print_plain(console, json.dumps(_known(result), indent=1))
            continue
        others += 1
        if others <= _SHOWN:
            print_plain(console, f"{file}, {place}: {result}")
        if isinstance(result, NotAnEvent):
            report.add_other(result)
        else:
            report.add_unreadable(UnreadableRecord(file, place, result))
    report.add_events(table_of(events))
    for line in outcome_lines(report):
        print_plain(console, line)
    if events:
        _print_kinds(console, "actions", events, lambda event: (event.action.name, event.action.category or "unknown"))
        _print_kinds(console, "identities", events, lambda event: (event.identity.id, event.identity.type))
        console.print(knowledge_table(report))
    return report.unreadable_count


def _print_kinds(
    console: Console, title: str, events: Sequence[Event], kind: Callable[[Event], tuple[str, str]]
) -> None:
    """Print what events are about, what each was taken for, how often, and what came of it."""
    outcomes: dict[tuple[str, str], Counter[str]] = {}
    for event in events:
        outcomes.setdefault(kind(event), Counter())[event.action.outcome or "unknown outcome"] += 1
    print_plain(console, f"{title}:")
    lines = [
        f"{name}: {taken_for}; {', '.join(f'{count} {outcome}' for outcome, count in counts.most_common())}"
        for (name, taken_for), counts in sorted(outcomes.items())
    ]
    show_first(console, lines, _NAMED)


def _known(event: Event) -> dict[str, object]:
    """An event without what it does not know."""
    return {name: value for name, value in event.model_dump(mode="json", exclude_none=True).items() if value != {}}
