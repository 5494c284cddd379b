"""The remedy and rules of each prompt; findings; verdicts of investigators."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add two columns and two tables; earlier prompts have neither remedy nor rules."""
    op.add_column("challenges", sa.Column("remedy", sa.Text(), nullable=True, comment="the first that was offered"))
    op.add_column(
        "challenges",
        sa.Column(
            "asked_by",
            sa.Text(),
            nullable=True,
            comment="what of the policy asked: floors, thresholds, limits, a line each",
        ),
    )
    op.create_table(
        "findings",
        sa.Column("space", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="asked_too_often or standing_fault"),
        sa.Column("subject", sa.Text(), nullable=False, comment="the floor or threshold it is about"),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("decision_id", sa.Text(), nullable=False, comment="the newest that shows it"),
        sa.Column("times", sa.BigInteger(), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.id"]),
        sa.PrimaryKeyConstraint("space", "kind", "subject", "identity"),
    )
    op.create_index("findings_of_decision", "findings", ["decision_id"], unique=False)
    op.create_table(
        "feedback",
        sa.Column("place", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column(
            "payload",
            sa.Text(),
            nullable=True,
            comment="what was said, by whom and when; null once the decision is erased",
        ),
        sa.Column("salt", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["chain", "sequence"], ["chain_rows.chain", "chain_rows.sequence"]),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.id"]),
        sa.PrimaryKeyConstraint("place"),
        sqlite_autoincrement=True,
    )
    op.create_index("feedback_of_chain", "feedback", ["chain", "sequence"], unique=True)
    op.create_index("feedback_of_decision", "feedback", ["decision_id"], unique=False)
