"""Which network, device and client of a request are new to its identity, and what the lowest trust there was.

Defends against the subject: an attacker with a stolen session cannot buy a habit by volume. A value is new from its
first use until a proof made there has settled a step-up, until an identity provider reported a sign-in with strong
factors there, or until it was allowed on three different days: by uses at least 24 hours apart, each of which the
lowest trust there would have allowed as well. So what reads are spared buys nothing. An identity's first values are new
as well; since trust was high when they came, that asks for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from features.event.numpy_row import row_of
from features.event.schema import Category, Event
from features.history.layout import History
from features.model.trust_curve import TrustCurve
from serving.decision.decision import Decision
from serving.decision.inputs import Proof
from serving.decision.lowest_trust import WITHHELD, LowestTrust, counts_for
from serving.decision.places.comparison import COMPARED, parts_known_to, parts_said
from serving.decision.places.named_values import kind_of, value_names
from serving.decision.places.place import UNKNOWN_PLACE, Place, place_of
from serving.decision.proofs import assurance, made_after, model_requirement
from serving.engine.assessment import assess
from serving.engine.places.withheld import RequestRows
from serving.engine.score_context import ScoreContext
from serving.model.active import ActiveConfiguration
from serving.policy.schema import Policy
from serving.store.decision_log import DecisionRecord
from serving.store.places.claim_places import SIGN_IN_AFTER
from serving.store.schema import LIVE
from serving.store.seen_values import SeenValue, packed_histories, unpacked_histories
from serving.store.store import Transaction


@dataclass(frozen=True)
class Settlement:
    """A proof that ends the newness of values: what it is called, and the kinds of value it knows."""

    by: str
    kinds: frozenset[str]


@dataclass(frozen=True)
class RequestValues:
    """The values that a request uses, as they are known before it and with it, and the other new ones that count."""

    space: str
    identity: str
    before: Mapping[str, SeenValue]
    used: tuple[SeenValue, ...]
    beside: tuple[SeenValue, ...] = ()
    """New values that the request may hide: something of it is missing."""

    def with_use(
        self, session: str | None, trust: TrustCurve | None, as_sent: TrustCurve | None, policy: Policy
    ) -> RequestValues:
        """With the trust of this request, which is one more use of each value."""
        limit = trust.seconds_until(policy.lifetime.risk) if trust else np.inf
        now, sent = (
            None if each is None or not np.isfinite(each.now_log_odds) else each.now for each in (trust, as_sent)
        )
        seconds = float(limit) if np.isfinite(limit) else None
        used = tuple(seen.with_use(session or "", now, sent, seconds) for seen in self.used)
        return replace(self, used=used)

    @property
    def lowest(self) -> LowestTrust | None:
        """The lowest trust at the values that are new; None where none is, or no model said anything there."""
        new = [seen for seen in (*self.used, *self.beside) if seen.is_new and seen.trust is not None]
        if not new:
            return None
        limits = [seen.seconds for seen in new if seen.seconds is not None]
        own = [seen for seen in new if seen not in self.beside]
        return LowestTrust(
            trust=min(seen.trust for seen in new if seen.trust is not None),
            trust_as_sent=min((seen.trust_as_sent for seen in own if seen.trust_as_sent is not None), default=1.0),
            seconds=min(limits, default=None),
            kinds=tuple(dict.fromkeys(seen.kind for seen in sorted(new, key=_order))),
            since=min(seen.first_at for seen in new),
        )

    def counted(
        self, rows: RequestRows, category: Category | None, history: History, active: ActiveConfiguration
    ) -> LowestTrust | None:
        """The lowest trust that counts for a request. For one that is more than a read it is also no higher than the
        model would say had this request been the first from there: reads may have been trusted more."""
        lowest = self.lowest
        again = [seen for seen in (*self.used, *self.beside) if seen.is_new and seen.value in self.before]
        earlier = _earlier(again, rows.event.session.id or "", history)
        if lowest is None or earlier is None or not counts_for(category):
            return lowest
        hidden = bool(self.beside) or any(seen.kind == WITHHELD for seen in again)
        first = assess(rows.with_stand_ins if hidden else rows.sent, earlier, active).trust
        if first is None or not np.isfinite(first.now_log_odds):
            return lowest
        as_sent = lowest.trust_as_sent if hidden else min(lowest.trust_as_sent, first.now)
        return replace(lowest, trust=min(lowest.trust, first.now), trust_as_sent=as_sent)

    def record(self, tx: Transaction, at: datetime, *, allowed_from: float, settled: Settlement | None) -> None:
        """Write what has changed. The use counts as a day at values whose lowest trust is no less than `allowed_from`
        (infinite where it was not allowed). `settled` is the proof made here, if any: it settles the values it knows.
        """
        for seen in self.used:
            trusted = allowed_from == -np.inf or (seen.trust is not None and seen.trust >= allowed_from)
            after = seen.with_day(at) if trusted else seen
            if settled is not None and after.is_new and seen.kind in settled.kinds:
                after = after.settled(settled.by)
            tx.seen_values.put(self.space, self.identity, self.before.get(seen.value), after)


def values_of_request(
    tx: Transaction, context: ScoreContext, history: History, withheld: Iterable[str]
) -> RequestValues:
    """What is known of the values of a request to `POST /score`. One of this moment that carries its own history meets
    the live identity's new values; one of the past with its own history meets none. Neither is kept."""
    event = context.event
    if not context.inline:
        return values_of(tx, context.namespace, event, context.at, history, withheld)
    if not context.beside_live:
        return RequestValues(context.namespace, event.identity.id, {}, ())
    live = values_of(tx, LIVE, event, context.at, history, withheld)
    return replace(live, used=tuple(seen for seen in live.used if seen.value in live.before))


