"""The investigator's pages: one decision, and a list to find it in. Plain HTML, rendered here, no script, no asset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from serving.policy.schema import Policy
from serving.policy.tables import policy_tables
from serving.store.decision_log import DecisionRecord, DecisionSummary
from serving.store.findings import StoredFinding
from serving.store.verdicts import Verdict

SHOWN = 12
"""How many contributions have a bar; the rest is summed in one."""
CURVE = (560, 180, 56, 26)
"""Width, height, left and bottom margin of the decay curve, in pixels."""
RIGHT, APART = 20, 14
"""Margin right of the curve, and how far labels at its left must lie apart to be read, in pixels."""
WHOSE = {"intruder": "an intruder's", "owner": "the owner's", "unsure": "nobody can tell whose"}
SAID = {"allow": "was allowed", "step_up": "was asked for fresh proof", "deny": "was denied"}


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["moment"] = moment
    return environment


def decision_page(record: DecisionRecord, verdicts: Sequence[Verdict], simulated: bool) -> str:
    """One decision, in words and pictures, with what was said of it; `simulated` says that its model learnt from
    simulated abuse only."""
    answer, event = record.body["answer"], record.body["event"]
    return (
        _templates()
        .get_template("decision.html")
        .render(
            record=record,
            answer=answer,
            event=event,
            facts=_facts(event),
            sentence=ruling_sentence(answer, event),
            bars=_bars(answer["explanation"]),
            curve=_curve(answer["trust"]),
            simulated=simulated,
            mode=record.body["mode"],
            verdicts=verdicts,
            findings=answer.get("findings", []),
            whose=WHOSE,
        )
    )


def list_page(rows: Sequence[DecisionSummary], asked: Mapping[str, str]) -> str:
    """Decisions that met a search, newest first."""
    return _templates().get_template("list.html").render(rows=rows, asked=asked, said=SAID)


def policy_page(policy: Policy, refused: str | None, found: Sequence[StoredFinding]) -> str:
    """What is asked of whom, as tables, why a newer file is not in force, and what decisions found at fault."""
    page = _templates().get_template("policy.html")
    return page.render(policy=policy, sections=policy_tables(policy), refused=refused, found=found)


def login_page(failed: bool) -> str:
    """The form that turns a key into a cookie."""
    return _templates().get_template("login.html").render(failed=failed)


def ruling_sentence(answer: Mapping[str, Any], event: Mapping[str, Any]) -> str:
    """The ruling as one sentence, with what made it so.

    >>> ruling_sentence({"ruling": "allow", "because": []}, {"identity": {"id": "ada"}, "action": {"name": "x:Do"}})
    'ada was allowed x:Do.'
    """
    who, what = event["identity"]["id"], event["action"]["name"]
    link = {"allow": "", "step_up": " before", "deny": ""}[answer["ruling"]]
    because = f" ({_joined(answer['because'])})" if answer["because"] else ""
    return f"{who} {SAID[answer['ruling']]}{link} {what}{because}."


def _joined(parts: Sequence[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _facts(event: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was known of the request, flat."""
    facts = []
    for group, value in event.items():
        parts = value.items() if isinstance(value, dict) else [("", value)]
        facts += [(f"{group} {name.replace('_', ' ')}".strip(), _shown(part)) for name, part in parts]
    return facts


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _bars(explanation: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """The strongest contributions as bars, widths in per cent of the strongest, and the rest together."""
    if explanation is None:
        return []
    parts = list(explanation["contributions"])
    rest = parts[SHOWN:]
    shown = parts[:SHOWN]
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
            "amount": f"{abs(each['contribution']):.2f}",
        }
        for each in shown
    ]


def _curve(trust: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The decay curve as points of an SVG: time on a square-root axis, so that minutes and hours both show."""
    if trust is None:
        return None
    width, height, left, bottom = CURVE
    points = trust["curve"]
    last = points[-1]["after_seconds"]
    lowest = min(point["trust"] for point in points)
    floor = max(0.0, lowest - max(0.02, (1 - lowest) * 0.3))

    def x(seconds: float) -> float:
        return float(round(left + (width - left - RIGHT) * (seconds / last) ** 0.5, 1))

    def y(value: float) -> float:
        return float(round((height - bottom) - (height - bottom - 10) * (value - floor) / (1 - floor or 1), 1))

    return {
        "width": width,
        "height": height,
        "base": height - bottom,
        "left": left,
        "line": " ".join(f"{x(p['after_seconds'])},{y(p['trust'])}" for p in points),
        "ticks": [(x(p["after_seconds"]), _after(p["after_seconds"])) for p in points],
        "right": width - RIGHT,
        "values": _apart([(y(v), f"{v:.1%}") for v in (1.0, points[0]["trust"], points[-1]["trust"])]),
        "said": f"Trust is {points[0]['trust']:.2%} now and {points[-1]['trust']:.2%} {_after(last)} later.",
    }


def _apart(labels: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
    """Labels from the top down, without those that would be written over another."""
    kept: list[tuple[float, str]] = []
    for place, text in labels:
        if not kept or place - kept[-1][0] >= APART:
            kept.append((place, text))
    return kept


def _after(seconds: int) -> str:
    if seconds == 0:
        return "now"
    return f"{seconds // 60} min" if seconds < 3600 else f"{seconds // 3600} h"


def moment(time: datetime) -> str:
    """A time as pages show it."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
