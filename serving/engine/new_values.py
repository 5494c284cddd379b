"""Which network, device and client of a request are new to its identity, and what the lowest trust there was.

Defends against the subject: an attacker with a stolen session cannot buy a habit by volume. A value is new from its
first use until a proof made there has settled a step-up, until an identity provider reported a sign-in with strong
factors there, or until it was allowed on three different days. An identity's first values are new as well; since trust
was high when they came, that asks for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from features.arrays import Array
from features.event.ip_network import prefix_of
from features.event.numpy_row import row_of
from features.event.schema import Category, Event
from features.history.layout import History
from features.model.trust_curve import TrustCurve
from serving.decision.inputs import Proof
from serving.decision.lowest_trust import WITHHELD, LowestTrust, counts_for
from serving.decision.places.comparison import COMPARED, is_attested
from serving.decision.places.place import client_of
from serving.decision.proofs import assurance, model_requirement
from serving.engine.assessment import assess
from serving.engine.places.withheld import row_with_stand_ins
from serving.engine.score_context import ScoreContext
from serving.model.active import ActiveConfiguration
from serving.policy.schema import Policy
from serving.store.decision_log import DecisionRecord
from serving.store.places.claim_places import SIGN_IN_AFTER
from serving.store.places.field_presence import groups_present
from serving.store.schema import LIVE
from serving.store.seen_values import (
    BY_HISTORY,
    EARLIER_HISTORY,
    SeenValue,
    kind_of,
    packed_histories,
    unpacked_histories,
)
from serving.store.store import Transaction

_IN_HISTORY = {
    "network": (("asn", "asn_key"), ("country", "country_key")),
    "device": (("instance", "instance_key"),),
    "client": (("agent", "agent_key"),),
}
"""The fields of an event's row that make up a value, each with the table of the identity's history that knows it."""


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
        self, event: Event, category: Category | None, row: Array, history: History, active: ActiveConfiguration
    ) -> LowestTrust | None:
        """The lowest trust that counts for a request. For one that is more than a read it is also no higher than the
        model would say had this request been the first from there: reads may have been trusted more."""
        lowest = self.lowest
        again = [seen for seen in (*self.used, *self.beside) if seen.is_new and seen.value in self.before]
        earlier = _earlier(again, event.session.id or "", history)
        if lowest is None or earlier is None or not counts_for(category):
            return lowest
        hidden = bool(self.beside) or any(seen.kind == WITHHELD for seen in again)
        first = assess(row_with_stand_ins(event, row) if hidden else row, earlier, active).trust
        if first is None or not np.isfinite(first.now_log_odds):
            return lowest
        as_sent = lowest.trust_as_sent if hidden else min(lowest.trust_as_sent, first.now)
        return replace(lowest, trust=min(lowest.trust, first.now), trust_as_sent=as_sent)

    def record(self, tx: Transaction, at: datetime, *, allowed: bool, settled_by: str | None) -> None:
        """Write what has changed; `settled_by` is the proof made here, if there is one."""
        for seen in self.used:
            after = seen.with_day(at.toordinal()) if allowed else seen
            if settled_by is not None and after.is_new:
                after = after.settled(settled_by)
            tx.seen_values.put(self.space, self.identity, self.before.get(seen.value), after)


def values_of_request(
    tx: Transaction, context: ScoreContext, row: Array, history: History, withheld: Iterable[str]
) -> RequestValues:
    """What is known of the values of a request to `POST /score`. One of this moment that carries its own history meets
    the live identity's new values; one of the past with its own history meets none. Neither is kept."""
    event = context.event
    if not context.inline:
        return values_of(tx, context.namespace, event, context.at, row, history, withheld)
    if not context.beside_live:
        return RequestValues(context.namespace, event.identity.id, {}, ())
    live = values_of(tx, LIVE, event, context.at, row, history, withheld)
    return replace(live, used=tuple(seen for seen in live.used if seen.value in live.before))


