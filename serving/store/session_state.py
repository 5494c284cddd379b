"""The state of a session beside its history: expiry, challenges, proofs, revocations."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy import bindparam

from serving.decision.inputs import Proof, SessionState
from serving.store.chain.hash_chain import SESSION_RENEWAL, ChainWriter
from serving.store.chain.linked_rows import STEP_UP, add_placed, insert_placed
from serving.store.database import Connection, Statement, insert_into
from serving.store.revocations import LONGEST_SESSION_SECONDS, Revocations
from serving.store.schema import SessionKey, challenges, sessions, step_ups
from serving.times import microseconds, time_of

_PROOF = TypeAdapter(Proof)

_OF_SESSION = (
    (sessions.c.space == bindparam("of_space"))
    & (sessions.c.identity == bindparam("of_identity"))
    & (sessions.c.session == bindparam("of_session"))
)
_VALID_UNTIL = Statement(sa.select(sessions.c.valid_until).where(_OF_SESSION))
_EXTEND = Statement(sa.update(sessions).where(_OF_SESSION), ("valid_until",))
_BEGIN_SESSION = insert_into(sessions)
_PROMPTS = Statement(
    sa.select(challenges.c.category, challenges.c.resource_type, challenges.c.remedy, challenges.c.asked_by).where(
        challenges.c.space == bindparam("of_space"),
        challenges.c.identity == bindparam("of_identity"),
        challenges.c.asked_at > bindparam("since"),
        challenges.c.asked_at <= bindparam("at"),
    )
)
_ADD_STEP_UP = insert_placed(step_ups)
_PROOFS = Statement(
    sa.select(step_ups.c.proof)
    .where(
        step_ups.c.space == bindparam("of_space"),
        step_ups.c.identity == bindparam("of_identity"),
        step_ups.c.session == bindparam("of_session"),
        step_ups.c.at <= bindparam("at"),
        step_ups.c.result == "completed",
        step_ups.c.expires_at.is_(None) | (step_ups.c.expires_at > bindparam("at")),
    )
    .order_by(step_ups.c.at, step_ups.c.place)
)
_COMPLETED = Statement(
    sa.select(step_ups.c.place)
    .where(step_ups.c.decision_id == bindparam("decision_id"), step_ups.c.result == "completed")
    .limit(1)
)
_CHALLENGED_FOR = Statement(
    sa.select(challenges.c.decision_id, challenges.c.asked_at)
    .where(
        challenges.c.space == bindparam("of_space"),
        challenges.c.identity == bindparam("of_identity"),
        challenges.c.session == bindparam("of_session"),
        challenges.c.category.is_not_distinct_from(bindparam("category")),
        challenges.c.resource_type.is_not_distinct_from(bindparam("resource_type")),
        challenges.c.asked_at <= bindparam("at"),
    )
    .order_by(challenges.c.asked_at.desc())
    .limit(100)
)
"""The newest hundred: older ones no longer matter to any proof."""


class Sessions:
    """The state of sessions beside their histories, within one transaction."""

    def __init__(self, connection: Connection, chain: ChainWriter) -> None:
        self._connection = connection
        self._chain = chain

    def state(
        self,
        key: SessionKey,
        *,
        category: str | None,
        resource_type: str | None,
        at: datetime,
        window_seconds: float = 3600.0,
        longest_session_seconds: float = LONGEST_SESSION_SECONDS,
    ) -> SessionState:
        """The state of a session at a time, for a request of this category and resource type.

        `window_seconds` is how far back prompts are counted; a session's revocation counts for
        `longest_session_seconds`.
        """
        denials = Revocations(self._connection, self._chain).denials(key, at, longest_session_seconds)
        until = microseconds(at)
        scope = {"category": category, "resource_type": resource_type}
        challenged = self._connection.rows(_CHALLENGED_FOR, **_names(key), **scope, at=until)
        since = until - int(window_seconds * 1_000_000)
        prompts = self._connection.rows(_PROMPTS, **_names(key), since=since, at=until)
        remedies = [remedy for *about, remedy, _ in prompts if about == [category, resource_type] and remedy]
        return SessionState(
            revocation=denials.revocation,
            session_revoked_at=denials.session_revoked_at,
            valid_until=self._valid_until(key),
            prompts_in_window=len(prompts),
            prompts_by_remedy=Counter(remedies),
            prompts_by_rule=Counter(name for *_, names in prompts for name in (names or "").splitlines()),
            challenged_at={decision_id: time_of(asked_at) for decision_id, asked_at in challenged},
        )

    def set_valid_until(self, key: SessionKey, valid_until: datetime, challenge: str | None = None) -> None:
        """Let a session continue until then without fresh proof; a session without an id is not stored.

        `challenge` is the decision whose challenge was answered; without it the decision recorded next says so itself.
        """
        until = microseconds(valid_until)
        if key.session is not None and challenge is not None:
            self._chain.append_body(SESSION_RENEWAL, challenge, {"valid_until": until})
        if key.session is not None and self._connection.change(_EXTEND, **_names(key), valid_until=until) == 0:
            columns = {"space": key.namespace, "identity": key.identity, "session": key.session}
            self._connection.change(_BEGIN_SESSION, **columns, valid_until=until)

    def add_step_up(
        self,
        key: SessionKey,
        *,
        decision_id: str | None,
        result: str,
        proof: Proof | None,
        at: datetime,
        version: int,
    ) -> None:
        """Record the result of a challenge: `completed` with its proof, `failed` or `abandoned`."""
        row = {
            "space": key.namespace,
            "identity": key.identity,
            "session": key.session,
            "version": version,
            "decision_id": decision_id,
            "result": result,
            "at": microseconds(at),
            "expires_at": microseconds(proof.expires_at) if proof and proof.expires_at else None,
            "proof": _PROOF.dump_json(proof).decode() if proof else None,
        }
        add_placed(self._connection, self._chain, STEP_UP, _ADD_STEP_UP, row)

    def has_completed(self, decision_id: str) -> bool:
        """Whether the challenge of this decision was completed, however long ago."""
        return self._connection.first(_COMPLETED, decision_id=decision_id) is not None

    def proofs(self, key: SessionKey, at: datetime) -> tuple[Proof, ...]:
        """Completed step-ups of a session reported by then and not yet expired, oldest first."""
        rows = self._connection.rows(_PROOFS, **_names(key), at=microseconds(at))
        return tuple(_PROOF.validate_json(proof) for (proof,) in rows if proof is not None)

    def _valid_until(self, key: SessionKey) -> datetime | None:
        row = self._connection.first(_VALID_UNTIL, **_names(key))
        return time_of(row[0]) if row else None


def _names(key: SessionKey) -> dict[str, str | None]:
    return {"of_space": key.namespace, "of_identity": key.identity, "of_session": key.session}
