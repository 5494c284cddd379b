"""The tables the demo prints: one row per request, then one per identity."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from features.catalogue.sentences.amounts import trust_number
from serving.demo.result import ScoredEvent

COLUMNS = {
    "time": 8,
    "identity": 24,
    "action": 36,
    "trust": 7,
    "ruling": 7,
    "because": 40,
    "strongest drift, log-odds": 40,
}
"""The columns of the table of requests and how wide each may grow, so that a request is one line."""
COLOURS = {"allow": "green", "step_up": "yellow", "deny": "red"}


def requests_table(title: str, calls: Iterable[ScoredEvent]) -> Table:
    """Time, identity, action, trust, ruling, its reason and the strongest drift of each request."""
    table = Table(title=title, box=SIMPLE_HEAD)
    for column, width in COLUMNS.items():
        table.add_column(column, no_wrap=True, max_width=width)
    for scored in calls:
        event, ruling = scored.event, Text(scored.ruling, COLOURS[scored.ruling])
        row = (short_name(scored), event.action.name, trust_text(scored), ruling, scored.reason, scored.strongest_drift)
        table.add_row(f"{event.time:%H:%M:%S}", *row)
    return table


def legend(calls: Iterable[ScoredEvent]) -> list[str]:
    """The sentence of each floor and each strongest drift in a table, once."""
    calls = list(calls)
    floors = {f"floor {id}": sentence for scored in calls for id, sentence in scored.floors.items()}
    challenged = [scored for scored in calls if scored.drifts and scored.ruling != "allow"]
    drifts = {scored.drifts[0]["feature"]: scored.drifts[0]["sentence"] for scored in challenged}
    return [f"{name}: {sentence}" for name, sentence in (floors | drifts).items()]


def trust_text(scored: ScoredEvent) -> str:
    """The trust as printed."""
    return "unknown" if scored.trust is None else trust_number(scored.trust, 4)


def identities_table(title: str, calls: Sequence[ScoredEvent]) -> Table:
    """Per identity: its type, its requests, step-ups and denies, and its lowest trust."""
    table = Table("identity", "type", "requests", "step-ups", "denies", "lowest trust", title=title, box=SIMPLE_HEAD)
    by_identity = sorted(calls, key=lambda scored: scored.event.identity.id)
    for _, group in groupby(by_identity, key=lambda scored: scored.event.identity.id):
        requests = list(group)
        rulings = [scored.ruling for scored in requests]
        trusts = [scored.trust for scored in requests if scored.trust is not None]
        counts = (len(requests), rulings.count("step_up"), rulings.count("deny"))
        lowest = trust_number(min(trusts), 4) if trusts else "unknown"
        table.add_row(short_name(requests[0]), requests[0].event.identity.type, *map(str, counts), lowest)
    return table


def short_name(scored: ScoredEvent) -> str:
    """The last part of an identity's path, which is what people call it."""
    return scored.event.identity.id.rpartition("/")[2]
