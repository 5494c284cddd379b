"""What a review needs of a window of recorded decisions: counts by identity, and a sample of requests.

Bounded: counts grow with identities, the sample not at all. Requests of one identity are alike, so it gives the sample
no more than PER_IDENTITY of them.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from features.arrays import Array
from features.catalogue.all import feature_names
from serving.policy_analysis.intervals import resampled
from serving.policy_analysis.past_requests import Case, Missing

SAMPLE = 20_000
"""Requests of a window that are compared one by one, chosen at random."""
PER_IDENTITY = 50
MIXES = (
    "identity.type",
    "device.managed",
    "device.compliant",
    "network.anonymizer",
    "resource.sensitivity",
    "resource.environment",
    "action.category",
    "action.impact",
    "credential.kind",
)
"""Facts that are compared as a mix."""


@dataclass(frozen=True)
class Seen:
    """One request of the sample."""

    identity: str
    kind: str
    mixes: tuple[object, ...]
    values: Array
    trust: float


@dataclass(frozen=True)
class Collected:
    """A window: how often what happened to each identity, the sample, and how many requests there were."""

    counts: dict[str, Counter[str]]
    sample: tuple[Seen, ...]
    requests: int
    missing: dict[str, int]

    def mix(self, fact: str, machines: bool) -> list[object]:
        """The values of one fact in the sample, of people or of machines."""
        place = MIXES.index(fact)
        return [seen.mixes[place] for seen in self.sample if (seen.kind != "human") is machines]

    def everything(self, fact: str) -> list[object]:
        """The values of one fact in the sample."""
        return [seen.mixes[MIXES.index(fact)] for seen in self.sample]

    def features(self) -> Array:
        """Shape (n, F)."""
        return np.array([seen.values for seen in self.sample]).reshape(-1, len(feature_names()))

    def trust(self, kind: str) -> Array:
        """Trusts of one identity type."""
        return np.array([seen.trust for seen in self.sample if seen.kind == kind])

    def totals(self, columns: list[str], seed: int) -> Array:
        """Totals of counts by name, shape (resamples, columns)."""
        sums = [[counts[name] for name in columns] for counts in self.counts.values()]
        return resampled(np.array(sums, np.float64).reshape(-1, len(columns)), seed)


def collected(cases: Iterable[Case | Missing], seed: int = 1) -> Collected:
    """Read a window."""
    rng, missing, requests = np.random.default_rng(seed), Counter[str](), 0
    counts: dict[str, Counter[str]] = {}
    kept: list[tuple[float, int, Seen]] = []
    for case in cases:
        if isinstance(case, Missing):
            missing[case.why] += 1
            continue
        requests += 1
        counts.setdefault(case.event.identity.id, Counter()).update(_happened(case))
        drawn = float(rng.random())
        if len(kept) < SAMPLE:
            heapq.heappush(kept, (drawn, requests, _seen(case)))
        elif drawn > kept[0][0]:
            heapq.heapreplace(kept, (drawn, requests, _seen(case)))
    return Collected(counts, tuple(_few_of_each(kept)), requests, dict(missing))


def _few_of_each(kept: list[tuple[float, int, Seen]]) -> Iterator[Seen]:
    taken = Counter[str]()
    for _, _, seen in sorted(kept, key=lambda each: each[:2]):
        taken[seen.identity] += 1
        if taken[seen.identity] <= PER_IDENTITY:
            yield seen


def _seen(case: Case) -> Seen:
    facts = tuple(getattr(getattr(case.event, group), name) for group, name in (m.split(".") for m in MIXES))
    values = np.array([case.features.get(name, np.nan) for name in feature_names()])
    trust = case.trust.now if case.trust else np.nan
    return Seen(case.event.identity.id, case.event.identity.type, facts, values, trust)


def _happened(case: Case) -> Iterator[str]:
    """What is counted of a request, by name."""
    recorded, cell = case.recorded, f"{case.event.identity.type}, {case.event.resource.sensitivity or 'unknown'}"
    yield "requests"
    yield f"requests of {cell}"
    if recorded is None:
        return
    yield recorded.ruling
    if recorded.ruling != "allow":
        yield "stopped"
    if recorded.answers:
        yield "met"
    if case.legitimate and recorded.ruling != "allow":
        yield "overridden"
    if case.label.compromised and recorded.ruling == "allow":
        yield "missed"
    if recorded.asked_by_model:
        yield f"asked of {cell}"
    yield from (f"floor {id}" for id in recorded.floors)
