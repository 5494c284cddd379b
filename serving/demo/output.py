"""How the demo is printed: one row per request, then one per identity."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from serving.demo.result import Judged

COLUMNS = {
    "time": 8,
    "identity": 24,
    "action": 36,
    "trust": 7,
    "ruling": 7,
    "because": 40,
    "strongest drift, log-odds": 40,
}
"""The columns of the turn and how wide each may grow, so that a request is one line."""
COLOURS = {"allow": "green", "step_up": "yellow", "deny": "red"}


def turn(title: str, calls: Iterable[Judged]) -> Table:
    """Time, identity, action, trust, ruling, what made it so, and the drift that weighed most, of each request."""
    table = Table(title=title, box=SIMPLE_HEAD)
    for column, widest in COLUMNS.items():
        table.add_column(column, no_wrap=True, max_width=widest)
    for j in calls:
        ruling = Text(j.ruling, COLOURS[j.ruling])
        table.add_row(f"{j.event.time:%H:%M:%S}", short(j), j.event.action.name, trust_of(j), ruling, j.reason, j.drift)
    return table


def said(calls: Iterable[Judged]) -> list[str]:
    """What the floors and drifts in a table mean, each once."""
    floors = {f"floor {id}": sentence for j in calls for id, sentence in j.floors.items()}
    drifts = {j.drifts[0]["feature"]: j.drifts[0]["sentence"] for j in calls if j.drifts and j.ruling != "allow"}
    return [f"{name}: {sentence}" for name, sentence in (floors | drifts).items()]


def trust_of(judged: Judged) -> str:
    """The trust as printed."""
    return "unknown" if judged.trust is None else f"{judged.trust:.4f}"


def summary(title: str, calls: Sequence[Judged]) -> Table:
    """Per identity: requests, step-ups, denies, and the lowest trust met."""
    table = Table("identity", "type", "requests", "step-ups", "denies", "lowest trust", title=title, box=SIMPLE_HEAD)
    for _, group in groupby(sorted(calls, key=lambda j: j.event.identity.id), key=lambda j: j.event.identity.id):
        theirs = list(group)
        rulings = [j.ruling for j in theirs]
        trusts = [j.trust for j in theirs if j.trust is not None]
        counts = (len(theirs), rulings.count("step_up"), rulings.count("deny"))
        lowest = f"{min(trusts):.4f}" if trusts else "unknown"
        table.add_row(short(theirs[0]), theirs[0].event.identity.type, *map(str, counts), lowest)
    return table


def short(judged: Judged) -> str:
    """The last part of an identity's path, which is what people call it."""
    return judged.event.identity.id.rpartition("/")[2]
