"""Replays a policy on past requests: what it would have decided, beside what was decided or another policy decides.

`decide` stays the only definition of a ruling; `decide_again` is the only place that calls it here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from features.catalogue.describe import digest
from features.model.bundle import TrustModel
from serving.decision.decision import Decision, decide
from serving.decision.inputs import Proof, Revocation, SessionState, Versions
from serving.decision.proofs import claimed_proofs
from serving.decision.ruling import Ruling
from serving.deployment.request_reading import read_request
from serving.policy.schema import Policy
from serving.policy.thresholds import threshold_for
from serving.policy_analysis.past_requests import PastRequest, PastRequests, SkippedRequest
from serving.policy_analysis.replay_state import SimulatedState

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
    revocations: Mapping[str, Sequence[Revocation]] | None = None,
) -> Iterator[ReplayedRequest | SkippedRequest]:
    """Decide each request again under a policy, in order of time.

    The ruling before is that of the policy `against` if given, else the recorded one. `revocations` are by identity.
    Raises ValueError for a request without a recorded decision when `against` is not given.
    """
    after = PolicyReplay(policy, revocations)
    before = PolicyReplay(against, revocations) if against else None
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

    def __init__(self, policy: Policy, revocations: Mapping[str, Sequence[Revocation]] | None = None) -> None:
        self.policy = policy
        self._state = SimulatedState(policy, revocations)
        self._model: TrustModel | None = None
        self._thresholds: dict[tuple[str, str | None], float | None] = {}

    def threshold(self, request: PastRequest) -> float | None:
        """The trust a request needs under this policy."""
        if request.model is not self._model:
            self._model, self._thresholds = request.model, {}
        cell = (request.event.identity.type, request.event.resource.sensitivity)
        if cell not in self._thresholds:
            self._thresholds[cell] = threshold_for(self.policy, request.model, request.event)
        return self._thresholds[cell]

    def decide(self, request: PastRequest) -> Decision:
        """Decide a request, and update the simulated state with its ruling."""
        session, proofs = self._state.before(request)
        decision = decide_again(request, self.policy, self.threshold(request), session, proofs)
        self._state.update(request, decision)
        return decision


def decide_again(
    request: PastRequest,
    policy: Policy,
    threshold: float | None,
    session: SessionState,
    proofs: Sequence[Proof],
) -> Decision:
    """Decide a past request under a policy; `proofs` are those reported beside the claims of its event."""
    recorded = request.decision
    return decide(
        read_request(request.event, policy, types=request.types, assured=request.assured),
        request.features,
        request.trust,
        None,
        policy,
        (*claimed_proofs(request.event), *proofs),
        session,
        id=request.id,
        at=request.at,
        threshold=threshold,
        versions=Versions(request.model.version if request.model else None, policy.digest, digest()),
        degraded=recorded.degraded if recorded and request.trust is None else None,
        enforceable=False,
        lowest=request.lowest,
    )
