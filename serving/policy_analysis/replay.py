"""A policy tried on requests that were made: what it would have ruled, beside what was ruled or another policy rules.

`decide` stays the one definition of a ruling; here it is called once for each request, through one function.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from features.catalogue.describe import digest
from serving.decision.decide import Decision, Ruling, decide
from serving.decision.inputs import Proof, Revocation, SessionState, Versions
from serving.decision.proofs import claimed
from serving.policy.schema import Policy
from serving.policy.thresholds import threshold_for
from serving.policy_analysis.past_requests import Case, Cases, Missing
from serving.policy_analysis.replay_state import Remembered

NO_THRESHOLD = "no model tells the trust that a budget stands for"


@dataclass(frozen=True)
class Before:
    """What a request was answered with, and the floors that demanded proof."""

    ruling: Ruling
    floors: tuple[str, ...]


@dataclass(frozen=True)
class Tried:
    """A request, what was ruled, and what would be."""

    case: Case
    before: Before
    after: Decision


def judged(
    case: Case, policy: Policy, threshold: float | None, standing: SessionState, reported: Sequence[Proof]
) -> Decision:
    """The one place where a request of the past is decided again."""
    recorded = case.recorded
    return decide(
        case.event,
        case.features,
        case.trust,
        None,
        policy,
        (*claimed(case.event), *reported),
        standing,
        id=case.id,
        at=case.at,
        threshold=threshold,
        versions=Versions(case.model.version if case.model else None, policy.digest, digest()),
        degraded=recorded.degraded if recorded and case.trust is None else None,
        enforceable=False,
    )


class Course:
    """One policy's course through requests in order of time; its rulings decide what is known of the next."""

    def __init__(self, policy: Policy, revocations: Mapping[str, Sequence[Revocation]] | None = None) -> None:
        self.policy = policy
        self._remembered = Remembered(policy, revocations)
        self._thresholds: dict[tuple[str, str | None, int], float | None] = {}

    def threshold(self, case: Case) -> float | None:
        """The trust a request needs under this policy."""
        key = (case.event.identity.type, case.event.resource.sensitivity, id(case.model))
        if key not in self._thresholds:
            self._thresholds[key] = threshold_for(self.policy, case.model, case.event)
        return self._thresholds[key]

    def ruled(self, case: Case) -> Decision:
        """Decide a request, and remember what the ruling leaves behind."""
        standing, reported = self._remembered.known(case)
        decision = judged(case, self.policy, self.threshold(case), standing, reported)
        self._remembered.learn(case, decision)
        return decision


def tried(
    cases: Cases,
    policy: Policy,
    against: Policy | None = None,
    revocations: Mapping[str, Sequence[Revocation]] | None = None,
) -> Iterator[Tried | Missing]:
    """Each request under a policy, beside what was ruled; `against` rules instead of the record, where given.

    Raises ValueError for a request that was never ruled on when there is nothing to compare with.
    """
    after = Course(policy, revocations)
    before = Course(against, revocations) if against else None
    courses = (after, before) if before else (after,)
    for case in cases:
        if isinstance(case, Missing):
            yield case
        elif case.trust is not None and case.model is None and not all(c.threshold(case) for c in courses):
            yield Missing(NO_THRESHOLD)
        else:
            yield Tried(case, _before(case, before), after.ruled(case))


def _before(case: Case, course: Course | None) -> Before:
    if course is not None:
        decision = course.ruled(case)
        return Before(decision.ruling, tuple(floor.id for floor in decision.floors if floor.rules))
    if case.recorded is None:
        raise ValueError("imported events were never ruled on: name a policy to compare with")
    return Before(case.recorded.ruling, case.recorded.floors)