def values_of(
    tx: Transaction, space: str, event: Event, at: datetime, history: History, withheld: Iterable[str] = ()
) -> RequestValues:
    """What is known of the values that an event uses, in one SELECT. `history` is what was known before it.

    Where a caller withholds what it habitually sends of the identity, every new value of the identity counts as well;
    where a part is missing without a habit, the new ones of that kind that this session used.
    """
    identity, session = event.identity.id, event.session.id or ""
    names = _names_used(event, at, withheld)
    missing = [kind for kind, there in zip(COMPARED, parts_said(event), strict=True) if not there]
    asked = (*names, *([] if withheld else [_withheld_in(session)]))
    found = tx.seen_values.find(space, identity, asked, and_new=bool(missing or withheld))
    used = tuple(found.get(name) or _first_use(name, at, history) for name in names)
    others = [seen for name, seen in found.items() if seen.is_new and name not in names]
    beside = others if withheld else [seen for seen in others if _hidden_by(seen, missing, session)]
    return RequestValues(space, identity, found, used, tuple(beside))


def _names_used(event: Event, at: datetime, withheld: Iterable[str]) -> tuple[str, ...]:
    """The values that a request uses, with what its session withholds."""
    hidden = [_withheld_in(event.session.id or "")] if any(True for _ in withheld) else []
    return (*value_names(event, at), *hidden)


def signed_in_here(event: Event, policy: Policy, *, assured: bool) -> bool:
    """Whether the event is a person's sign-in with several factors, just now, reported by a caller that may say so."""
    claim, action = event.authentication, event.action
    if not assured or event.identity.type != "human":
        return False
    if action.category != "authenticate" or action.outcome != "success":
        return False
    made_at = claim.time or event.time
    proof = Proof(made_at, "interactive_mfa", claim.acr, claim.amr or (), claim.aal)
    recent = abs(event.time - made_at) <= SIGN_IN_AFTER
    return recent and assurance(proof, policy).level >= model_requirement(policy).aal


def allowed_from(decision: Decision) -> float:
    """The trust from which a request was allowed; infinite where it was not, or nobody knows."""
    return _needed(decision.threshold) if decision.ruling == "allow" else np.inf


