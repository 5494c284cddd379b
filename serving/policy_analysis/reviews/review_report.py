"""The result of a review as JSON, and as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.table import Table

from serving.policy_analysis.intervals import percentage
from serving.policy_analysis.reviews.review import Review

MIN_DRIFTS = 15
"""How many drifts are shown at least, changed or not."""


def review_json(review: Review) -> dict[str, Any]:
    """The review as JSON."""
    return {
        "due": review.due,
        "requests": {"before": review.requests[0], "after": review.requests[1]},
        "reexamine": [vars(each) for each in review.reexamine],
        "drifts": [vars(drift) | {"changed": drift.changed} for drift in review.drifts],
        "rates": [
            {"name": change.name, "p": change.p, "q": change.q, "changed": change.changed}
            | {"before": change.before.to_json(), "after": change.after.to_json()}
            for change in review.rates
        ],
    }


def review_tables(review: Review) -> Iterator[Table]:
    """Tables of the largest drifts, of every rate, and of what to examine again."""
    title = "Drift, largest first (a change has a PSI of at least 0.2 and a q of at most 0.05)"
    drifts = Table("what", "PSI", "q", "changed?", title=title)
    for place, drift in enumerate(review.drifts):
        if drift.changed or place < MIN_DRIFTS:
            drifts.add_row(drift.name, f"{drift.psi:.3f}", f"{drift.q:.2g}", _yes(drift.changed))
    yield drifts
    rates = Table("rate", "before", "after", "q", "changed?", title="Rates, with 95 % intervals over identities")
    for change in review.rates:
        if change.before.value or change.after.value:
            values = (percentage(change.before), percentage(change.after))
            rates.add_row(change.name, *values, f"{change.q:.2g}", _yes(change.changed))
    yield rates
    title = "A review is due" if review.due else "No review is due"
    reexamine = Table("re-examine", "why", title=title)
    for each in review.reexamine:
        reexamine.add_row(each.what, each.why)
    yield reexamine


def _yes(value: bool) -> str:
    return "yes" if value else ""
