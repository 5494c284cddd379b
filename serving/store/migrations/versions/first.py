"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create every table."""
    op.create_table(
        "chain_rows",
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="start, decision or erasure"),
        sa.Column("subject", sa.Text(), nullable=False, comment="the chain's own id, or the decision's"),
        sa.Column("digest", sa.Text(), nullable=False, comment="of the payload, or of this row's body"),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column(
            "body", sa.Text(), nullable=True, comment="start: heads of the other chains; erasure: when, by whom, why"
        ),
        sa.PrimaryKeyConstraint("chain", "sequence"),
    )
    op.create_table(
        "events",
        sa.Column("place", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("space", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column(
            "version",
            sa.BigInteger(),
            nullable=True,
            comment="the identity's version once folded; null when it was not folded",
        ),
        sa.Column("event_id", sa.Text(), nullable=True),
        sa.Column(
            "outcome", sa.Integer(), nullable=False, comment="how it was folded: a code of features.history.update"
        ),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False, comment="the event as folded: enriched, claims already removed"),
        sa.PrimaryKeyConstraint("place"),
        sqlite_autoincrement=True,
    )
    op.create_index("events_by_id", "events", ["space", "identity", "event_id"], unique=False)
    op.create_index("events_of_identity", "events", ["space", "identity", "place"], unique=False)
    op.create_table(
        "histories",
        sa.Column("space", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="identity, session or credential"),
        sa.Column(
            "key", sa.Text(), nullable=False, comment="the session's or credential's id; empty for the identity itself"
        ),
        sa.Column(
            "version", sa.BigInteger(), nullable=False, comment="the identity's version when this was last folded into"
        ),
        sa.Column(
            "layout", sa.Text(), nullable=False, comment="features.history.layout.LAYOUT of the build that wrote it"
        ),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("space", "identity", "kind", "key"),
    )
    op.create_table(
        "keys",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False, comment="SHA-256 of the secret"),
        sa.Column("scopes", sa.Text(), nullable=False, comment="separated by spaces"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "revocations",
        sa.Column("place", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("space", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("session", sa.Text(), nullable=True, comment="null revokes the identity as a whole"),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("place"),
        sqlite_autoincrement=True,
    )
    op.create_index("revocations_of_identity", "revocations", ["space", "identity"], unique=False)
    op.create_table(
        "sessions",
        sa.Column("space", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("session", sa.Text(), nullable=False),
        sa.Column("valid_until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("space", "identity", "session"),
    )
    op.create_table(
        "step_ups",
        sa.Column("place", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("space", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("session", sa.Text(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False, comment="the identity's version when it was reported"),
        sa.Column("decision_id", sa.Text(), nullable=True),
        sa.Column("result", sa.Text(), nullable=False, comment="completed, failed or abandoned"),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("proof", sa.Text(), nullable=True, comment="JSON; null unless completed"),
        sa.PrimaryKeyConstraint("place"),
        sqlite_autoincrement=True,
    )
    op.create_index("step_ups_of_session", "step_ups", ["space", "identity", "session", "at"], unique=False)
    op.create_table(
        "decisions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("space", sa.Text(), nullable=False),
        sa.Column("ruling", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column(
            "version", sa.BigInteger(), nullable=False, comment="the identity's version this decision was made at"
        ),
        sa.Column("caller", sa.Text(), nullable=True),
        sa.Column("identity", sa.Text(), nullable=True),
        sa.Column("session", sa.Text(), nullable=True),
        sa.Column("event_id", sa.Text(), nullable=True),
        sa.Column(
            "body_digest",
            sa.Text(),
            nullable=True,
            comment="of the request, by which the same request twice is recognised",
        ),
        sa.Column("payload", sa.Text(), nullable=True, comment="the whole record; null once erased"),
        sa.Column("salt", sa.LargeBinary(), nullable=True),
        sa.Column("outbox", sa.Text(), nullable=True, comment="signals still to be sent, as JSON"),
        sa.ForeignKeyConstraint(["chain", "sequence"], ["chain_rows.chain", "chain_rows.sequence"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("decisions_by_event", "decisions", ["space", "identity", "event_id", "at"], unique=False)
    op.create_index("decisions_by_time", "decisions", ["space", "at"], unique=False)
    op.create_index("decisions_of_chain", "decisions", ["chain", "sequence"], unique=True)
    op.create_index("decisions_of_identity", "decisions", ["space", "identity", "at"], unique=False)
    op.create_index("decisions_of_session", "decisions", ["space", "session", "at"], unique=False)
    op.create_table(
        "challenges",
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("space", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("session", sa.Text(), nullable=True),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("resource_type", sa.Text(), nullable=True),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.id"]),
        sa.PrimaryKeyConstraint("decision_id"),
    )
    op.create_index("challenges_of_identity", "challenges", ["space", "identity", "asked_at"], unique=False)