def _needed(threshold: float | None) -> float:
    return np.inf if threshold is None else threshold


def settled_here(event: Event, decision: Decision, policy: Policy, *, assured: bool) -> Settlement | None:
    """The proof that a request carries, or is, with what it knows of the request's place. None without one."""
    here = place_of(event)
    places = [*decision.proven_at, *([here] if signed_in_here(event, policy, assured=assured) else [])]
    if not places:
        return None
    return Settlement(f"decision {decision.id}", frozenset().union(*(_kinds_known(place, here) for place in places)))


def settle_challenged(tx: Transaction, challenge: DecisionRecord, proof: Proof, proof_key: str, policy: Policy) -> None:
    """A proof has answered a challenge: the values of the challenged request that it knows are no longer new. What the
    request withheld is settled by a proof that was made after it, in answer to it."""
    if challenge.body["mode"] == "inline":
        return
    event = Event.model_validate(challenge.body["event"])
    kinds = _kinds_known(proof.place or UNKNOWN_PLACE, place_of(event))
    if made_after(proof, challenge.at, policy):
        kinds |= {WITHHELD}
    names = _names_used(event, challenge.at, challenge.body["answer"]["context"].get("withheld", ()))
    known = [name for name in names if kind_of(name) in kinds]
    tx.seen_values.settle(challenge.space, challenge.identity, known, proof_key, challenge.at)


def _kinds_known(then: Place, here: Place) -> frozenset[str]:
    """The kinds of value of a request's place that a proof knows; what is withheld there only if the proof was made
    with the same withheld, and so by what this request is sent with."""
    same = all(getattr(then, part) == getattr(here, part) for part in COMPARED)
    return parts_known_to(then, here) | ({WITHHELD} if same else set())


def learn_shipped(
    tx: Transaction,
    space: str,
    event: Event,
    history: History,
    active: ActiveConfiguration,
    *,
    at: datetime,
    proven: bool,
    by_operator: bool,
) -> None:
    """Keep what an event says of the values it uses that was shipped here and succeeded; call it before the fold.

    Only at the first use of a value the model is asked for the trust there. `at` is the time by which the event ages,
    `proven` says that it is a sign-in that proves its place. What an operator imports counts at any trust.
    """
    values = values_of(tx, space, event, at, history)
    if any(seen.is_new and seen.value not in values.before for seen in values.used):
        trust = assess(row_of(event), history, active).trust
        values = values.with_use(event.session.id, trust, trust, active.policy)
    settled = Settlement("sign-in", parts_known_to(place_of(event), place_of(event))) if proven else None
    values.record(tx, at, allowed_from=-np.inf if by_operator else _needed(active.threshold(event)), settled=settled)


def _earlier(new: Iterable[SeenValue], session: str, history: History) -> History | None:
    """The histories before the first use of what is new; those of another session than then begin empty. None where
    they are not known."""
    first = min((seen for seen in new if seen.earlier is not None), key=lambda seen: seen.first_at, default=None)
    histories = unpacked_histories(first.earlier) if first is not None and first.earlier is not None else None
    if first is None or histories is None:
        return None
    same_session = first.sessions is not None and first.sessions[:1] == (session,)
    return History(histories[0], histories[1] if same_session else History.empty().session, history.credential)


def _order(seen: SeenValue) -> int:
    return (*COMPARED, WITHHELD).index(seen.kind)


def _withheld_in(session: str) -> str:
    return f"{WITHHELD} {session}"


def _hidden_by(seen: SeenValue, missing: Iterable[str], session: str) -> bool:
    """Whether a request of a session that lacks these kinds may come from a new value."""
    return (seen.kind in missing or seen.kind == WITHHELD) and seen.used_in(session)


def _first_use(name: str, at: datetime, history: History) -> SeenValue:
    """A value that was never seen, with the histories before it."""
    return SeenValue(name, at, earlier=packed_histories(history.identity, history.session))
