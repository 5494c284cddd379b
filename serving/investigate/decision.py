"""The page of one decision: what was ruled, why, and the verdicts on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from serving.investigate.charts import contribution_bars, trust_curve_chart
from serving.investigate.rendering import RULING_WORDS, render_signed_in
from serving.store.decision_log import DecisionRecord
from serving.store.verdicts import Verdict

VERDICT_WORDS = {
    "intruder": "malicious: an attacker made it",
    "owner": "legitimate: the identity's owner made it",
    "unsure": "undetermined",
}


def decision_page(
    record: DecisionRecord, verdicts: Sequence[Verdict], simulated: bool, *, form_token: str | None = None
) -> str:
    """One decision in words and pictures; `simulated` when its model was trained on simulated abuse only."""
    decision, event = record.body["answer"], record.body["event"]
    return render_signed_in(
        "decision.html",
        form_token,
        record=record,
        decision=decision,
        sentence=ruling_sentence(decision, event),
        fields=_event_fields(event),
        bars=contribution_bars(decision["explanation"]),
        curve=trust_curve_chart(decision["trust"]),
        findings=decision.get("findings", []),
        mode=record.body["mode"],
        simulated=simulated,
        verdicts=verdicts,
        verdict_words=VERDICT_WORDS,
    )


def ruling_sentence(decision: Mapping[str, Any], event: Mapping[str, Any]) -> str:
    """The ruling as one sentence, with its reasons.

    >>> ruling_sentence({"ruling": "allow", "because": []}, {"identity": {"id": "ada"}, "action": {"name": "x:Do"}})
    'ada was allowed x:Do.'
    """
    identity, action = event["identity"]["id"], event["action"]["name"]
    before = " before" if decision["ruling"] == "step_up" else ""
    reasons = f" ({_enumerate(decision['because'])})" if decision["because"] else ""
    return f"{identity} {RULING_WORDS[decision['ruling']]}{before} {action}{reasons}."


def _enumerate(parts: Sequence[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _event_fields(event: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The event's known fields, flat: their path in words, and their value."""
    fields = []
    for group, value in event.items():
        members = value.items() if isinstance(value, dict) else [("", value)]
        fields += [(f"{group} {name.replace('_', ' ')}".strip(), _text(member)) for name, member in members]
    return fields


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
