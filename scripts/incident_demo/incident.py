"""The demo: a real theft replayed request by request, with controls beside it, and the promises it must keep.

It knows of the incident only what the imported log says; the ordinary calls it adds are constructed, and say so. The
service sees neither which identity was robbed nor what is coming.
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
from features.sources.file_import import import_files
from scripts.incident_demo.assertions import broken_promises, passed
from scripts.incident_demo.controls import other_role, role_before
from scripts.incident_demo.output import said, summary, turn
from scripts.incident_demo.result import Judged, judge
from scripts.lib.client import ROOT, NotReady, Service, running_service

LOG = ROOT / "data/otrf/ec2_proxy_s3_exfiltration_2020-09-14011940.json.gz"
WIDTH = 170
"""Columns of the printed table where the output is not a terminal."""
BEFORE_THE_TURN = 3
"""How many requests before the first one with the stolen credential are shown with --turn."""


@dataclass(frozen=True)
class Replayed:
    """What a service decided: about the incident as logged, and about the controls."""

    incident: list[Judged]
    robbed: list[Judged]
    controls: dict[str, list[Judged]]
    known: list[Judged]


def main(
    log: Annotated[Path, typer.Option(help="A CloudTrail log in which a machine's credential is stolen.")] = LOG,
    only_turn: Annotated[bool, typer.Option("--turn", help="Leave out what comes before the turn.")] = False,
) -> None:
    """Replay an incident through the running service, or one started for it, and print what became of each request.

    Exit code 1, with the promise named, if one of the promises does not hold.
    """
    events = logged_events(log)
    stolen = the_robbed(events)
    if not stolen:
        print(f"{log}: {len(events)} events, and in none does a machine present a credential that could be stolen")
        raise typer.Exit(2)
    try:
        with running_service() as service:
            came = replayed(service, events, stolen)
    except NotReady as problem:
        print(problem)
        raise typer.Exit(2) from problem
    console = Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False)
    report(console, came, only_turn)
    broken = broken_promises(came.incident, came.robbed + came.known, came.controls)
    for promise in broken:
        console.print(f"BROKEN PROMISE: {promise}", style="red")
    raise typer.Exit(1 if broken else 0)


def replayed(service: Service, events: list[Event], stolen: list[Event]) -> Replayed:
    """The incident in a fresh history space; the controls, and the theft after them, in another."""
    fresh = f"demo-{uuid4()}"
    with_before = f"{fresh}-with-ordinary-days"
    incident = list(judge(service, events, fresh))
    controls = {
        "constructed: the robbed role's ordinary calls": list(judge(service, role_before(stolen[0]), with_before)),
        "constructed: a role nobody robbed, without MFA": list(judge(service, other_role(stolen[0]), with_before)),
    }
    robbed = [j for j in incident if j.event in stolen]
    return Replayed(incident, robbed, controls, list(judge(service, stolen, with_before)))


def report(console: Console, came: Replayed, only_turn: bool) -> None:
    """Print the turn, the counts per identity, the controls, and what the words in the tables mean."""
    first = came.incident.index(came.robbed[0])
    shown = came.incident[max(0, first - BEFORE_THE_TURN) :] if only_turn else came.incident
    console.print(turn("the incident as logged, nobody known beforehand", shown))
    console.print(summary("per identity", came.incident))
    for name, calls in came.controls.items():
        console.print(f"{name}: {passed(calls)} of {len(calls)} allowed")
    console.print(turn("the same calls, had the role's ordinary days (constructed) been known", came.known))
    for line in said(came.robbed + came.known):
        console.print(line, markup=False)


def logged_events(log: Path = LOG) -> list[Event]:
    """The incident in time order; events of one second stay as the log has them."""
    report = import_files("cloudtrail", [log], lambda done, total: None)
    return sorted(events_of(report.table), key=lambda event: event.time)


def the_robbed(events: Iterable[Event]) -> list[Event]:
    """The calls of the first machine that presents a credential of its own: in this log, the one that was taken."""
    machine = [e for e in events if e.identity.type != "human" and e.credential.id is not None]
    return [e for e in machine if e.identity.id == machine[0].identity.id]


if __name__ == "__main__":
    typer.run(main)
