"""The demo: a real theft of a credential, replayed request by request, with controls and the assertions it must pass.

It knows of the incident only what the imported log says; the benign calls it adds are constructed, and labelled so. The
service is told neither which credential is stolen nor what comes next.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer
from rich.console import Console

from features import Event, events_of
from features.cli.log_import import named_source, registered_source
from features.data_files import data_folder
from features.sources.file_import import import_files
from features.sources.log_source import LogSource
from serving.demo.any_log import events_in, print_import, print_turn, scored_in_turn
from serving.demo.assertions import count_allowed, failed_assertions
from serving.demo.controls import same_role_before, unrelated_role
from serving.demo.output import identities_table, legend, requests_table
from serving.demo.result import ScoredEvent, score_events
from serving.launch.client import NotReady, Service, running_service

LOG = data_folder() / "otrf/ec2_proxy_s3_exfiltration_2020-09-14011940.json.gz"
WIDTH = 170
"""Columns of the printed tables where the output is not a terminal."""
CONTEXT = 3
"""How many requests before the first one with the stolen credential are shown with --turn."""


@dataclass(frozen=True)
class IncidentReplay:
    """The decisions about the incident as logged, and about the controls."""

    incident: list[ScoredEvent]
    stolen: list[ScoredEvent]
    """Of those, the calls with the stolen credential."""
    controls: dict[str, list[ScoredEvent]]
    with_history: list[ScoredEvent]
    """The calls with the stolen credential once more, after benign days of the same role."""


demo_app = typer.Typer(add_completion=False)


@demo_app.command("demo")
def demo(
    log: Annotated[
        Path,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="A CloudTrail log in which a machine's credential is stolen; with --source any log.",
        ),
    ] = LOG,
    source: Annotated[
        str | None, typer.Option(help="The log's source, as for `features import`: plays any log, and asserts nothing.")
    ] = None,
    map_file: Annotated[
        Path | None, typer.Option("--map", exists=True, dir_okay=False, help="Map of the log, for `generic`.")
    ] = None,
    only_turn: Annotated[
        bool, typer.Option("--turn", help="Show the requests from shortly before the turn on, not all of them.")
    ] = False,
) -> None:
    """Replay an incident through the running service, or one started for it, and print the decision on each request.

    Exit code 1, with each failed assertion named, when the demo does not show what it should.

    Example: `session-trust demo --log okta.ndjson --source okta --turn`
    """
    console = Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False)
    if source is not None:
        raise typer.Exit(play(console, named_source(registered_source(source), map_file), log, only_turn))
    events = logged_events(log)
    stolen = stolen_calls(events)
    if not stolen:
        print(f"{log}: {len(events)} events, and in none does a machine present a credential that could be stolen")
        raise typer.Exit(2)
    try:
        with running_service() as service:
            replay = replay_incident(service, events, stolen)
    except NotReady as error:
        print(error)
        raise typer.Exit(2) from error
    print_report(console, replay, only_turn)
    failed = failed_assertions(replay.incident, replay.stolen + replay.with_history, replay.controls)
    for assertion in failed:
        console.print(f"NOT SHOWN: {assertion}", style="red")
    raise typer.Exit(1 if failed else 0)


def play(console: Console, source: LogSource, log: Path, only_turn: bool) -> int:
    """Play any log in a history space of its own and print where it turns; the exit code."""
    events, report = events_in(source, log)
    print_import(console, report)
    if not events:
        return 2
    try:
        with running_service() as service:
            scored = scored_in_turn(service, events, f"demo-{uuid4()}")
    except NotReady as error:
        print(error)
        return 2
    print_turn(console, scored, whole=not only_turn)
    return 0


def replay_incident(service: Service, events: list[Event], stolen: list[Event]) -> IncidentReplay:
    """Replay the incident in a history space of its own; the controls, and the theft after them, in another."""
    space = f"demo-{uuid4()}"
    with_history = f"{space}-with-benign-days"
    incident = list(score_events(service, events, space))
    controls = {
        "constructed: benign calls of the same role": list(
            score_events(service, same_role_before(stolen[0]), with_history)
        ),
        "constructed: an unrelated role, without MFA": list(
            score_events(service, unrelated_role(stolen[0]), with_history)
        ),
    }
    attacked = [scored for scored in incident if scored.event in stolen]
    return IncidentReplay(incident, attacked, controls, list(score_events(service, stolen, with_history)))


def print_report(console: Console, replay: IncidentReplay, only_turn: bool) -> None:
    """Print the requests, the counts per identity, the controls, and a legend."""
    first = replay.incident.index(replay.stolen[0])
    shown = replay.incident[max(0, first - CONTEXT) :] if only_turn else replay.incident
    console.print(requests_table("the incident as logged, without any history", shown))
    console.print(identities_table("per identity", replay.incident))
    for name, calls in replay.controls.items():
        console.print(f"{name}: {count_allowed(calls)} of {len(calls)} allowed")
    console.print(requests_table("the stolen calls after benign days of the role (constructed)", replay.with_history))
    for line in legend(replay.stolen + replay.with_history):
        console.print(line, markup=False)


def logged_events(log: Path = LOG) -> list[Event]:
    """The incident in time order; events of one second stay in the log's order."""
    report = import_files("cloudtrail", [log])
    return sorted(events_of(report.table), key=lambda event: event.time)


def stolen_calls(events: Iterable[Event]) -> list[Event]:
    """The calls of the first machine that presents a credential of its own: in this log, the stolen one."""
    machine = [e for e in events if e.identity.type != "human" and e.credential.id is not None]
    return [e for e in machine if e.identity.id == machine[0].identity.id]


if __name__ == "__main__":
    demo_app()
