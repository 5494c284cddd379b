"""Tuned thresholds as plain data, as tables, and the trade-off between friction and harm as a picture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from serving.policy_analysis.tune import SENSITIVITIES, Point, Tuned
from serving.policy_analysis.write_policy import said


def plain(tuned: Tuned) -> dict[str, Any]:
    """All of it as JSON."""
    return {
        "labels": tuned.source,
        "thresholds": tuned.trusts,
        "legitimate_requests": tuned.counts,
        "left_as_they_were": list(tuned.kept),
        "chosen": _plain(tuned.chosen),
        "by_identity_type": {kind: _plain(point) for kind, point in tuned.by_identity_type.items()},
        "curve": [_plain(point) for point in tuned.curve],
    }


def _plain(point: Point) -> dict[str, Any]:
    return {
        "budget": point.budget,
        "friction": point.friction.plain(),
        "harm_stopped": point.harm_stopped.plain(),
        "harm_stopped_without_thresholds": point.harm_stopped_without.plain(),
    }


def tables(tuned: Tuned) -> Iterator[Table]:
    """The thresholds, what they are worth, and the curve."""
    chosen = Table(
        "identity type", *SENSITIVITIES, title="Trust asked for (and legitimate requests it was chosen from)"
    )
    for kind, trusts in tuned.trusts.items():
        chosen.add_row(kind, *(f"{trusts[s]:.6f} ({tuned.counts[kind][s]:,})" for s in SENSITIVITIES))
    yield chosen
    heads = ("legitimate requests challenged", "intruders' requests stopped", "of which without thresholds")
    worth = Table("identity type", *heads, title=f"On identities that did not choose them (labels: {tuned.source})")
    for name, point in (("all", tuned.chosen), *tuned.by_identity_type.items()):
        worth.add_row(name, *_said(point))
    yield worth
    curve = Table("budget", *heads, title=f"The trade-off (labels: {tuned.source})")
    for point in tuned.curve:
        curve.add_row(f"{point.budget:.2%}", *_said(point))
    yield curve


def _said(point: Point) -> Iterator[str]:
    yield from map(said, (point.friction, point.harm_stopped, point.harm_stopped_without))


def picture(tuned: Tuned, file: Path) -> None:
    """Draw the curve into a file whose ending says the format (png, svg, pdf)."""
    from matplotlib.figure import Figure as Canvas  # imported late: it takes a second, and only a picture needs it

    canvas = Canvas(figsize=(7.5, 5), layout="constrained")
    axis = canvas.subplots()
    x = np.array([100 * point.friction.value for point in tuned.curve])
    y, low, high = (
        np.array([100 * getattr(point.harm_stopped, end) for point in tuned.curve]) for end in ("value", "low", "high")
    )
    axis.fill_between(x, low, high, color="tab:blue", alpha=0.2, label="95 % interval over identities")
    axis.plot(x, y, marker="o", color="tab:blue", label="with thresholds")
    axis.axhline(100 * tuned.chosen.harm_stopped_without.value, color="0.4", ls="--", label="without thresholds")
    axis.plot(
        100 * tuned.chosen.friction.value, 100 * tuned.chosen.harm_stopped.value, "D", color="firebrick", label="chosen"
    )
    axis.set(xlabel="legitimate requests the model challenges, %", ylabel="intruders' requests stopped, %")
    axis.set_title(f"Friction and harm on identities that chose nothing (labels: {tuned.source})", fontsize=10)
    axis.legend(fontsize=8)
    canvas.savefig(file, dpi=120)
