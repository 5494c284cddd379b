"""Counts what a replayed policy changes while requests stream by: sums by identity, and the largest changes."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from features.arrays import Array
from serving.decision.ruling import STRICTNESS
from serving.policy_analysis.intervals import Estimate, rate, resample_totals, total
from serving.policy_analysis.past.past_requests import SkippedRequest
from serving.policy_analysis.replays.replay import ReplayedRequest

PROMPT_COUNTS = (
    "requests",
    "step_ups_before",
    "step_ups_after",
    "step_ups_added",
    "step_ups_removed",
    "denies_before",
    "denies_after",
)
COUNTS = (
    *PROMPT_COUNTS,
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
"""What is counted of each identity; harm is a malicious request."""
FLOOR_COUNTS = (
    "requests",
    "demands_before",
    "demands_after",
    "alone_after",
    "harm_after",
    "escalations_after",
    "unknown",
)
"""What is counted of each floor: requests it is relevant to, requests it demands proof of, those that nothing else asks
about, malicious requests and legitimate escalations it demands proof of, and requests for which it is undecided."""
MAX_LARGEST = 20
"""How many of the largest changes are kept."""

Identity = tuple[str, str]
"""An identity's id and type."""


@dataclass(frozen=True)
class GroupCounts:
    """Every count and rate of a group of identities, by name."""

    figures: dict[str, Estimate]
    identities: int

    def to_json(self) -> dict[str, Any]:
        """The counts as JSON."""
        return {"identities": self.identities} | {name: figure.to_json() for name, figure in self.figures.items()}


@dataclass(frozen=True)
class ReplayResult:
    """What a replayed policy changes. `missing` counts requests that were skipped, `unknown` open questions."""

    judged: int
    missing: dict[str, int]
    unknown: dict[str, int]
    source: str
    overall: GroupCounts
    by_identity_type: dict[str, GroupCounts]
    by_floor: dict[str, dict[str, Estimate]]
    largest: list[ReplayedRequest]

    @property
    def groups(self) -> dict[str, GroupCounts]:
        """All identities, then each identity type."""
        return {"all": self.overall, **self.by_identity_type}


