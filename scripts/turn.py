"""How the demo is printed: one row per request, then one per identity."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from rich.table import Table
from rich.text import Text

from scripts.judged import Judged

COLOURS = {"allow": "green", "step_up": "yellow", "deny": "red"}


def turn(title: str, calls: Iterable[Judged]) -> Table:
    """Time, identity, action, trust, ruling and the strongest reason or floor of each request."""
    table = Table("time", "identity", "action", "trust", "ruling", "strongest reason or floor", title=title)
    for j in calls:
        trust = "unknown" if j.trust is None else f"{j.trust:.4f}"
        ruling = Text(j.ruling, COLOURS[j.ruling])
        table.add_row(f"{j.event.time:%H:%M:%S}", short(j), j.event.action.name, trust, ruling, Text(j.reason))
    return table


def summary(title: str, calls: Sequence[Judged]) -> Table:
    """Per identity: requests, step-ups, denies, and the lowest trust met."""
    table = Table("identity", "type", "requests", "step-ups", "denies", "lowest trust", title=title)
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
