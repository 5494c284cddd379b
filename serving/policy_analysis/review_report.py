"""A review as plain data and as tables: what changed, and what is to be looked at again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.table import Table

from serving.policy_analysis.review import Review
from serving.policy_analysis.write_policy import said

SHOWN = 15
"""How many drifts are shown that did not change, for comparison."""


def plain(found: Review) -> dict[str, Any]:
    """All of it as JSON."""
    return {
        "due": found.due,
        "requests": {"before": found.requests[0], "after": found.requests[1]},
        "reexamine": [vars(each) for each in found.reexamine],
        "drifts": [vars(each) | {"changed": each.changed} for each in found.drifts],
        "rates": [
            {"name": each.name, "p": each.p, "q": each.q, "changed": each.changed}
            | {"before": each.before.plain(), "after": each.after.plain()}
            for each in found.rates
        ],
    }


def tables(found: Review) -> Iterator[Table]:
    """What drifted most, every rate, and what to look at again."""
    drifts = Table(
        "what", "PSI", "q", "changed?", title="Drift, largest first (PSI from 0.2 on and q up to 0.05 count)"
    )
    for place, drift in enumerate(found.drifts):
        if drift.changed or place < SHOWN:
            drifts.add_row(drift.name, f"{drift.psi:.3f}", f"{drift.q:.2g}", "yes" if drift.changed else "")
    yield drifts
    rates = Table("rate", "before", "after", "q", "changed?", title="Rates, with 95 % intervals over identities")
    for each in found.rates:
        if each.before.value or each.after.value:
            rates.add_row(
                each.name, said(each.before), said(each.after), f"{each.q:.2g}", "yes" if each.changed else ""
            )
    yield rates
    again = Table("to re-examine", "why", title="A review is due" if found.due else "No review is due")
    for one in found.reexamine:
        again.add_row(one.what, one.why)
    yield again
