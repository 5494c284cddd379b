"""Any log through a running service: each request is decided in turn, and what made the first difference is shown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from features import Event, events_of
from features.cli.import_summary import outcome_lines
from features.cli.output import print_plain
from features.cli.progress import progress_bar
from features.sources.file_import import import_files
from features.sources.import_report import ImportReport
from features.sources.log_source import LogSource
from serving.demo.assertions import count_allowed
from serving.demo.output import identities_table, legend, requests_table, short_name
from serving.demo.result import ScoredEvent, score_events
from serving.launch.client import Service

BEFORE, AFTER = 3, 20
"""How many requests before the turn, and from it on, are shown."""
MOST_IDENTITIES = 40


def events_in(source: LogSource, log: Path) -> tuple[list[Event], ImportReport]:
    """The events of a log in time order, those of one time in the log's, and what became of its records."""
    imported = import_files(source, [log])
    return with_ids_of_their_own(sorted(events_of(imported.table), key=lambda event: event.time)), imported.report


def with_ids_of_their_own(events: Sequence[Event]) -> list[Event]:
    """The same without an id that an earlier one of the identity has: another request, though redaction left its id."""
    seen: set[tuple[str, str | None]] = set()
    kept = []
    for event in events:
        key = (event.identity.id, event.id)
        kept.append(event.model_copy(update={"id": None}) if key in seen else event)
        seen.add(key)
    return kept


def scored_in_turn(service: Service, events: Sequence[Event], space: str) -> list[ScoredEvent]:
    """The decisions on events, each with the history that those before it have made."""
    scored: list[ScoredEvent] = []
    with progress_bar("deciding") as bar:
        for each in score_events(service, events, space):
            scored.append(each)
            bar.update(len(scored), len(events))
    return scored


def turn_in(scored: Sequence[ScoredEvent]) -> int | None:
    """Where the ruling turns: the first request that is not allowed of an identity that was allowed before; else the
    first that is not allowed; None where all are."""
    allowed: set[str] = set()
    for place, each in enumerate(scored):
        if each.ruling != "allow" and each.event.identity.id in allowed:
            return place
        if each.ruling == "allow":
            allowed.add(each.event.identity.id)
    return next((place for place, each in enumerate(scored) if each.ruling != "allow"), None)


def print_turn(console: Console, scored: Sequence[ScoredEvent], *, whole: bool) -> None:
    """Print the requests around the turn or all of them, the counts of each identity, and what the words mean."""
    turn = turn_in(scored)
    if turn is None:
        print_plain(console, f"all {len(scored)} requests are allowed: nothing turns")
    else:
        print_plain(console, f"the turn is request {turn + 1} of {len(scored)}: {_in_words(scored[turn])}")
    first, last = (0, len(scored)) if whole else (max(0, (turn or 0) - BEFORE), (turn or 0) + AFTER)
    shown = scored[first:last]
    console.print(requests_table(f"requests {first + 1} to {first + len(shown)} of {len(scored)}", shown))
    identities = {each.event.identity.id for each in scored}
    counted = [each for each in scored if each.event.identity.id in sorted(identities)[:MOST_IDENTITIES]]
    console.print(identities_table(f"per identity, of {len(identities)}", counted))
    print_plain(console, f"{count_allowed(scored)} of {len(scored)} requests are allowed")
    for line in legend(shown):
        print_plain(console, line)


def _in_words(scored: ScoredEvent) -> str:
    return (
        f"{short_name(scored)}, {scored.event.action.name}, {scored.ruling} because of {scored.reason or 'the model'}"
    )


def print_import(console: Console, report: ImportReport) -> None:
    """Print what became of the log's records."""
    for line in outcome_lines(report):
        print_plain(console, line)
