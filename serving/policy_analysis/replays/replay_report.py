"""The result of a policy replay as JSON, as tables for a terminal, and as a chart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from serving.policy_analysis.intervals import Estimate
from serving.policy_analysis.replays.replay import ReplayedRequest
from serving.policy_analysis.replays.replay_counts import PROMPT_COUNTS, GroupCounts, ReplayResult

ASSUMPTIONS = (
    "Histories are as recorded: what another ruling would have changed in them is not replayed.",
    "A challenge that was made is answered as it was; an added one is answered at once by a legitimate identity, and "
    "never by an attacker.",
    "A file of events does not say who sent them: what a caller left out does not count as never seen.",
    "Nothing is known of sessions that were open before the first of these requests.",
    "Intervals are 95 %, by resampling identities.",
)


def replay_json(result: ReplayResult, names: Mapping[str, str | None]) -> dict[str, Any]:
    """The result as JSON; `names` say what was compared (policy, against, model, requests)."""
    return {
        **names,
        "labels": result.source,
        "coverage": {
            "judged": result.judged,
            "not_judged": result.missing,
            "cannot_be_known": result.unknown,
        },
        "overall": result.overall.to_json(),
        "by_identity_type": {kind: counts.to_json() for kind, counts in result.by_identity_type.items()},
        "by_floor": {
            floor: {name: figure.to_json() for name, figure in figures.items()}
            for floor, figures in result.by_floor.items()
        },
        "changed_most": [change_json(replayed) for replayed in result.largest],
        "assumed": list(ASSUMPTIONS),
    }


def change_json(replayed: ReplayedRequest) -> dict[str, Any]:
    """One request whose ruling changes, as JSON."""
    request, after = replayed.request, replayed.after
    return {
        "id": request.id,
        "at": request.at.isoformat(),
        "identity": request.event.identity.id,
        "identity_type": request.event.identity.type,
        "action": request.event.action.name,
        "sensitivity": request.event.resource.sensitivity,
        "before": replayed.before.ruling,
        "after": after.ruling,
        "because": list(after.because),
        "trust": after.counted_trust,
        "threshold": after.threshold,
        "compromised": request.label.compromised,
        "escalation": request.label.escalation,
    }


_PROMPT_HEADS = ("requests", "step-ups before", "after", "added", "removed", "denies before", "after")
_EFFECT_HEADS = (
    "malicious requests",
    "stopped before",
    "after",
    "legitimate asked before",
    "after",
    "legitimate escalations",
    "blocked before",
    "after",
)


def replay_tables(result: ReplayResult) -> Iterator[Table]:
    """Tables of prompts, of their effect, of floors, and of the largest changes; each figure with its interval."""
    labels = f"labels: {result.source}"
    prompts = Table("identity type", *_PROMPT_HEADS, title=f"Prompts ({labels})")
    for name, counts in result.groups.items():
        prompts.add_row(name, *(_count_text(counts.figures[count]) for count in PROMPT_COUNTS))
    yield prompts
    effect = Table("identity type", *_EFFECT_HEADS, title=f"Effect ({labels})")
    for name, counts in result.groups.items():
        effect.add_row(name, *_effect_cells(counts))
    yield effect
    yield _floors_table(result)
    yield _changes_table(result)


def _effect_cells(counts: GroupCounts) -> Iterator[str]:
    figures = counts.figures
    for total, share in (
        ("compromised", "share_of_harm_stopped"),
        (None, "share_of_legitimate_asked"),
        ("escalations", "share_of_escalations_blocked"),
    ):
        if total:
            yield f"{figures[total].value:,.0f}"
        yield from (_share_text(figures[f"{share}_{when}"]) for when in ("before", "after"))


def _floors_table(result: ReplayResult) -> Table:
    columns = {
        "demands before": "demands_before",
        "after": "demands_after",
        "alone after": "alone_after",
        "malicious among them": "harm_after",
        "escalations among them": "escalations_after",
        "undecided": "unknown",
    }
    table = Table("floor", *columns, title="Floors")
    for floor, figures in result.by_floor.items():
        table.add_row(floor, *(_count_text(figures[name]) for name in columns.values()))
    return table


def _changes_table(result: ReplayResult) -> Table:
    heads = ("request", "identity", "action", "before", "after", "because", "trust", "needs", "malicious?")
    table = Table(*heads, title="Changed most")
    words = {True: "yes", False: "no", None: "unknown"}
    for row in map(change_json, result.largest):
        numbers = ("" if row[name] is None else f"{row[name]:.4f}" for name in ("trust", "threshold"))
        texts = (row["id"], row["identity"], row["action"], row["before"], row["after"], "; ".join(row["because"]))
        table.add_row(*texts, *numbers, words[row["compromised"]])
    return table


def _count_text(figure: Estimate) -> str:
    return f"{figure.value:,.0f} [{figure.low:,.0f}, {figure.high:,.0f}]"


def _share_text(figure: Estimate) -> str:
    if np.isnan(figure.value):
        return "unknown"
    return f"{figure.value:.2%} [{figure.low:.2%}, {figure.high:.2%}]"


def plot_replay(result: ReplayResult, file: Path, title: str) -> None:
    """Draw friction, effect and floors before and after, with intervals; the file's ending says the format."""
    from matplotlib.figure import Figure  # imported late: it takes a second, and only a chart needs it

    floors = result.by_floor
    canvas = Figure(figsize=(13, 4.5 + 0.16 * len(floors)), layout="constrained")
    friction, effect, demands = canvas.subplots(1, 3, width_ratios=(1, 1.2, 1.4))
    per_1000 = "step_ups_per_1000_requests"
    _plot_bars(friction, {name: _before_and_after(c.figures, per_1000) for name, c in result.groups.items()})
    friction.set_title("step-ups per 1,000 requests")
    shares = {
        "malicious requests\nstopped": "share_of_harm_stopped",
        "legitimate requests\nasked": "share_of_legitimate_asked",
        "escalations\nblocked": "share_of_escalations_blocked",
    }
    _plot_bars(effect, {label: _before_and_after(result.overall.figures, name) for label, name in shares.items()})
    effect.set_title(f"shares (labels: {result.source})")
    _plot_bars(demands, {name: (f["demands_before"], f["demands_after"]) for name, f in floors.items()})
    demands.set_title("requests a floor demands proof of")
    demands.legend(loc="lower right", fontsize=8)
    canvas.suptitle(title)
    canvas.savefig(file, dpi=120)


def _before_and_after(figures: Mapping[str, Estimate], name: str) -> tuple[Estimate, Estimate]:
    return figures[f"{name}_before"], figures[f"{name}_after"]


def _plot_bars(axis: Any, pairs: Mapping[str, tuple[Estimate, Estimate]]) -> None:
    """Two horizontal bars for each name, with whiskers for the interval; an unknown value has none."""
    for number, (when, colour) in enumerate((("before", "0.65"), ("after", "tab:blue"))):
        estimates = [pair[number] for pair in pairs.values()]
        values = np.array([each.value for each in estimates])
        errors = np.array([[e.value - e.low for e in estimates], [e.high - e.value for e in estimates]]).clip(0)
        positions = np.arange(len(estimates)) + 0.4 * number
        axis.barh(positions, values, 0.38, xerr=errors, color=colour, label=when, error_kw={"lw": 0.8, "ecolor": "0.2"})
    axis.set_yticks(np.arange(len(pairs)) + 0.2, list(pairs), fontsize=8)
    axis.invert_yaxis()
