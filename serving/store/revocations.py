"""Revocations: sessions and identities whose every request is denied, until an administrator lifts it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import bindparam

from features.event.identifiers import comparable_id
from features.event.lookalikes import comparable_name
from serving.decision.inputs import Revocation
from serving.store.chain.hash_chain import ChainWriter
from serving.store.chain.linked_rows import LIFTED, REVOCATION, add_placed, insert_placed
from serving.store.database import Connection, Statement
from serving.store.schema import SessionKey, revocations
from serving.times import microseconds, time_of

LONGEST_SESSION = timedelta(days=30)
"""How long a revoked session may have gone on, by NIST SP 800-63B-4."""

_OF_IDENTITY = Statement(
    sa.select(
        revocations.c.session_spelling,
        revocations.c.session,
        revocations.c.at,
        revocations.c.by,
        revocations.c.reason,
        revocations.c.lifts,
    )
    .where(
        revocations.c.space == bindparam("of_space"),
        (revocations.c.identity_spelling == bindparam("of_identity"))
        | (revocations.c.identity_spelling == bindparam("of_id")),
    )
    .order_by(revocations.c.place)
)
_INSERT = insert_placed(revocations)


class Denials(NamedTuple):
    """What revocations say of a request: whether it is denied and, if not, when another session of its identity was
    revoked last."""

    revocation: Revocation | None
    session_revoked_at: datetime | None


def denials_of(in_force: Mapping[str | None, Revocation], session: str | None, at: datetime) -> Denials:
    """What revocations that are not lifted, by the spelling of their session, say of a request at a time.

    A session's revocation ends with the longest session there can be; that of an identity stands until it is lifted.
    """
    named = {spelling: each for spelling, each in in_force.items() if spelling is not None}
    sessions = {spelling: each for spelling, each in named.items() if each.at >= at - LONGEST_SESSION}
    own = None if session is None else sessions.get(comparable_name(session))
    others = None if own else max((each.at for each in sessions.values()), default=None)
    return Denials(in_force.get(None) or own, others)


class Revocations:
    """Revocations of identities and sessions in any spelling, within one transaction."""

    def __init__(self, connection: Connection, chain: ChainWriter) -> None:
        self._connection = connection
        self._chain = chain

    def revoke(self, key: SessionKey, *, at: datetime, by: str, reason: str) -> None:
        """Deny every request of a session from now on, or of the whole identity when no session is given."""
        self._add(key, at, by, reason, lifts=0)

    def lift(self, key: SessionKey, *, at: datetime, by: str, reason: str) -> bool:
        """End the revocation of a session, or of the identity as a whole; returns whether there was one."""
        spelling = None if key.session is None else comparable_name(key.session)
        if spelling not in self._in_force(key):
            return False
        self._add(key, at, by, reason, lifts=1)
        return True

    def denials(self, key: SessionKey, at: datetime) -> Denials:
        """What is revoked for a request at a time."""
        return denials_of(self._in_force(key), key.session, at)

    def is_binding(self, namespace: str, identity: str, at: datetime) -> bool:
        """Whether any revocation of an identity or of one of its sessions still denies requests."""
        oldest = at - LONGEST_SESSION
        in_force = self._in_force(SessionKey(namespace, identity))
        return any(session is None or each.at >= oldest for session, each in in_force.items())

    def _in_force(self, key: SessionKey) -> dict[str | None, Revocation]:
        """The revocations of an identity that are not lifted, by the spelling of the session, None for all of them."""
        in_force: dict[str | None, Revocation] = {}
        names = {"of_identity": comparable_name(key.identity), "of_id": comparable_id(key.identity)}
        rows = self._connection.rows(_OF_IDENTITY, of_space=key.namespace, **names)
        for spelling, session, at, by, reason, lifts in rows:
            in_force.pop(spelling, None)
            if not lifts:
                in_force[spelling] = Revocation(session=session, at=time_of(at), by=by, reason=reason)
        return in_force

    def _add(self, key: SessionKey, at: datetime, by: str, reason: str, lifts: int) -> None:
        row = {
            "space": key.namespace,
            "identity": key.identity,
            "identity_spelling": comparable_name(key.identity),
            "session": key.session,
            "session_spelling": None if key.session is None else comparable_name(key.session),
            "at": microseconds(at),
            "by": by,
            "reason": reason,
            "lifts": lifts,
        }
        add_placed(self._connection, self._chain, LIFTED if lifts else REVOCATION, _INSERT, row)
