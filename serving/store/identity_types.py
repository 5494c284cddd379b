"""The type of each identity: which ones were declared, the one that was fixed, and who fixed it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam

from features.event.identifiers import comparable_id
from features.event.schema import Event, IdentityType
from serving.decision.readings import NO_TYPES, KnownTypes
from serving.store.chain.hash_chain import ChainWriter
from serving.store.chain.linked_rows import IDENTITY_TYPE, new_salt
from serving.store.database import Connection, Statement, insert_into
from serving.store.schema import identity_types

_OF_IDENTITY = (identity_types.c.space == bindparam("of_space")) & (
    identity_types.c.identity == bindparam("of_identity")
)
_READ = Statement(
    sa.select(
        identity_types.c.fixed, identity_types.c.fixed_by, identity_types.c.declared, identity_types.c.salt
    ).where(_OF_IDENTITY)
)
_SPELT_ALIKE = Statement(
    sa.select(identity_types.c.identity)
    .where(identity_types.c.space == bindparam("of_space"), identity_types.c.spelling == bindparam("of_spelling"))
    .order_by((identity_types.c.identity == bindparam("as_spelt")).desc(), identity_types.c.identity)
    .limit(1)
)
_CHANGE = Statement(sa.update(identity_types).where(_OF_IDENTITY), ("fixed", "fixed_by", "declared", "salt"))
_INSERT = insert_into(identity_types)


class IdentityTypes:
    """Types of identities, within one transaction."""

    def __init__(self, connection: Connection, chain: ChainWriter) -> None:
        self._connection = connection
        self._chain = chain

    def as_known(self, namespace: str, event: Event) -> Event:
        """The event with the identity in the spelling it is known by: its own, else the one that came first. Whoever
        spells an id otherwise gains no other history, type or task by it."""
        known = self.known_spelling(namespace, event.identity.id)
        if known == event.identity.id:
            return event
        return event.model_copy(update={"identity": event.identity.model_copy(update={"id": known})})

    def known_spelling(self, namespace: str, identity: str) -> str:
        """The spelling that an id is known by; its own, if it is known in none or in this one."""
        about = {"of_space": namespace, "of_spelling": comparable_id(identity), "as_spelt": identity}
        row = self._connection.first(_SPELT_ALIKE, **about)
        return identity if row is None else str(row[0])

    def of(self, namespace: str, identity: str) -> KnownTypes:
        """What is known of an identity's type; nothing of one that was never seen."""
        return _known(self._connection.first(_READ, of_space=namespace, of_identity=identity))

    def declare(self, namespace: str, identity: str, declared: IdentityType, *, fixing: str | None) -> KnownTypes:
        """Record a declared type. `fixing` names who may fix it (a key, an importer); the first to do so has fixed it.

        Returns what was known before.
        """
        row = self._connection.first(_READ, of_space=namespace, of_identity=identity)
        known = _known(row)
        fixes = known.fixed is None and fixing is not None
        if not fixes and declared in known.declared:
            return known
        values = {
            "fixed": declared if fixes else known.fixed,
            "fixed_by": fixing if fixes else row[1] if row else None,
            "declared": " ".join(dict.fromkeys((*known.declared, declared))),
            "salt": (row and row[3]) or new_salt(),
        }
        self._chain.append(IDENTITY_TYPE.link_of({"space": namespace, "identity": identity} | values))
        if row is None:
            spelling = comparable_id(identity)
            self._connection.change(_INSERT, space=namespace, identity=identity, spelling=spelling, **values)
        else:
            self._connection.change(_CHANGE, of_space=namespace, of_identity=identity, **values)
        return known


def _known(row: tuple[Any, ...] | None) -> KnownTypes:
    if row is None:
        return NO_TYPES
    fixed, _, declared, _ = row
    return KnownTypes(fixed, tuple(declared.split()))
