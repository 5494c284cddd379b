"""The pictures of a decision: contributions as bars, and the trust curve as points of an SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from features.catalogue.sentences.amounts import times, trust_percent

MOST_BARS = 12
"""How many contributions have a bar of their own; the rest are summed in one."""
WIDTH, HEIGHT = 560, 180
LEFT, RIGHT, TOP, BOTTOM = 56, 20, 10, 26
"""Margins of the trust curve, in pixels."""
HARDLY = 0.005
"""A reason that changes the log-odds by less has no amount of its own."""
LABEL_GAP = 14
"""How far apart labels at the left must be to be read, in pixels."""


def contribution_bars(explanation: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """The strongest contributions as bars, with widths in per cent of the strongest."""
    if explanation is None:
        return []
    contributions = list(explanation["contributions"])
    shown, rest = contributions[:MOST_BARS], contributions[MOST_BARS:]
    if rest:
        total = sum(each["contribution"] for each in rest)
        shown.append({"feature": "", "contribution": total, "sentence": f"{len(rest)} smaller reasons together."})
    longest = max((abs(each["contribution"]) for each in shown), default=0.0) or 1.0
    return [
        {
            "sentence": each["sentence"],
            "feature": each["feature"],
            "width": round(100 * abs(each["contribution"]) / longest, 1),
            "raises": each["contribution"] > 0,
            "effect": effect(each["contribution"]),
        }
        for each in shown
    ]


def effect(contribution: float) -> str:
    """What a reason does to the odds of an attack.

    >>> effect(0.43), effect(-0.43), effect(0.001)
    ('raises the odds 1.54 times', 'lowers the odds 1.54 times', 'hardly changes the odds')
    """
    if abs(contribution) < HARDLY:
        return "hardly changes the odds"
    return f"{'raises' if contribution > 0 else 'lowers'} the odds {times(abs(contribution))}"


def trust_curve_chart(trust: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The trust curve as an SVG polyline. The time axis is a square root, so that minutes and hours both show."""
    if trust is None:
        return None
    points = trust["curve"]
    first = trust_percent(points[0]["trust"])
    last = points[-1]["after_seconds"]
    lowest = min(point["trust"] for point in points)
    origin = max(0.0, lowest - max(0.02, (1 - lowest) * 0.3))
    plot_width, plot_height = WIDTH - LEFT - RIGHT, HEIGHT - BOTTOM - TOP

    def x(seconds: float) -> float:
        return float(round(LEFT + plot_width * (seconds / last) ** 0.5, 1))

    def y(value: float) -> float:
        return float(round((HEIGHT - BOTTOM) - plot_height * (value - origin) / (1 - origin or 1), 1))

    return {
        "width": WIDTH,
        "height": HEIGHT,
        "base": HEIGHT - BOTTOM,
        "left": LEFT,
        "right": WIDTH - RIGHT,
        "line": " ".join(f"{x(point['after_seconds'])},{y(point['trust'])}" for point in points),
        "ticks": [(x(point["after_seconds"]), _duration(point["after_seconds"])) for point in points],
        "labels": _legible([(y(v), trust_percent(v)) for v in (points[0]["trust"], points[-1]["trust"])]),
        "caption": f"Trust is {first} now and {trust_percent(points[-1]['trust'])} {_duration(last)} later.",
    }


def _legible(labels: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
    """Labels from the top down, without those that would overlap the one above."""
    kept: list[tuple[float, str]] = []
    for position, text in labels:
        if not kept or position - kept[-1][0] >= LABEL_GAP:
            kept.append((position, text))
    return kept


def _duration(seconds: int) -> str:
    if seconds == 0:
        return "now"
    return f"{seconds // 60} min" if seconds < 3600 else f"{seconds // 3600} h"
