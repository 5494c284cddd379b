"""Where each proof that a request claims was made: on the sign-in that the identity provider reported, else on the
first request that carried the claim.

Defends against a subject that replays a session or a token elsewhere: the claim stays where it was first seen, whatever
the session, and whichever of its factors a gateway passes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy import bindparam

from features.event.schema import Event
from serving.decision.places.comparison import place_differences
from serving.decision.places.place import Place, place_of
from serving.decision.proofs import claimed_proofs
from serving.policy.schema import ProofKind
from serving.store.chain.hash_chain import ChainWriter
from serving.store.chain.linked_rows import CLAIM_PLACE, add_placed, insert_placed
from serving.store.database import Connection, Statement
from serving.store.places.tables import claim_places
from serving.times import microseconds

_PLACE = TypeAdapter(Place)
_SIGN_IN: ProofKind = "interactive_mfa"
_BEFORE, SIGN_IN_AFTER = timedelta(seconds=1), timedelta(seconds=5)
"""How far the times of a sign-in's report and of its claims may lie apart: one has whole seconds, clocks differ."""
_FOUND = Statement(
    sa.select(claim_places.c.source, claim_places.c.at, claim_places.c.credential, claim_places.c.made_on)
    .where(
        claim_places.c.space == bindparam("of_space"),
        claim_places.c.identity == bindparam("of_identity"),
        claim_places.c.kind == bindparam("of_kind"),
        claim_places.c.at >= bindparam("since"),
        claim_places.c.at <= bindparam("until"),
    )
    .order_by(claim_places.c.place)
)
_ADD = insert_placed(claim_places)


class _Found(NamedTuple):
    source: str
    at: int
    credential: str | None
    made_on: str

    @property
    def place(self) -> Place:
        return _PLACE.validate_json(self.made_on)


class ClaimPlaces:
    """Where claims were made, within one transaction."""

    def __init__(self, connection: Connection, chain: ChainWriter) -> None:
        self._connection = connection
        self._chain = chain

    def add_sign_in(self, namespace: str, event: Event) -> None:
        """Record where a sign-in was made, if the event is a successful one: not where it only continues an earlier
        sign-in, as single sign-on does."""
        at = event.authentication.time or event.time
        happened = event.action.category == "authenticate" and event.action.outcome == "success"
        if not happened or not -SIGN_IN_AFTER <= event.time - at <= SIGN_IN_AFTER:
            return
        found = self._found(namespace, event.identity.id, _SIGN_IN, at)
        if not any((each.source, each.at) == ("sign_in", microseconds(at)) for each in found):
            self._add(namespace, event, _SIGN_IN, at, "sign_in")

    def place_claims(self, namespaces: Sequence[str], event: Event) -> dict[str, Place]:
        """Where the claims of a request were made, by the kind of proof; one that no request carried before was made
        here, and that is recorded in the last of the namespaces."""
        places: dict[str, Place] = {}
        for claim in claimed_proofs(event):
            found = [
                each
                for namespace in namespaces
                for each in self._found(namespace, event.identity.id, claim.kind, claim.made_at)
            ]
            first = next((each for each in found if _is_first(each, event, claim.kind, claim.made_at)), None)
            if first is None:
                self._add(namespaces[-1], event, claim.kind, claim.made_at, "request")
            carried = place_of(event) if first is None else first.place
            places[claim.kind] = _with_sign_in(carried, found, claim.made_at)
        return places

    def sign_in_place(self, namespace: str, identity: str, at: datetime) -> Place | None:
        """Where a person signed in at this time, as far as a report or a request says; None if none does."""
        found = self._found(namespace, identity, _SIGN_IN, at)
        carried = next((each.place for each in found if each.source == "request" and _same_time(each.at, at)), None)
        signed_in = _nearest_sign_in(found, at)
        return carried if signed_in is None else signed_in

    def _found(self, namespace: str, identity: str, kind: str, at: datetime) -> list[_Found]:
        names = {"of_space": namespace, "of_identity": identity, "of_kind": kind}
        since, until = microseconds(at - _BEFORE), microseconds(at + SIGN_IN_AFTER)
        return [_Found(*row) for row in self._connection.rows(_FOUND, **names, since=since, until=until)]

    def _add(self, namespace: str, event: Event, kind: str, at: datetime, source: str) -> None:
        row = {
            "space": namespace,
            "identity": event.identity.id,
            "kind": kind,
            "at": microseconds(at),
            "credential": None if kind == _SIGN_IN else event.credential.id,
            "source": source,
            "made_on": _PLACE.dump_json(place_of(event)).decode(),
        }
        add_placed(self._connection, self._chain, CLAIM_PLACE, _ADD, row)


def _is_first(found: _Found, event: Event, kind: str, at: datetime) -> bool:
    """Whether a row is of the same claim. Credentials that are issued in the same second differ by their ids, where
    both are known; a sign-in is the same with any credential."""
    ids = {found.credential, event.credential.id} - {None}
    same = kind == _SIGN_IN or len(ids) < 2
    return found.source == "request" and _same_time(found.at, at) and same


def _same_time(found: int, at: datetime) -> bool:
    """Whether two times may be the same one, of which a gateway passed on whole seconds."""
    time = microseconds(at)
    cut = 0 in (found % 1_000_000, time % 1_000_000)
    return found == time or (cut and found // 1_000_000 == time // 1_000_000)


def _nearest_sign_in(found: Sequence[_Found], at: datetime) -> Place | None:
    reported = [each for each in found if each.source == "sign_in"]
    nearest = min(reported, key=lambda each: abs(each.at - microseconds(at)), default=None)
    return None if nearest is None else nearest.place


def _with_sign_in(carried: Place, found: Sequence[_Found], at: datetime) -> Place:
    """Where a claim was made. The first request that carried it lends a reported sign-in the credential whose
    possession it proved, if it came from there."""
    signed_in = _nearest_sign_in(found, at)
    if signed_in is None:
        return carried
    return signed_in if place_differences(signed_in, carried) else replace(signed_in, possession=carried.possession)
