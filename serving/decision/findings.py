"""Findings of a decision, for operators: a rule that asks too often, and faults that no proof ends."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from serving.decision.floor_evaluation import FloorResult
from serving.decision.inputs import DecisionContext, SessionState
from serving.policy.schema import Policy
from serving.times import duration

THRESHOLD = "threshold of "
"""How the subject of a finding about a threshold of trust begins."""
FindingKind = Literal["asked_too_often", "standing_fault", "understated_action", "other_identity_type", "push_fatigue"]
A_PERSON_ANSWERS = frozenset({"interactive_mfa", "intent_authorization", "owner_approval"})
"""The remedies that a person must answer, and can be tired out with."""


@dataclass(frozen=True)
class Finding:
    """What is wrong with a rule or an identity, in a sentence; `subject` names the rule."""

    kind: FindingKind
    subject: str
    sentence: str


def standing_faults(floors: Sequence[FloorResult]) -> Iterator[Finding]:
    """A finding for each relevant floor that operators are told of, whether or not proof satisfied it."""
    for floor in floors:
        if floor.finding and floor.status != "undecided":
            yield Finding("standing_fault", f"floor {floor.id}", floor.sentence)


def asked_too_often(
    context: DecisionContext, asked_by: Sequence[str], session: SessionState, floors: Sequence[FloorResult]
) -> Finding:
    """That an identity is prompted too often, and the rule that asked most within the storm window.

    Whether the rule is too broad is asked only where nothing speaks for an attack: prompts of a stolen session are what
    the rule is for.
    """
    storm = context.policy.storm
    rule, times = _asked_most(session.prompts_by_rule, asked_by)
    prompts, window = session.prompts_in_window + 1, duration(storm.window_seconds)
    identity = "person" if context.human else "automation"
    signs = signs_of_attack(context, rule, floors)
    advice = (
        f"{' and '.join(signs)}, so find out first whether an attacker acts in its name"
        if signs
        else "check whether that rule is too broad"
    )
    return Finding(
        "asked_too_often",
        rule,
        f"This {identity} had to be asked {prompts} times in {window} ({storm.prompts} allowed), "
        f"{times} of them for {rule}: {advice}.",
    )


def push_fatigue(policy: Policy, unanswered: int, retry_after_seconds: int) -> Finding:
    """That so many prompts went unanswered at places where nothing was proven."""
    window, wait = duration(policy.storm.window_seconds), duration(60 * math.ceil(retry_after_seconds / 60))
    return Finding(
        "push_fatigue",
        "storm.unanswered",
        f"{unanswered} prompts in {window} went unanswered where this identity has proven nothing: an attacker may try "
        f"to tire it into approving one. Show it no prompt from there for {wait}, and ask whether it acts there.",
    )


def signs_of_attack(context: DecisionContext, rule: str, floors: Sequence[FloorResult]) -> tuple[str, ...]:
    """What speaks for an attack, now or among the prompts of the rule that asked most.

    Low or unknown trust, an exposed credential, and floors that respond to a sign of danger.
    """
    low = context.doubted or context.trust < context.policy.phishing_resistant_below
    signals = [floor.id for floor in context.policy.floors if floor.kind == "signal"]
    applied = {floor.id for floor in floors if floor.status == "applied"}
    return (
        *(["its session is not trusted"] if low or rule.startswith(THRESHOLD) else []),
        *(f"floor {id} applies" for id in signals if id in applied or rule == f"floor {id}"),
    )


def _asked_most(before: Mapping[str, int], now: Sequence[str]) -> tuple[str, int]:
    """The rule that asked most; of rules that asked equally often, one that asks now."""
    counts = Counter(before)
    counts.update(now)
    return max(counts.items(), key=lambda item: (item[1], item[0] in now, item[0]))
