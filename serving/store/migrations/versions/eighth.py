"""Prompts are counted by the minute, and challenges are found by session and scope."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from serving.store.prompts.recount import count_all

revision = "0008"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the counts, and count every challenge there is; none of them counts as unanswered."""
    comment = "1 if a person was asked where the identity had proven nothing; null before 0.3"
    op.add_column("challenges", sa.Column("unproven", sa.Integer(), nullable=True, comment=comment))
    op.drop_index("challenges_of_identity", table_name="challenges")
    of_session = ["space", "identity", "session"]
    op.create_index("challenges_of_session", "challenges", [*of_session, "asked_at"], unique=False)
    of_scope = [*of_session, "category", "resource_type", "asked_at"]
    op.create_index("challenges_of_scope", "challenges", of_scope, unique=False)
    op.create_table(
        "prompt_counts",
        sa.Column("space", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column(
            "scope", sa.Text(), nullable=False, comment="category and type of resource as JSON; empty for all of them"
        ),
        sa.Column("minute", sa.BigInteger(), autoincrement=False, nullable=False, comment="since 1970"),
        sa.Column("counter", sa.Text(), nullable=False, comment="prompts, unanswered, a rule, or a remedy"),
        sa.Column("times", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("space", "identity", "scope", "minute", "counter"),
    )
    count_all(op.get_bind())
