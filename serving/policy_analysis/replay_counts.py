"""What a hypothesis changes, counted while requests stream by: sums for each identity, and the few that change most."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from features.arrays import Array
from serving.decision.ruling import STRICTNESS
from serving.policy_analysis.intervals import Figure, rate, resampled, total
from serving.policy_analysis.past_requests import Missing
from serving.policy_analysis.replay import Tried

ASKED = (
    "requests",
    "step_ups_before",
    "step_ups_after",
    "step_ups_added",
    "step_ups_removed",
    "denies_before",
    "denies_after",
)
COUNTED = (
    *ASKED,
    "compromised",
    "harm_stopped_before",
    "harm_stopped_after",
    "legitimate",
    "legitimate_asked_before",
    "legitimate_asked_after",
    "escalations",
    "escalations_blocked_before",
    "escalations_blocked_after",
)
OF_A_FLOOR = (
    "requests",
    "demands_before",
    "demands_after",
    "alone_after",
    "harm_after",
    "escalations_after",
    "unknown",
)
"""For each floor: requests it is relevant to, those it demands proof of, those nothing else asks for, intruders' and
legitimate escalations among those it demands proof of, and those of which it cannot be told."""
SHOWN = 20


@dataclass(frozen=True)
class Counts:
    """Every count with its interval, by name."""

    figures: dict[str, Figure]
    identities: int

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {"identities": self.identities} | {name: figure.plain() for name, figure in self.figures.items()}


@dataclass(frozen=True)
class Changes:
    """What a hypothesis changes; `missing` was not judged, `unknown` was and leaves something open."""

    judged: int
    missing: dict[str, int]
    unknown: dict[str, int]
    source: str
    overall: Counts
    by_identity_type: dict[str, Counts]
    by_floor: dict[str, dict[str, Figure]]
    largest: list[Tried]

    @property
    def groups(self) -> dict[str, Counts]:
        """Everybody, then each identity type."""
        return {"all": self.overall, **self.by_identity_type}


class Tally:
    """Sums by identity; memory grows with identities, never with requests."""

    def __init__(self) -> None:
        self.missing: Counter[str] = Counter()
        self.unknown: Counter[str] = Counter()
        self.sources: set[str] = set()
        self._of: dict[tuple[str, str], list[int]] = {}
        self._floors: dict[str, dict[tuple[str, str], list[int]]] = {}
        self._largest: list[tuple[tuple[float, ...], int, Tried]] = []
        self._seen = 0

    def add(self, tried: Iterable[Tried | Missing]) -> None:
        """Count requests."""
        for each in tried:
            if isinstance(each, Missing):
                self.missing[each.why] += 1
            else:
                self._seen += 1
                self._count(each)
                self._keep(each)

    def changes(self, seed: int = 1) -> Changes:
        """Everything counted so far, with intervals."""
        kinds = sorted({kind for _, kind in self._of})
        of_kind = {kind: [row for (_, k), row in self._of.items() if k == kind] for kind in kinds}
        return Changes(
            judged=self._seen,
            missing=dict(self.missing),
            unknown=dict(self.unknown),
            source=", ".join(sorted(self.sources)) or "no labels",
            overall=_counts(list(self._of.values()), seed),
            by_identity_type={kind: _counts(rows, seed) for kind, rows in of_kind.items()},
            by_floor=self._by_floor(seed),
            largest=[tried for _, _, tried in sorted(self._largest, key=lambda each: each[0], reverse=True)],
        )

    def _by_floor(self, seed: int) -> dict[str, dict[str, Figure]]:
        floors, width = sorted(self._floors), len(OF_A_FLOOR)
        sums = np.zeros((len(self._of), len(floors) * width), np.float32)
        place_of = {who: place for place, who in enumerate(self._of)}
        for number, floor in enumerate(floors):
            for who, counts in self._floors[floor].items():
                sums[place_of[who], number * width : (number + 1) * width] = counts
        totals = resampled(sums, seed)
        return {
            floor: {name: total(totals, number * width + place) for place, name in enumerate(OF_A_FLOOR)}
            for number, floor in enumerate(floors)
        }

    def _count(self, tried: Tried) -> None:
        case, before, after = tried.case, tried.before.ruling, tried.after.ruling
        who = (case.event.identity.id, case.event.identity.type)
        sums = self._of.setdefault(who, [0] * len(COUNTED))
        for place, counts in enumerate(_marks(tried)):
            sums[place] += counts
        if case.label.source:
            self.sources.add(case.label.source)
        if before != "allow" and after == "allow" and case.label.compromised is None:
            self.unknown["would be allowed, but was stopped then: nobody knows what would have come of it"] += 1
        self._count_floors(tried, who)

    def _count_floors(self, tried: Tried, who: tuple[str, str]) -> None:
        after, before, label = tried.after, tried.before.floors, tried.case.label
        relevant = {floor.id: floor for floor in after.floors if not floor.shadow}
        for id in {*relevant, *before}:
            floor = relevant.get(id)
            demands = floor is not None and floor.demands_proof
            sums = self._floors.setdefault(id, {}).setdefault(who, [0] * len(OF_A_FLOOR))
            marks = (
                1,
                id in before,
                demands,
                after.because == (f"floor {id}",),
                demands and label.compromised is True,
                demands and label.escalation is True and label.compromised is not True,
                floor is not None and floor.status == "undecided",
            )
            for place, counts in enumerate(marks):
                sums[place] += counts
            if marks[-1]:
                self.unknown[f"floor {id} could not tell"] += 1

    def _keep(self, tried: Tried) -> None:
        before, after = tried.before.ruling, tried.after
        if before == after.ruling:
            return
        apart = abs(STRICTNESS[before] - STRICTNESS[after.ruling])
        labelled = tried.case.label.compromised is not None or tried.case.label.escalation is True
        distance = abs(after.trust.now - after.threshold) if after.trust and after.threshold is not None else 0.0
        entry = ((float(apart), float(labelled), distance), self._seen, tried)
        heapq.heappush(self._largest, entry) if len(self._largest) < SHOWN else heapq.heappushpop(self._largest, entry)


def _marks(tried: Tried) -> tuple[bool, ...]:
    """Which of COUNTED a request counts for."""
    before, after, label = tried.before.ruling, tried.after.ruling, tried.case.label
    harm, legitimate = label.compromised is True, label.compromised is False
    escalation = label.escalation is True and not harm
    stopped_before, stopped_after = before != "allow", after != "allow"
    return (
        True,
        before == "step_up",
        after == "step_up",
        after == "step_up" != before,
        before == "step_up" != after,
        before == "deny",
        after == "deny",
        harm,
        harm and stopped_before,
        harm and stopped_after,
        legitimate,
        legitimate and stopped_before,
        legitimate and stopped_after,
        escalation,
        escalation and stopped_before,
        escalation and stopped_after,
    )


_RATES = (
    ("step_ups_per_1000_requests_before", "step_ups_before", "requests", 1000.0),
    ("step_ups_per_1000_requests_after", "step_ups_after", "requests", 1000.0),
    ("share_of_harm_stopped_before", "harm_stopped_before", "compromised", 1.0),
    ("share_of_harm_stopped_after", "harm_stopped_after", "compromised", 1.0),
    ("share_of_legitimate_asked_before", "legitimate_asked_before", "legitimate", 1.0),
    ("share_of_legitimate_asked_after", "legitimate_asked_after", "legitimate", 1.0),
    ("share_of_escalations_blocked_before", "escalations_blocked_before", "escalations", 1.0),
    ("share_of_escalations_blocked_after", "escalations_blocked_after", "escalations", 1.0),
)


def _counts(rows: list[list[int]], seed: int) -> Counts:
    sums: Array = np.array(rows, dtype=np.float64).reshape(-1, len(COUNTED))
    totals = resampled(sums, seed)
    figures = {name: total(totals, place) for place, name in enumerate(COUNTED)}
    for name, of, among, each in _RATES:
        figures[name] = rate(totals, COUNTED.index(of), COUNTED.index(among), each)
    return Counts(figures, len(sums))