class ReplayCounts:
    """Sums by identity; memory grows with the number of identities, never with the number of requests."""

    def __init__(self) -> None:
        self.missing: Counter[str] = Counter()
        self.unknown: Counter[str] = Counter()
        self.sources: set[str] = set()
        self._sums: dict[Identity, list[int]] = {}
        self._floor_sums: dict[str, dict[Identity, list[int]]] = {}
        self._largest: list[tuple[tuple[float, ...], int, ReplayedRequest]] = []
        self._replayed = 0

    def add(self, replayed: Iterable[ReplayedRequest | SkippedRequest]) -> None:
        """Count requests."""
        for each in replayed:
            if isinstance(each, SkippedRequest):
                self.missing[each.reason] += 1
            else:
                self._replayed += 1
                self._count(each)
                self._keep_if_large(each)

    def result(self, seed: int = 1) -> ReplayResult:
        """Everything counted so far, with intervals."""
        types = sorted({identity_type for _, identity_type in self._sums})
        by_type = {each: [sums for (_, kind), sums in self._sums.items() if kind == each] for each in types}
        largest = sorted(self._largest, key=lambda entry: entry[0], reverse=True)
        return ReplayResult(
            judged=self._replayed,
            missing=dict(self.missing),
            unknown=dict(self.unknown),
            source=", ".join(sorted(self.sources)) or "no labels",
            overall=_group_counts(list(self._sums.values()), seed),
            by_identity_type={each: _group_counts(rows, seed) for each, rows in by_type.items()},
            by_floor=self._by_floor(seed),
            largest=[replayed for _, _, replayed in largest],
        )

    def _by_floor(self, seed: int) -> dict[str, dict[str, Estimate]]:
        floors, width = sorted(self._floor_sums), len(FLOOR_COUNTS)
        sums = np.zeros((len(self._sums), len(floors) * width), np.float32)
        row_of = {identity: row for row, identity in enumerate(self._sums)}
        for number, floor in enumerate(floors):
            for identity, counts in self._floor_sums[floor].items():
                sums[row_of[identity], number * width : (number + 1) * width] = counts
        totals = resample_totals(sums, seed)
        return {
            floor: {name: total(totals, number * width + column) for column, name in enumerate(FLOOR_COUNTS)}
            for number, floor in enumerate(floors)
        }

    def _count(self, replayed: ReplayedRequest) -> None:
        request, before, after = replayed.request, replayed.before.ruling, replayed.after.ruling
        identity = (request.event.identity.id, request.event.identity.type)
        sums = self._sums.setdefault(identity, [0] * len(COUNTS))
        for column, counts in enumerate(_count_flags(replayed)):
            sums[column] += counts
        if request.label.source:
            self.sources.add(request.label.source)
        if before != "allow" and after == "allow" and request.label.compromised is None:
            self.unknown["stopped then, and would be allowed: whether they are malicious is unknown"] += 1
        self._count_floors(replayed, identity)

    def _count_floors(self, replayed: ReplayedRequest, identity: Identity) -> None:
        after, before, label = replayed.after, replayed.before.floors, replayed.request.label
        relevant = {floor.id: floor for floor in after.floors if not floor.shadow}
        for id in {*relevant, *before}:
            floor = relevant.get(id)
            demands = floor is not None and floor.demands_proof
            undecided = floor is not None and floor.status == "undecided"
            sums = self._floor_sums.setdefault(id, {}).setdefault(identity, [0] * len(FLOOR_COUNTS))
            flags = (
                1,
                id in before,
                demands,
                after.because == (f"floor {id}",),
                demands and label.compromised is True,
                demands and label.escalation is True and label.compromised is not True,
                undecided,
            )
            for column, counts in enumerate(flags):
                sums[column] += counts
            if undecided:
                self.unknown[f"floor {id} is undecided"] += 1

    def _keep_if_large(self, replayed: ReplayedRequest) -> None:
        before, after = replayed.before.ruling, replayed.after
        if before == after.ruling:
            return
        difference = abs(STRICTNESS[before] - STRICTNESS[after.ruling])
        label = replayed.request.label
        labelled = label.compromised is not None or label.escalation is True
        trust, threshold = after.counted_trust, after.threshold
        distance = abs(trust - threshold) if trust is not None and threshold is not None else 0.0
        entry = ((float(difference), float(labelled), distance), self._replayed, replayed)
        if len(self._largest) < MAX_LARGEST:
            heapq.heappush(self._largest, entry)
        else:
            heapq.heappushpop(self._largest, entry)


def _count_flags(replayed: ReplayedRequest) -> tuple[bool, ...]:
    """Which of COUNTS a request counts for."""
    before, after, label = replayed.before.ruling, replayed.after.ruling, replayed.request.label
    malicious, legitimate = label.compromised is True, label.compromised is False
    escalation = label.escalation is True and not malicious
    stopped_before, stopped_after = before != "allow", after != "allow"
    return (
        True,
        before == "step_up",
        after == "step_up",
        after == "step_up" != before,
        before == "step_up" != after,
        before == "deny",
        after == "deny",
        malicious,
        malicious and stopped_before,
        malicious and stopped_after,
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
"""Each rate: its name, numerator, denominator and scale."""


def _group_counts(rows: list[list[int]], seed: int) -> GroupCounts:
    sums: Array = np.array(rows, dtype=np.float64).reshape(-1, len(COUNTS))
    totals = resample_totals(sums, seed)
    figures = {name: total(totals, column) for column, name in enumerate(COUNTS)}
    for name, numerator, denominator, scale in _RATES:
        figures[name] = rate(totals, COUNTS.index(numerator), COUNTS.index(denominator), scale)
    return GroupCounts(figures, len(sums))
