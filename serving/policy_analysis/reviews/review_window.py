"""Collects what a review needs of a window of recorded decisions: counts by identity, and a sample of requests.

Memory is bounded: the counts grow with the number of identities, the sample not at all. Requests of one identity are
alike, so the sample holds at most PER_IDENTITY of them.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from features.arrays import Array
from features.catalogue.all import feature_names
from serving.policy_analysis.intervals import resample_totals
from serving.policy_analysis.past.past_requests import PastRequest, SkippedRequest

SAMPLE = 20_000
"""The most requests of a window that are sampled, at random."""
PER_IDENTITY = 50
"""The most requests of one identity in the sample."""
CATEGORICAL_FACTS = (
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
"""The facts whose distribution over categories is compared."""


@dataclass(frozen=True)
class SampledRequest:
    """One request of the sample; `facts` are in the order of CATEGORICAL_FACTS, `features` in the catalogue's."""

    identity: str
    identity_type: str
    facts: tuple[object, ...]
    features: Array
    trust: float


@dataclass(frozen=True)
class WindowSummary:
    """A window: how often each thing happened to each identity, the sample, and how many requests there were."""

    counts: dict[str, Counter[str]]
    sample: tuple[SampledRequest, ...]
    requests: int
    missing: dict[str, int]

    def facts(self, fact: str) -> list[object]:
        """The values of a categorical fact in the sample."""
        column = CATEGORICAL_FACTS.index(fact)
        return [request.facts[column] for request in self.sample]

    def machine_facts(self, fact: str) -> list[object]:
        """The same, of machines only."""
        column = CATEGORICAL_FACTS.index(fact)
        return [request.facts[column] for request in self.sample if request.identity_type != "human"]

    def features(self) -> Array:
        """The features of the sample, shape (n, F)."""
        return np.array([request.features for request in self.sample]).reshape(-1, len(feature_names()))

    def trust(self, identity_type: str) -> Array:
        """The trust of the sampled requests of an identity type."""
        return np.array([request.trust for request in self.sample if request.identity_type == identity_type])

    def totals(self, names: list[str], seed: int) -> Array:
        """Resampled totals of counts by name, shape (RESAMPLES, len(names))."""
        sums = [[counts[name] for name in names] for counts in self.counts.values()]
        return resample_totals(np.array(sums, np.float64).reshape(-1, len(names)), seed)


def summarise_window(requests: Iterable[PastRequest | SkippedRequest], seed: int = 1) -> WindowSummary:
    """Read a window of past requests."""
    rng, missing, read = np.random.default_rng(seed), Counter[str](), 0
    counts: dict[str, Counter[str]] = {}
    sample: list[tuple[float, int, SampledRequest]] = []
    for request in requests:
        if isinstance(request, SkippedRequest):
            missing[request.reason] += 1
            continue
        read += 1
        counts.setdefault(request.event.identity.id, Counter()).update(_counted_names(request))
        priority = float(rng.random())
        if len(sample) < SAMPLE:
            heapq.heappush(sample, (priority, read, _sampled(request)))
        elif priority > sample[0][0]:
            heapq.heapreplace(sample, (priority, read, _sampled(request)))
    return WindowSummary(counts, tuple(_limit_identities(sample)), read, dict(missing))


def _limit_identities(sample: list[tuple[float, int, SampledRequest]]) -> Iterator[SampledRequest]:
    taken = Counter[str]()
    for _, _, request in sorted(sample, key=lambda entry: entry[:2]):
        taken[request.identity] += 1
        if taken[request.identity] <= PER_IDENTITY:
            yield request


def _sampled(request: PastRequest) -> SampledRequest:
    event = request.event
    paths = (fact.split(".") for fact in CATEGORICAL_FACTS)
    facts = tuple(getattr(getattr(event, group), name) for group, name in paths)
    features = np.array([request.features.get(name, np.nan) for name in feature_names()])
    trust = request.trust.now if request.trust else np.nan
    return SampledRequest(event.identity.id, event.identity.type, facts, features, trust)


def _counted_names(request: PastRequest) -> Iterator[str]:
    """The names of everything a request counts for."""
    decision = request.decision
    cell = f"{request.event.identity.type}, {request.event.resource.sensitivity or 'unknown'}"
    yield "requests"
    yield f"requests of {cell}"
    if decision is None:
        return
    yield decision.ruling
    if decision.ruling != "allow":
        yield "stopped"
    if decision.proofs:
        yield "answered"
    if request.legitimate and decision.ruling != "allow":
        yield "overridden"
    if request.label.compromised and decision.ruling == "allow":
        yield "missed"
    if decision.asked_by_model:
        yield f"asked of {cell}"
    yield from (f"floor {id}" for id in decision.floors)
