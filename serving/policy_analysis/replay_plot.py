"""What a hypothesis changes as a picture: friction, worth and floors, before and after, with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from serving.policy_analysis.intervals import Figure
from serving.policy_analysis.replay_counts import Changes


def picture(changes: Changes, file: Path, title: str) -> None:
    """Draw into a file whose ending says the format (png, svg, pdf)."""
    from matplotlib.figure import Figure as Canvas  # imported late: it takes a second, and only a picture needs it

    floors = changes.by_floor
    canvas = Canvas(figsize=(13, 4.5 + 0.16 * len(floors)), layout="constrained")
    friction, worth, demands = canvas.subplots(1, 3, width_ratios=(1, 1.2, 1.4))
    _bars(friction, {k: _pair(c.figures, "step_ups_per_1000_requests") for k, c in changes.groups.items()})
    friction.set_title("step-ups per 1,000 requests")
    overall = changes.overall.figures
    shares = {
        "intruders' requests\nstopped": "share_of_harm_stopped",
        "legitimate\nasked": "share_of_legitimate_asked",
        "escalations\nblocked": "share_of_escalations_blocked",
    }
    _bars(worth, {said: _pair(overall, name) for said, name in shares.items()})
    worth.set_title(f"shares (labels: {changes.source})")
    _bars(demands, {name: (f["demands_before"], f["demands_after"]) for name, f in floors.items()})
    demands.set_title("requests a floor demands proof of")
    demands.legend(loc="lower right", fontsize=8)
    canvas.suptitle(title)
    canvas.savefig(file, dpi=120)


def _pair(figures: Mapping[str, Figure], name: str) -> tuple[Figure, Figure]:
    return figures[f"{name}_before"], figures[f"{name}_after"]


def _bars(axis: Any, pairs: Mapping[str, tuple[Figure, Figure]]) -> None:
    """Two horizontal bars for each name, whiskers for the interval; what is not known has none."""
    for number, (when, colour) in enumerate((("before", "0.65"), ("after", "tab:blue"))):
        found = [pair[number] for pair in pairs.values()]
        values = np.array([figure.value for figure in found])
        ends = np.array([[f.value - f.low for f in found], [f.high - f.value for f in found]]).clip(0)
        places = np.arange(len(found)) + 0.4 * number
        axis.barh(places, values, 0.38, xerr=ends, color=colour, label=when, error_kw={"lw": 0.8, "ecolor": "0.2"})
    axis.set_yticks(np.arange(len(pairs)) + 0.2, list(pairs), fontsize=8)
    axis.invert_yaxis()
