"""The demo: a real theft replayed request by request, with controls beside it, and the promises it must keep.

It knows of the incident only what the imported log says; the ordinary calls it adds are constructed, and say so. The
service sees neither which identity was robbed nor what is coming.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer
from rich.console import Console

from features import Event, events_of
from features.sources import import_files
from scripts.client import ROOT, running_service
from scripts.judged import judge
from scripts.ordinary import other_role, role_before
from scripts.promises import broken_promises, passed
from scripts.turn import summary, turn

LOG = ROOT / "data/otrf/ec2_proxy_s3_exfiltration_2020-09-14011940.json.gz"
WIDTH = 160
"""Columns of the printed table where the output is not a terminal."""
BEFORE_THE_TURN = 3
"""How many requests before the first one with the stolen credential are shown with --turn."""


def main(
    log: Annotated[Path, typer.Option(help="A CloudTrail log in which a machine's credential is stolen.")] = LOG,
    only_turn: Annotated[bool, typer.Option("--turn", help="Leave out what comes before the turn.")] = False,
) -> None:
    """Replay an incident through the running service, or one started for it, and print what became of each request.

    Exit code 1, with the promise named, if one of the promises does not hold.
    """
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    events = logged_events(log)
    stolen = the_robbed(events)
    before, benign = role_before(stolen[0]), other_role(stolen[0])
    with running_service() as service:
        space = f"demo-{uuid4()}"
        incident = list(judge(service, events, space))
        controls = {
            "constructed: the robbed role's ordinary calls": list(judge(service, before, f"{space}-before")),
            "constructed: a role nobody robbed, without MFA": list(judge(service, benign, f"{space}-before")),
        }
        known = list(judge(service, stolen, f"{space}-before"))
    robbed = [j for j in incident if j.event in stolen]
    first = next((place for place, j in enumerate(incident) if j.event in stolen), 0)
    shown = incident[max(0, first - BEFORE_THE_TURN) :] if only_turn else incident
    console.print(turn("the incident as logged, nobody known beforehand", shown))
    console.print(summary("per identity", incident))
    for name, calls in controls.items():
        console.print(f"{name}: {passed(calls)} of {len(calls)} allowed", highlight=False)
    console.print(turn("the same calls, had the role's ordinary days (constructed) been known", known))
    broken = broken_promises(incident, robbed + known, controls)
    for promise in broken:
        console.print(f"BROKEN PROMISE: {promise}", style="red", highlight=False)
    raise typer.Exit(1 if broken else 0)


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
