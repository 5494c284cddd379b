"""Replays a policy on past requests: what it would have decided, beside what was decided or another policy decides.

`decide` stays the only definition of a ruling; `decide_again` is the only place that calls it here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from features.catalogue.describe import digest
from features.event.schema import Event
from features.model.bundle import TrustModel
from serving.decision.decision import Decision, decide
from serving.decision.inputs import Proof, SessionState, Versions
from serving.decision.proofs import claimed_proofs
from serving.decision.readings import Readings
from serving.decision.ruling import Ruling
from serving.deployment.catalogue_files import NO_CATALOGUES, Catalogues
from serving.deployment.request_reading import read_request
from serving.policy.schema import Policy
from serving.policy.thresholds import threshold_for
from serving.policy_analysis.past.past_reports import NO_REPORTS, PastReports
from serving.policy_analysis.past.past_requests import PastRequest, PastRequests, SkippedRequest
from serving.policy_analysis.replays.replay_state import SimulatedState

NO_THRESHOLD = "no model gives the threshold of a budget"


@dataclass(frozen=True)
class RulingBefore:
    """The ruling a request is compared with, and the floors that demanded proof."""

    ruling: Ruling
    floors: tuple[str, ...]


@dataclass(frozen=True)
class ReplayedRequest:
    """A past request, the ruling before, and the decision of the replayed policy."""

    request: PastRequest
    before: RulingBefore
    after: Decision


def replay_policy(
    requests: PastRequests,
    policy: Policy,
    against: Policy | None = None,
    reports: PastReports = NO_REPORTS,
    catalogues: Catalogues = NO_CATALOGUES,
) -> Iterator[ReplayedRequest | SkippedRequest]:
    """Decide each request again under a policy, in order of time.

    The ruling before is that of the policy `against` if given, else the recorded one. `reports` is what was reported
    beside the requests, `catalogues` what the deployment knows. Raises ValueError for a request without a recorded
    decision when `against` is not given.
    """
    after = PolicyReplay(policy, reports, catalogues)
    before = PolicyReplay(against, reports, catalogues) if against else None
    replays = (after, before) if before else (after,)
    for request in requests:
        if isinstance(request, SkippedRequest):
            yield request
        elif request.trust is not None and request.model is None and not all(r.threshold(request) for r in replays):
            yield SkippedRequest(NO_THRESHOLD)
        else:
            yield ReplayedRequest(request, _ruling_before(request, before), after.decide(request))


def _ruling_before(request: PastRequest, replay: PolicyReplay | None) -> RulingBefore:
    if replay is not None:
        decision = replay.decide(request)
        return RulingBefore(decision.ruling, tuple(floor.id for floor in decision.floors if floor.demands_proof))
    if request.decision is None:
        raise ValueError("imported events have no recorded ruling: name a policy to compare with")
    return RulingBefore(request.decision.ruling, request.decision.floors)


class PolicyReplay:
    """One policy replayed on requests in order of time; its rulings determine the session state of later requests."""

    def __init__(
        self, policy: Policy, reports: PastReports = NO_REPORTS, catalogues: Catalogues = NO_CATALOGUES
    ) -> None:
        self.policy = policy
        self._catalogues = catalogues
        self._state = SimulatedState(policy, reports)
        self._model: TrustModel | None = None
        self._thresholds: dict[tuple[str, str | None], float | None] = {}

    def threshold(self, request: PastRequest) -> float | None:
        """The trust a request needs under this policy."""
        return self._threshold(request, self._read(request).event)

    def _threshold(self, request: PastRequest, event: Event) -> float | None:
        if request.model is not self._model:
            self._model, self._thresholds = request.model, {}
        cell = (event.identity.type, event.resource.sensitivity)
        if cell not in self._thresholds:
            self._thresholds[cell] = threshold_for(self.policy, request.model, event)
        return self._thresholds[cell]

    def _read(self, request: PastRequest) -> Readings:
        return read_past_request(request, self.policy, self._catalogues)

    def decide(self, request: PastRequest) -> Decision:
        """Decide a request, and update the simulated state with its ruling."""
        readings = self._read(request)
        session, proofs = self._state.before(request, readings.event)
        threshold = self._threshold(request, readings.event)
        decision = decide_again(request, readings, self.policy, threshold, session, proofs)
        self._state.update(request, readings.event, decision)
        return decision


def read_past_request(request: PastRequest, policy: Policy, catalogues: Catalogues = NO_CATALOGUES) -> Readings:
    """The readings of a past request, as the service reads one of this moment."""
    return read_request(request.event, policy, catalogues, request.types, assured=request.assured)


def decide_again(
    request: PastRequest,
    readings: Readings,
    policy: Policy,
    threshold: float | None,
    session: SessionState,
    proofs: Sequence[Proof],
) -> Decision:
    """Decide a past request under a policy; `proofs` are those reported beside the claims of its event."""
    recorded = request.decision
    return decide(
        readings,
        request.features,
        request.trust,
        None,
        policy,
        (*claimed_proofs(request.event, request.places.claims), *proofs),
        replace(session, places=request.places),
        id=request.id,
        at=request.at,
        threshold=threshold,
        versions=Versions(
            request.model.version if request.model else None,
            policy.digest,
            digest(),
            population=recorded.population if recorded else None,
        ),
        degraded=recorded.degraded if recorded and request.trust is None else None,
        enforceable=False,
        as_sent=request.as_sent,
        lowest=request.lowest,
    )
