"""Simulates the session state that other rulings would have led to: expiry, challenges, and the proofs they bring.

A challenge that was really made brings the proofs that it really brought. One that was not is taken to be answered at
once by the legitimate identity with the strongest proof of its kind, and never by an attacker. Histories stay as they
were recorded.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from features.event.schema import Event
from serving.decision import jit_scopes
from serving.decision.decision import Decision
from serving.decision.inputs import Prompt, Proof, Scope, SessionState
from serving.decision.places.place import place_of, request_name
from serving.decision.proofs import latest_moment
from serving.policy.schema import Policy
from serving.policy_analysis.past.past_reports import NO_REPORTS, PastReports
from serving.policy_analysis.past.past_requests import PastRequest
from serving.store.prompts.counts import minute_of

STRONGEST_FACTORS = ("pwd", "hwk")
"""What a person's simulated proof holds: AAL3, and phishing-resistant."""
_ANSWER_TIME = timedelta(microseconds=1)

SessionId = tuple[str, str | None]
"""An identity and a session."""
RequestScope = tuple[str | None, str | None]
"""A category of action and a type of resource."""


@dataclass(frozen=True)
class _PromptRecord:
    at: datetime
    scope: RequestScope
    prompt: Prompt


@dataclass
class _Session:
    valid_until: datetime | None = None
    last_seen: datetime | None = None
    challenged_at: dict[RequestScope, dict[str, datetime]] = field(default_factory=dict)
    """The newest challenge of each scope, as the store reads it."""
    proofs: list[Proof] = field(default_factory=list)
    pending_proofs: list[Proof] = field(default_factory=list)

    def advance(self, at: datetime) -> None:
        """Receive the proofs made by then, each of which extends the session, and drop those that have expired."""
        for proof in [proof for proof in self.pending_proofs if proof.made_at <= at]:
            self.pending_proofs.remove(proof)
            self.proofs.append(proof)
            self.last_seen = max(filter(None, (self.last_seen, proof.asked_at)), default=None)
            self.valid_until = proof.expires_at or self.valid_until
        self.proofs = [proof for proof in self.proofs if proof.expires_at is None or proof.expires_at > at]


class SimulatedState:
    """The simulated state of every session. Requests must come in order of time."""

    def __init__(self, policy: Policy, reports: PastReports = NO_REPORTS) -> None:
        self._policy = policy
        self._window = timedelta(seconds=policy.storm.window_seconds)
        self._failures_within = timedelta(seconds=policy.step_ups.failures_within_seconds)
        self._reports = reports
        self._sessions: dict[SessionId, _Session] = {}
        self._prompts: dict[str, deque[_PromptRecord]] = {}

    def before(self, request: PastRequest, event: Event) -> tuple[SessionState, tuple[Proof, ...]]:
        """The session state at the time of a request, and the proofs reported by then. `event` is the request as it is
        read, with the category and type that count."""
        at = request.at
        session_id: SessionId = (event.identity.id, event.session.id)
        session = self._sessions.get(session_id)
        if session is not None:
            session.advance(at)
        scope = _scope(event)
        denials = self._reports.denials(*session_id, at)
        prompts = self._prompts_in_window(event.identity.id, at)
        state = SessionState(
            revocation=denials.revocation,
            session_revoked_at=denials.session_revoked_at,
            valid_until=session.valid_until if session else None,
            prompts_in_window=len(prompts),
            prompts_by_remedy=Counter(each.prompt.remedy for each in prompts if each.scope == scope),
            prompts_by_rule=Counter(rule for each in prompts for rule in each.prompt.asked_by),
            challenged_at=dict(session.challenged_at.get(scope, {})) if session else {},
            last_seen=session.last_seen if session else None,
            failed_step_ups=self._reports.failures(event.identity.id, at - self._failures_within, at),
        )
        return state, tuple(session.proofs) if session else ()

    def update(self, request: PastRequest, event: Event, decision: Decision) -> None:
        """Update the state with a decision on a request as it was read."""
        identity, session_id = event.identity.id, event.session.id
        if decision.ruling == "step_up":
            prompt = Prompt(decision.remedies[0].type, decision.asked_by)
            record = _PromptRecord(request.at, _scope(event), prompt)
            self._prompts.setdefault(identity, deque()).append(record)
        if session_id is None or decision.ruling == "deny":
            return
        session = self._sessions.setdefault((identity, session_id), _Session())
        if decision.ruling == "allow":
            session.last_seen = request.at
            session.valid_until = decision.valid_until or session.valid_until
            return
        claimed = request.event.authentication.time
        asked_at = max(request.at, latest_moment(claimed)) if claimed else request.at
        session.challenged_at[_scope(event)] = {request.id: asked_at}
        session.pending_proofs += simulated_proofs(request, event, decision, self._policy)

    def _prompts_in_window(self, identity: str, at: datetime) -> Sequence[_PromptRecord]:
        prompts = self._prompts.get(identity, deque())
        while prompts and minute_of(prompts[0].at) < minute_of(at - self._window):
            prompts.popleft()
        return prompts


def _scope(event: Event) -> RequestScope:
    return event.action.category, event.resource.type


def simulated_proofs(request: PastRequest, event: Event, decision: Decision, policy: Policy) -> tuple[Proof, ...]:
    """The proofs that a challenge of a request, read as an event, brings: those it really brought, else one proof
    unless the request is malicious."""
    if request.decision is not None and request.decision.ruling == "step_up":
        return tuple(replace(proof, asked_at=proof.asked_at or request.at) for proof in request.decision.proofs)
    if request.label.compromised:
        return ()
    human, made_at = event.identity.type == "human", request.at + _ANSWER_TIME
    return (
        Proof(
            made_at=made_at,
            kind="interactive_mfa" if human else "jit_credential",
            amr=STRONGEST_FACTORS if human else (),
            scope=Scope(*_scope(event)),
            expires_at=made_at + timedelta(seconds=policy.lifetime.elevation_seconds),
            decision_id=request.id,
            source="step_up",
            place=place_of(event),
            request=request_name(event),
            trust_at_completion=decision.counted_trust,
            granted=() if human else (jit_scopes.narrowest_scope(event),),
            asked_at=request.at,
        ),
    )
