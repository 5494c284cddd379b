"""The state of a session beside its history: expiry, challenges, proofs, revocations."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from itertools import product
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import bindparam

from serving.decision.inputs import RECORDED_PROOF, Proof, SessionState
from serving.store.chain.hash_chain import SESSION_RENEWAL, ChainWriter
from serving.store.chain.linked_rows import STEP_UP, add_placed, insert_placed
from serving.store.database import Connection, Statement, insert_into
from serving.store.prompts.counts import PromptCounts
from serving.store.revocations import Revocations
from serving.store.schema import SessionKey, challenges, sessions, step_ups
from serving.times import microseconds, time_of

_OF_SESSION = (
    (sessions.c.space == bindparam("of_space"))
    & (sessions.c.identity == bindparam("of_identity"))
    & (sessions.c.session == bindparam("of_session"))
)
_VALID_UNTIL = Statement(sa.select(sessions.c.valid_until).where(_OF_SESSION))
_EXTEND = Statement(sa.update(sessions).where(_OF_SESSION), ("valid_until",))
_BEGIN_SESSION = insert_into(sessions)
_ADD_STEP_UP = insert_placed(step_ups)
_failed = step_ups.alias("failed")
FAILED_AFTERWARDS = (
    sa.select(_failed.c.place)
    .where(
        _failed.c.space == step_ups.c.space,
        _failed.c.result == "failed",
        _failed.c.place > step_ups.c.place,
        (_failed.c.decision_id == step_ups.c.decision_id) | (_failed.c.proof_key == step_ups.c.proof_key),
    )
    .exists()
)
"""Whether a challenge that the proof answered was reported as failed later."""
_PROOFS = Statement(
    sa.select(step_ups.c.proof, challenges.c.asked_at)
    .outerjoin(challenges, challenges.c.decision_id == step_ups.c.decision_id)
    .where(
        step_ups.c.space == bindparam("of_space"),
        step_ups.c.identity == bindparam("of_identity"),
        step_ups.c.session == bindparam("of_session"),
        step_ups.c.at <= bindparam("at"),
        step_ups.c.result == "completed",
        step_ups.c.expires_at.is_(None) | (step_ups.c.expires_at > bindparam("at")),
        ~FAILED_AFTERWARDS,
    )
    .order_by(step_ups.c.at, step_ups.c.place)
)
_COMPLETED = Statement(
    sa.select(step_ups.c.proof_key, step_ups.c.expires_at, FAILED_AFTERWARDS)
    .where(step_ups.c.decision_id == bindparam("decision_id"), step_ups.c.result == "completed")
    .limit(1)
)
_GIVEN_IN = Statement(
    sa.select(step_ups.c.identity, step_ups.c.session)
    .where(
        step_ups.c.space == bindparam("of_space"),
        step_ups.c.proof_key == bindparam("proof_key"),
        step_ups.c.result == "completed",
    )
    .limit(1)
)
_MADE_AT = Statement(
    sa.select(step_ups.c.session, step_ups.c.proof).where(
        step_ups.c.space == bindparam("of_space"),
        step_ups.c.identity == bindparam("of_identity"),
        step_ups.c.at == bindparam("made_at"),
        step_ups.c.result == "completed",
    )
)
MOST_FAILURES = 1_000
"""How many failed step-ups are counted at most: one more changes no ruling, and counting them costs time."""
_FAILURES = Statement(
    sa.select(sa.func.count()).select_from(
        sa.select(step_ups.c.place)
        .where(
            step_ups.c.space == bindparam("of_space"),
            step_ups.c.identity == bindparam("of_identity"),
            step_ups.c.result == "failed",
            step_ups.c.at > bindparam("since"),
            step_ups.c.at <= bindparam("at"),
        )
        .limit(MOST_FAILURES)
        .subquery()
    )
)
_OPEN = Statement(
    sa.select(challenges.c.decision_id)
    .where(
        challenges.c.space == bindparam("of_space"),
        challenges.c.identity == bindparam("of_identity"),
        challenges.c.session == bindparam("of_session"),
        challenges.c.asked_at > bindparam("since"),
        ~sa.select(step_ups.c.place)
        .where(step_ups.c.decision_id == challenges.c.decision_id, step_ups.c.result == "completed")
        .exists(),
    )
    .order_by(challenges.c.asked_at.desc())
    .limit(20)
)
"""The newest twenty: one proof is not expected to answer more."""


def _last_challenge(category: bool, resource_type: bool) -> Statement:
    """The newest challenge of a session for a scope, of which either part may be unknown: an index finds it."""
    scope = {"category": category, "resource_type": resource_type}
    same = [
        challenges.c[name] == bindparam(name) if known else challenges.c[name].is_(None)
        for name, known in scope.items()
    ]
    return Statement(
        sa.select(challenges.c.decision_id, challenges.c.asked_at)
        .where(
            challenges.c.space == bindparam("of_space"),
            challenges.c.identity == bindparam("of_identity"),
            challenges.c.session == bindparam("of_session"),
            *same,
            challenges.c.asked_at <= bindparam("at"),
        )
        .order_by(challenges.c.asked_at.desc())
        .limit(1)
    )


_LAST_CHALLENGE = {known: _last_challenge(*known) for known in product((True, False), repeat=2)}
"""By whether category and resource type are known."""


class Completion(NamedTuple):
    """A challenge that was completed: the key of its proof, when its elevation ends, and whether it failed since."""

    proof_key: str | None
    elevated_until: datetime | None
    failed: bool


class Sessions:
    """The state of sessions beside their histories, within one transaction."""

    def __init__(self, connection: Connection, chain: ChainWriter) -> None:
        self._connection = connection
        self._chain = chain
        self.prompts = PromptCounts(connection)

    def state(
        self,
        key: SessionKey,
        *,
        category: str | None,
        resource_type: str | None,
        at: datetime,
        window_seconds: float = 3600.0,
        failures_within_seconds: float = 3600.0,
    ) -> SessionState:
        """The state of a session at a time, for a request of this category and resource type.

        `window_seconds` is how far back prompts are counted, `failures_within_seconds` failed step-ups; a session's
        revocation counts for `longest_session_seconds`.
        """
        denials = Revocations(self._connection, self._chain).denials(key, at)
        until = microseconds(at)
        scope = {"category": category, "resource_type": resource_type}
        last = _LAST_CHALLENGE[category is not None, resource_type is not None]
        challenged = self._connection.rows(last, **_names(key), **scope, at=until)
        counted = self.prompts.within(key, (category, resource_type), at, window_seconds)
        failures_since = until - int(failures_within_seconds * 1_000_000)
        failures = self._connection.first(_FAILURES, **_identity(key), since=failures_since, at=until)
        return SessionState(
            revocation=denials.revocation,
            session_revoked_at=denials.session_revoked_at,
            valid_until=self._valid_until(key),
            prompts_in_window=counted.prompts,
            prompts_by_remedy=counted.by_remedy,
            prompts_by_rule=counted.by_rule,
            challenged_at={decision_id: time_of(asked_at) for decision_id, asked_at in challenged},
            failed_step_ups=failures[0] if failures else 0,
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
        proof_key: str | None = None,
    ) -> None:
        """Record the result of a challenge: `completed` with its proof, `failed` or `abandoned`."""
        if result == "completed" and decision_id is not None:
            self.prompts.answered(decision_id)
        row = {
            "space": key.namespace,
            "identity": key.identity,
            "session": key.session,
            "version": version,
            "decision_id": decision_id,
            "result": result,
            "at": microseconds(at),
            "expires_at": microseconds(proof.expires_at) if proof and proof.expires_at else None,
            "proof": RECORDED_PROOF.dump_json(proof).decode() if proof else None,
            "proof_key": proof_key,
            "proven_network": proof.place.network_on_device if proof and proof.place else None,
        }
        add_placed(self._connection, self._chain, STEP_UP, _ADD_STEP_UP, row)

    def completion(self, decision_id: str) -> Completion | None:
        """How the challenge of this decision was completed, however long ago; None if it was not."""
        row = self._connection.first(_COMPLETED, decision_id=decision_id)
        return Completion(row[0], time_of(row[1]) if row[1] else None, bool(row[2])) if row else None

    def proof_given_in(self, namespace: str, proof_key: str) -> tuple[str, str | None] | None:
        """The identity and session in which a proof completed a challenge; None if it was never given."""
        row = self._connection.first(_GIVEN_IN, of_space=namespace, proof_key=proof_key)
        return (row[0], row[1]) if row else None

    def proofs_made_at(self, key: SessionKey, made_at: datetime) -> tuple[tuple[str | None, Proof], ...]:
        """The proofs of an identity that were made at this moment, each with its session."""
        rows = self._connection.rows(_MADE_AT, **_identity(key), made_at=microseconds(made_at))
        return tuple((session, RECORDED_PROOF.validate_json(proof)) for session, proof in rows if proof is not None)

    def open_challenges(self, key: SessionKey, since: datetime) -> tuple[str, ...]:
        """The decisions that have asked a session for proof since then and got none, newest first."""
        return tuple(row[0] for row in self._connection.rows(_OPEN, **_names(key), since=microseconds(since)))

    def proofs(self, key: SessionKey, at: datetime) -> tuple[Proof, ...]:
        """Completed step-ups of a session reported by then and not yet expired, oldest first."""
        rows = self._connection.rows(_PROOFS, **_names(key), at=microseconds(at))
        return tuple(
            _asked_at(RECORDED_PROOF.validate_json(proof), asked_at) for proof, asked_at in rows if proof is not None
        )

    def _valid_until(self, key: SessionKey) -> datetime | None:
        row = self._connection.first(_VALID_UNTIL, **_names(key))
        return time_of(row[0]) if row else None


def _asked_at(proof: Proof, asked_at: int | None) -> Proof:
    """A proof with the time of the challenge that it completed, which proofs of 0.1 did not name."""
    return proof if proof.asked_at or asked_at is None else replace(proof, asked_at=time_of(asked_at))


def _identity(key: SessionKey) -> dict[str, str]:
    return {"of_space": key.namespace, "of_identity": key.identity}


def _names(key: SessionKey) -> dict[str, str | None]:
    return {"of_space": key.namespace, "of_identity": key.identity, "of_session": key.session}
