"""The result of tuning as JSON, as tables for a terminal, and as a chart of the trade-off."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from serving.policy.rules import SENSITIVITIES
from serving.policy_analysis.intervals import percentage
from serving.policy_analysis.tuning.tune import TradeOff, TuningResult


def tuning_json(tuned: TuningResult) -> dict[str, Any]:
    """The result as JSON."""
    return {
        "labels": tuned.source,
        "thresholds": tuned.trusts,
        "legitimate_requests": tuned.counts,
        "left_as_they_were": list(tuned.kept),
        "chosen": _trade_off_json(tuned.chosen),
        "by_identity_type": {kind: _trade_off_json(point) for kind, point in tuned.by_identity_type.items()},
        "curve": [_trade_off_json(point) for point in tuned.curve],
    }


def _trade_off_json(point: TradeOff) -> dict[str, Any]:
    return {
        "budget": point.budget,
        "friction": point.friction.to_json(),
        "harm_stopped": point.harm_stopped.to_json(),
        "harm_stopped_without_thresholds": point.harm_stopped_without.to_json(),
    }


def tuning_tables(tuned: TuningResult) -> Iterator[Table]:
    """Tables of the thresholds, of what they achieve, and of the trade-off curve."""
    title = "Trust required (and the legitimate requests it was chosen from)"
    chosen = Table("identity type", *SENSITIVITIES, title=title)
    for kind, trusts in tuned.trusts.items():
        chosen.add_row(kind, *(f"{trusts[s]:.6f} ({tuned.counts[kind][s]:,})" for s in SENSITIVITIES))
    yield chosen
    heads = ("legitimate requests challenged", "malicious requests stopped", "of which without thresholds")
    title = f"On identities they were not chosen on (labels: {tuned.source})"
    effect = Table("identity type", *heads, title=title)
    for name, point in (("all", tuned.chosen), *tuned.by_identity_type.items()):
        effect.add_row(name, *_percentages(point))
    yield effect
    curve = Table("budget", *heads, title=f"Trade-off (labels: {tuned.source})")
    for point in tuned.curve:
        curve.add_row(f"{point.budget:.2%}", *_percentages(point))
    yield curve


def _percentages(point: TradeOff) -> Iterator[str]:
    yield from map(percentage, (point.friction, point.harm_stopped, point.harm_stopped_without))


def plot_trade_off(tuned: TuningResult, file: Path) -> None:
    """Draw the trade-off between friction and harm; the file's ending says the format (png, svg, pdf)."""
    from matplotlib.figure import Figure  # imported late: it takes a second, and only a chart needs it

    canvas = Figure(figsize=(7.5, 5), layout="constrained")
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
    axis.set(xlabel="legitimate requests the model challenges, %", ylabel="malicious requests stopped, %")
    axis.set_title(f"Friction and harm on identities not chosen on (labels: {tuned.source})", fontsize=10)
    axis.legend(fontsize=8)
    canvas.savefig(file, dpi=120)
