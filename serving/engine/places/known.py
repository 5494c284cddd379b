"""What the store knows of the place of a request: what is habitual, where claims were made, what was proven."""

from __future__ import annotations

from serving.decision.places.place import Habits, KnownPlaces, place_of
from serving.engine.score_context import INLINE, ScoreContext
from serving.store.schema import LIVE, SessionKey
from serving.store.store import Transaction


def remember_place(tx: Transaction, context: ScoreContext, *, again: bool) -> KnownPlaces:
    """Record what a request says of its place, and return what was known of it before.

    A request that carries its own history teaches no habits, and none are known of it; proofs and claims of the live
    session count for it. A request asked again is not counted: a habit cannot be had by repetition.
    """
    event, namespace = context.event, context.namespace
    if context.assured and not context.inline:
        tx.claim_places.add_sign_in(namespace, event)
    habits = Habits()
    if not context.inline:
        habits = tx.field_presence.observe(namespace, context.caller.id, event, context.at, again=again)
    namespaces = (LIVE, INLINE) if context.beside_live else (namespace,)
    claims = tx.claim_places.place_claims(namespaces, event)
    place, keys = place_of(event), [SessionKey(each, event.identity.id) for each in namespaces]
    proven = any(tx.proven_places.has_proven(key, place, context.at) for key in keys)
    return KnownPlaces(habits, proven, claims)
