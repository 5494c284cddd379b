"""What a hypothesis changes, as plain data, and as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from rich.table import Column, Table

from serving.policy_analysis.intervals import Figure
from serving.policy_analysis.replay import Tried
from serving.policy_analysis.replay_counts import ASKED, Changes, Counts

ASSUMED = (
    "Histories are as recorded: what another ruling would have taught is not replayed.",
    "A challenge really made is answered as it was; an added one is met at once by the owner, never by an intruder.",
    "Of sessions that were open before the first of these requests nothing is known.",
    "Intervals are 95 %, over identities drawn anew.",
)


def plain(changes: Changes, names: Mapping[str, str | None]) -> dict[str, Any]:
    """All of it as JSON; `names` say what was compared (policy, against, model, requests)."""
    return {
        **names,
        "labels": changes.source,
        "coverage": {
            "judged": changes.judged,
            "not_judged": changes.missing,
            "cannot_be_known": changes.unknown,
        },
        "overall": changes.overall.plain(),
        "by_identity_type": {kind: counts.plain() for kind, counts in changes.by_identity_type.items()},
        "by_floor": {
            floor: {name: figure.plain() for name, figure in figures.items()}
            for floor, figures in changes.by_floor.items()
        },
        "changed_most": [changed(tried) for tried in changes.largest],
        "assumed": list(ASSUMED),
    }


def changed(tried: Tried) -> dict[str, Any]:
    """One request whose ruling changes."""
    case, after = tried.case, tried.after
    return {
        "id": case.id,
        "at": case.at.isoformat(),
        "identity": case.event.identity.id,
        "identity_type": case.event.identity.type,
        "action": case.event.action.name,
        "sensitivity": case.event.resource.sensitivity,
        "before": tried.before.ruling,
        "after": after.ruling,
        "because": list(after.because),
        "trust": after.trust.now if after.trust else None,
        "threshold": after.threshold,
        "compromised": case.label.compromised,
        "escalation": case.label.escalation,
    }


def tables(changes: Changes) -> Iterator[Table]:
    """The tables, each figure with its interval."""
    said = f"labels: {changes.source}"
    asked = Table("identity type", "requests", "step-ups before", "after", "added", "removed", "denies before", "after")
    asked.title = f"What is asked ({said})"
    for name, counts in changes.groups.items():
        asked.add_row(name, *(_count(counts.figures[n]) for n in ASKED))
    yield asked
    worth = Table("identity type", *_WORTH_HEADS, title=f"What that is worth ({said})")
    for name, counts in changes.groups.items():
        worth.add_row(name, *_worth(counts))
    yield worth
    yield _floors(changes)
    yield _changed(changes)


_WORTH_HEADS = (
    "intruders' requests",
    "stopped before",
    "after",
    "legitimate asked before",
    "after",
    "legitimate escalations",
    "blocked before",
    "after",
)


def _worth(counts: Counts) -> Iterator[str]:
    figures = counts.figures
    for total, share in (
        ("compromised", "share_of_harm_stopped"),
        (None, "share_of_legitimate_asked"),
        ("escalations", "share_of_escalations_blocked"),
    ):
        if total:
            yield f"{figures[total].value:,.0f}"
        yield from (_share(figures[f"{share}_{when}"]) for when in ("before", "after"))


def _floors(changes: Changes) -> Table:
    heads = (
        "demands before",
        "after",
        "alone after",
        "intruders' among them",
        "escalations among them",
        "could not tell",
    )
    table = Table("floor", *heads, title="Floors")
    for floor, figures in changes.by_floor.items():
        names = ("demands_before", "demands_after", "alone_after", "harm_after", "escalations_after", "unknown")
        table.add_row(floor, *(_count(figures[name]) for name in names))
    return table


def _changed(changes: Changes) -> Table:
    table = Table(
        "request",
        "identity",
        "action",
        "before",
        "after",
        "because",
        "trust",
        "needs",
        Column("intruder?"),
        title="Changed most",
    )
    said = {True: "yes", False: "no", None: "not known"}
    for row in map(changed, changes.largest):
        numbers = ("" if row[n] is None else f"{row[n]:.4f}" for n in ("trust", "threshold"))
        words = (row["id"], row["identity"], row["action"], row["before"], row["after"], "; ".join(row["because"]))
        table.add_row(*words, *numbers, said[row["compromised"]])
    return table


def _count(figure: Figure) -> str:
    return f"{figure.value:,.0f} [{figure.low:,.0f}, {figure.high:,.0f}]"


def _share(figure: Figure) -> str:
    if np.isnan(figure.value):
        return "not known"
    return f"{figure.value:.2%} [{figure.low:.2%}, {figure.high:.2%}]"
