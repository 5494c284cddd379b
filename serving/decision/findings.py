"""What a decision shows an operator beyond its ruling: a rule that asks too often, and faults that no proof ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from serving.decision.floors import FloorResult
from serving.decision.inputs import SessionState
from serving.decision.proofs import Circumstances
from serving.times import span


@dataclass(frozen=True)
class Finding:
    """Something about a rule and an identity: which rule, and what is wrong, in words."""

    kind: Literal["asked_too_often", "standing_fault"]
    subject: str
    sentence: str


def faults(floors: Sequence[FloorResult]) -> Iterator[Finding]:
    """What floors that an operator is to know of say, whether proof satisfied them or not."""
    for floor in floors:
        if floor.finding and floor.status != "undecided":
            yield Finding("standing_fault", f"floor {floor.id}", floor.sentence)


def too_often(case: Circumstances, asked_by: Sequence[str], standing: SessionState) -> Finding:
    """That an identity is asked too often, and which floor or threshold asked most within the window."""
    storm = case.policy.storm
    by, times = _most(standing.prompts_by_rule, asked_by)
    asked, often = standing.prompts_in_window + 1, span(storm.window_seconds)
    what = "automation" if not case.human else "person"
    return Finding(
        "asked_too_often",
        by,
        f"This {what} had to be asked {asked} times in {often} ({storm.prompts} allowed), {times} of them for {by}: "
        "look whether it asks too coarsely.",
    )


def _most(before: Mapping[str, int], now: Sequence[str]) -> tuple[str, int]:
    """Who asked most; of those who asked alike, the one who asks now."""
    counts = Counter(before)
    counts.update(now)
    return max(counts.items(), key=lambda each: (each[1], each[0] in now, each[0]))
