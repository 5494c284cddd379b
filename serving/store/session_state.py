"""What is known of a session beside its history: expiry, challenges, proofs, revocations."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy import bindparam

from serving.decision.decide import Proof, Revocation, Standing
from serving.store.database import Connection, Statement, inserting
from serving.store.schema import Who, challenges, revocations, sessions, step_ups
from serving.times import microseconds, time_of

_PROOF = TypeAdapter(Proof)

_OF_SESSION = (
    (sessions.c.space == bindparam("of_space"))
    & (sessions.c.identity == bindparam("of_identity"))
    & (sessions.c.session == bindparam("of_session"))
)
_VALID_UNTIL = Statement(sa.select(sessions.c.valid_until).where(_OF_SESSION))
_EXTEND = Statement(sa.update(sessions).where(_OF_SESSION), ("valid_until",))
_BEGIN_SESSION = inserting(sessions)
_REVOKED = Statement(
    sa.select(revocations.c.session, revocations.c.at, revocations.c.by, revocations.c.reason)
    .where(
        revocations.c.space == bindparam("of_space"),
        revocations.c.identity == bindparam("of_identity"),
        revocations.c.session.is_(None) | (revocations.c.session == bindparam("of_session")),
    )
    .order_by(revocations.c.place.desc())
    .limit(1)
)
_REVOKE = inserting(revocations)
_PROMPTS = Statement(
    sa.select(challenges.c.category, challenges.c.resource_type, challenges.c.remedy, challenges.c.asked_by).where(
        challenges.c.space == bindparam("of_space"),
        challenges.c.identity == bindparam("of_identity"),
        challenges.c.asked_at > bindparam("since"),
        challenges.c.asked_at <= bindparam("at"),
    )
)
_ADD_STEP_UP = inserting(step_ups)
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
_ANSWERED = Statement(
    sa.select(step_ups.c.place)
    .where(step_ups.c.decision_id == bindparam("decision_id"), step_ups.c.result == "completed")
    .limit(1)
)
_ASKED = Statement(
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


def standing(
    connection: Connection,
    who: Who,
    *,
    category: str | None,
    resource_type: str | None,
    at: datetime,
    window_seconds: float,
) -> Standing:
    """What is known of an identity and session at a time."""
    until = microseconds(at)
    scope = {"category": category, "resource_type": resource_type}
    asked = connection.rows(_ASKED, **_names(who), **scope, at=until)
    since = until - int(window_seconds * 1_000_000)
    prompts = connection.rows(_PROMPTS, **_names(who), since=since, at=until)
    same = [remedy for *about, remedy, _ in prompts if about == [category, resource_type] and remedy]
    return Standing(
        revoked=_revocation(connection, who),
        valid_until=_valid_until(connection, who),
        prompts_in_window=len(prompts),
        led=Counter(same),
        askers=Counter(name for *_, names in prompts for name in (names or "").splitlines()),
        asked={decision_id: time_of(asked_at) for decision_id, asked_at in asked},
    )


def _names(who: Who) -> dict[str, str | None]:
    return {"of_space": who.space, "of_identity": who.identity, "of_session": who.session}


def _revocation(connection: Connection, who: Who) -> Revocation | None:
    """The newest one, whenever it was made: a revocation also holds for a replay of what came before it."""
    found = connection.first(_REVOKED, **_names(who))
    return Revocation(session=found[0], at=time_of(found[1]), by=found[2], reason=found[3]) if found else None


def _valid_until(connection: Connection, who: Who) -> datetime | None:
    found = connection.first(_VALID_UNTIL, **_names(who))
    return time_of(found[0]) if found else None


def set_valid_until(connection: Connection, who: Who, valid_until: datetime) -> None:
    """Let a session go on until then without fresh proof."""
    until = microseconds(valid_until)
    if who.session is not None and connection.change(_EXTEND, **_names(who), valid_until=until) == 0:
        connection.change(
            _BEGIN_SESSION, space=who.space, identity=who.identity, session=who.session, valid_until=until
        )


def add_step_up(
    connection: Connection,
    who: Who,
    *,
    decision_id: str | None,
    result: str,
    proof: Proof | None,
    at: datetime,
    version: int,
) -> None:
    """Keep what became of a challenge."""
    connection.change(
        _ADD_STEP_UP,
        space=who.space,
        identity=who.identity,
        session=who.session,
        version=version,
        decision_id=decision_id,
        result=result,
        at=microseconds(at),
        expires_at=microseconds(proof.expires_at) if proof and proof.expires_at else None,
        proof=_PROOF.dump_json(proof).decode() if proof else None,
    )


def answered(connection: Connection, decision_id: str) -> bool:
    """Whether a challenge was met before, however long ago."""
    return connection.first(_ANSWERED, decision_id=decision_id) is not None


def proofs(connection: Connection, who: Who, at: datetime) -> tuple[Proof, ...]:
    """Completed step-ups reported by then and not yet expired, oldest first."""
    found = connection.rows(_PROOFS, **_names(who), at=microseconds(at))
    return tuple(_PROOF.validate_json(proof) for (proof,) in found if proof is not None)


def revoke(connection: Connection, who: Who, *, at: datetime, by: str, reason: str) -> None:
    """Deny a session, or without one the whole identity, everything from now on."""
    about = {"space": who.space, "identity": who.identity, "session": who.session}
    connection.change(_REVOKE, **about, at=microseconds(at), by=by, reason=reason)
