"""Where an identity has proven itself by a step-up within `PROVEN_DAYS`."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import bindparam

from serving.decision.inputs import RECORDED_PROOF, Proof
from serving.decision.places.place import PROVEN_DAYS, Place
from serving.store.database import Connection, Statement
from serving.store.schema import SessionKey, step_ups
from serving.store.session_state import FAILED_AFTERWARDS
from serving.times import microseconds

_COMPLETED_LATELY = (
    (step_ups.c.space == bindparam("of_space"))
    & (step_ups.c.identity == bindparam("of_identity"))
    & (step_ups.c.at > bindparam("since"))
    & (step_ups.c.at <= bindparam("at"))
    & (step_ups.c.result == "completed")
    & ~FAILED_AFTERWARDS
)
_PROVEN = Statement(
    sa.select(step_ups.c.place)
    .where(_COMPLETED_LATELY, step_ups.c.proven_network == bindparam("proven_network"))
    .limit(1)
)
MOST_PROVEN = 60
"""How many of an identity's newest proofs say where it has proven itself."""
_NEWEST_PROOFS = Statement(
    sa.select(step_ups.c.session, step_ups.c.proof_key, step_ups.c.proof)
    .where(_COMPLETED_LATELY)
    .order_by(step_ups.c.at.desc())
    .limit(MOST_PROVEN)
)


class ProvenPlaces:
    """The places of completed step-ups, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def has_proven(self, key: SessionKey, place: Place, at: datetime) -> bool:
        """Whether the identity completed a step-up on this network with this device."""
        name = place.network_on_device
        return name is not None and bool(self._connection.first(_PROVEN, **_window(key, at), proven_network=name))

    def newest_proofs(self, key: SessionKey, at: datetime) -> tuple[tuple[str | None, Proof], ...]:
        """The newest proofs of an identity in any session, expired ones as well, each with its session."""
        rows = self._connection.rows(_NEWEST_PROOFS, **_window(key, at))
        distinct = {(session, proof_key): proof for session, proof_key, proof in rows if proof is not None}
        return tuple((session, RECORDED_PROOF.validate_json(proof)) for (session, _), proof in distinct.items())


def _window(key: SessionKey, at: datetime) -> dict[str, str | int]:
    since = microseconds(at - timedelta(days=PROVEN_DAYS))
    return {"of_space": key.namespace, "of_identity": key.identity, "since": since, "at": microseconds(at)}
