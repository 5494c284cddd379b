"""`session-trust features coverage`: how much of a log its source reads."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from features.cli.log_import import registered_source
from features.sources.coverage import TARGETS, Coverage, coverage_of
from features.sources.registry import SOURCES

_NAMED = 20


def coverage_command(
    source: Annotated[
        str, typer.Argument(callback=registered_source, help=f"Log source: {', '.join(sorted(SOURCES))}.")
    ],
    files: Annotated[
        list[Path], typer.Argument(exists=True, dir_okay=False, help="Log files, plain or gzip-compressed.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure how much of some files a source reads, and list what it does not know (exit code 1 below a target).

    Example: `session-trust features coverage cloudtrail trail.json.gz`
    """
    coverage = coverage_of(SOURCES[source], files)
    below = [name for name, share in coverage.shares.items() if not share >= TARGETS[name]]
    if as_json:
        print(json.dumps({"records": coverage.records, "events": coverage.events, "shares": coverage.shares}, indent=1))
    else:
        _print(coverage)
    raise typer.Exit(1 if below else 0)


def _print(coverage: Coverage) -> None:
    console = Console()
    table = Table(
        "share of events with", "reached", "target", title=f"{coverage.events:,} of {coverage.records:,} records"
    )
    for name, meaning in _MEANINGS.items():
        table.add_row(meaning, f"{coverage.shares[name]:.1%}", f"{TARGETS[name]:.0%}")
    console.print(table)
    for title, counts in (
        ("nobody's", coverage.nobody),
        ("no events", coverage.not_events),
        ("unreadable", coverage.unreadable),
        ("actions read by their words", coverage.by_words),
        ("actions without a category", coverage.without_category),
    ):
        _print_counts(console, title, counts)


def _print_counts(console: Console, title: str, counts: Counter[str]) -> None:
    if counts:
        named = ", ".join(f"{name} ({count:,})" for name, count in counts.most_common(_NAMED))
        rest = f" and {len(counts) - _NAMED:,} more" if len(counts) > _NAMED else ""
        console.print(f"{title}: {named}{rest}", markup=False, highlight=False, soft_wrap=True)


_MEANINGS = {
    "identity": "an identity (of requests)",
    "type": "a type that a rule names",
    "table": "a category from the vendor's table",
    "outcome": "an outcome",
}
