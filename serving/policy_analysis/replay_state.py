"""What the store would know of sessions, had other rulings been given: expiry, challenges and the proofs they bring.

A challenge that was really made is answered as it really was. One that was not is taken to be met at once by the owner,
with the strongest proof there is for his kind, and never by an intruder. Histories stay as they were recorded.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from serving.decision import jit_scopes
from serving.decision.decide import Decision
from serving.decision.inputs import Prompt, Proof, Revocation, Scope, SessionState
from serving.decision.remedies import RESISTANT
from serving.policy.schema import Policy
from serving.policy_analysis.past_requests import Case

ASKED = 100
"""So many challenges of a scope are looked back upon, as the store does."""
_AT_ONCE = timedelta(microseconds=1)

Of = tuple[str, str | None]
"""An identity and a session."""
About = tuple[str | None, str | None]
"""A category of action and a type of resource."""


@dataclass(frozen=True)
class _Prompted:
    at: datetime
    about: About
    prompt: Prompt


@dataclass
class _Session:
    valid_until: datetime | None = None
    last_seen: datetime | None = None
    asked: dict[About, dict[str, datetime]] = field(default_factory=dict)
    proofs: list[Proof] = field(default_factory=list)
    coming: list[Proof] = field(default_factory=list)

    def arrive(self, at: datetime) -> None:
        """Take the proofs made by then; each lets the session go on until it expires."""
        for proof in [proof for proof in self.coming if proof.made_at <= at]:
            self.coming.remove(proof)
            self.proofs.append(proof)
            self.valid_until = proof.expires_at or self.valid_until
        self.proofs = [proof for proof in self.proofs if proof.expires_at is None or proof.expires_at > at]


class Remembered:
    """What is known of every session; requests are to come in order of time."""

    def __init__(self, policy: Policy, revocations: Mapping[str, Iterable[Revocation]] | None = None) -> None:
        self._policy = policy
        self._window = timedelta(seconds=policy.storm.window_seconds)
        self._revocations = revocations or {}
        self._sessions: dict[Of, _Session] = {}
        self._prompts: dict[str, deque[_Prompted]] = {}

    def known(self, case: Case) -> tuple[SessionState, tuple[Proof, ...]]:
        """What is known at the time of a request, and the proofs that the identity provider reported by then."""
        event, at = case.event, case.at
        who: Of = (event.identity.id, event.session.id)
        session = self._sessions.get(who)
        if session is not None:
            session.arrive(at)
        scope = (event.action.category, event.resource.type)
        prompts = self._prompted(event.identity.id, at)
        standing = SessionState(
            revocation=self._revoked(who, at),
            valid_until=session.valid_until if session else None,
            prompts_in_window=len(prompts),
            prompts_by_remedy=Counter(each.prompt.remedy for each in prompts if each.about == scope),
            prompts_by_rule=Counter(name for each in prompts for name in each.prompt.asked_by),
            challenged_at=dict(session.asked.get(scope, {})) if session else {},
            last_seen=session.last_seen if session else None,
        )
        return standing, tuple(session.proofs) if session else ()

    def learn(self, case: Case, decision: Decision) -> None:
        """Keep what a ruling leaves behind."""
        identity, session = case.event.identity.id, case.event.session.id
        if decision.ruling == "step_up":
            prompt = Prompt(decision.remedies[0].type, decision.asked_by)
            about = (case.event.action.category, case.event.resource.type)
            self._prompts.setdefault(identity, deque()).append(_Prompted(case.at, about, prompt))
        if session is None or decision.ruling == "deny":
            return
        kept = self._sessions.setdefault((identity, session), _Session())
        if decision.ruling == "allow":
            kept.last_seen = case.at
            kept.valid_until = decision.valid_until or kept.valid_until
            return
        scope = (case.event.action.category, case.event.resource.type)
        asked = kept.asked.setdefault(scope, {})
        asked[case.id] = case.at
        if len(asked) > ASKED:
            del asked[next(iter(asked))]
        kept.coming += answers(case, decision, self._policy)

    def _revoked(self, who: Of, at: datetime) -> Revocation | None:
        found = [each for each in self._revocations.get(who[0], ()) if each.session in (None, who[1]) and each.at <= at]
        return found[-1] if found else None

    def _prompted(self, identity: str, at: datetime) -> Sequence[_Prompted]:
        prompts = self._prompts.get(identity, deque())
        while prompts and prompts[0].at <= at - self._window:
            prompts.popleft()
        return prompts


def answers(case: Case, decision: Decision, policy: Policy) -> tuple[Proof, ...]:
    """The proofs that a challenge brings: those it really brought, else the owner's."""
    if case.recorded is not None and case.recorded.ruling == "step_up":
        return case.recorded.answers
    if case.label.compromised:
        return ()
    human, made_at = case.event.identity.type == "human", case.at + _AT_ONCE
    return (
        Proof(
            made_at=made_at,
            kind="authentication" if human else "jit_credential",
            amr=RESISTANT if human else (),
            scope=Scope(case.event.action.category, case.event.resource.type),
            expires_at=made_at + timedelta(seconds=policy.lifetime.elevation_seconds),
            decision_id=case.id,
            source="step_up",
            network_asn=case.event.network.asn,
            device_id=case.event.device.id,
            trust_at_completion=decision.trust.now if decision.trust else None,
            granted=() if human else (jit_scopes.wanted(case.event),),
        ),
    )