def values_of(
    tx: Transaction, space: str, event: Event, at: datetime, row: Array, history: History, withheld: Iterable[str] = ()
) -> RequestValues:
    """What is known of the values that an event uses, in one SELECT. `history` is what was known before it.

    Where a caller withholds what it habitually sends of the identity, every new value of the identity counts as well;
    where a part is missing without a habit, the new ones of that kind that this session used.
    """
    identity, session = event.identity.id, event.session.id or ""
    names = value_names(event, at, withheld)
    missing = [kind for kind, there in zip(COMPARED, groups_present(event), strict=False) if not there]
    asked = (*names, *([] if withheld else [_withheld_in(session)]), EARLIER_HISTORY)
    found = tx.seen_values.find(space, identity, asked, and_new=bool(missing or withheld))
    earlier = EARLIER_HISTORY in found
    used = tuple(found.get(name) or _first_use(name, at, row, history, earlier=earlier) for name in names)
    others = [seen for name, seen in found.items() if seen.is_new and name not in names]
    beside = others if withheld else [seen for seen in others if _hidden_by(seen, missing, session)]
    return RequestValues(space, identity, found, used, tuple(beside))


def value_names(event: Event, at: datetime, withheld: Iterable[str] = ()) -> tuple[str, ...]:
    """The values that a request uses, as the store names them: network by operator and country, device by id, client
    by family and system, and what the session withholds. An attested workload's network and instance are left out: it
    is known by its credential wherever it runs."""
    network, device = event.network, event.device
    names = []
    if not is_attested(event, at):
        if network.asn is not None or network.country is not None:
            names.append(f"network AS{network.asn or '?'} {network.country or '?'}")
        elif network.ip is not None:
            names.append(f"network {prefix_of(network.ip) or network.ip}")
        if device.id is not None:
            names.append(f"device {device.id}")
    if device.user_agent is not None:
        names.append(f"client {client_of(device.user_agent)}")
    return (*names, *([_withheld_in(event.session.id or "")] if any(True for _ in withheld) else []))


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


def settle_challenged(tx: Transaction, challenge: DecisionRecord, proof_key: str) -> None:
    """A proof has answered a challenge: the values of the challenged request are no longer new."""
    if challenge.body["mode"] == "inline":
        return
    event = Event.model_validate(challenge.body["event"])
    names = value_names(event, challenge.at, challenge.body["answer"]["context"].get("withheld", ()))
    tx.seen_values.settle(challenge.space, challenge.identity, names, proof_key, challenge.at)


def learn_shipped(
    tx: Transaction,
    space: str,
    event: Event,
    history: History,
    active: ActiveConfiguration,
    *,
    at: datetime,
    proven: bool,
) -> None:
    """Keep what an event says of the values it uses that was shipped here and succeeded; call it before the fold.

    Only at the first use of a value the model is asked for the trust there. `at` is the time by which the event ages,
    `proven` says that it is a sign-in that proves its place.
    """
    row = row_of(event)
    values = values_of(tx, space, event, at, row, history)
    if any(seen.is_new and seen.value not in values.before for seen in values.used):
        trust = assess(row, history, active).trust
        values = values.with_use(event.session.id, trust, trust, active.policy)
    values.record(tx, at, allowed=True, settled_by="sign-in" if proven else None)


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


def _first_use(name: str, at: datetime, row: Array, history: History, *, earlier: bool) -> SeenValue:
    """A value that was never seen; where the identity's history is older than what is kept of values, that decides."""
    if earlier and _in_history(kind_of(name), row, history.identity):
        return SeenValue(name, at, settled_by=BY_HISTORY)
    return SeenValue(name, at, earlier=packed_histories(history.identity, history.session))


def _in_history(kind: str, row: Array, habits: Array) -> bool:
    """Whether an identity's history knows a value; of a network without operator and country it knows the prefix."""
    fields = _IN_HISTORY.get(kind, ())
    keys = [(int(row[field][0]), habits[table][0]) for field, table in fields]
    present = [(key, known) for key, known in keys if key != 0]
    if kind == "network" and not present:
        present = [(int(row["network"][0]), habits["network_key"][0])]
    return bool(present) and all(key != 0 and key in known for key, known in present)
