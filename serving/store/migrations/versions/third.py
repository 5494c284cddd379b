"""The type of each identity."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a table; types of earlier identities are provisional until somebody fixes them."""
    op.create_table(
        "identity_types",
        sa.Column("space", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("fixed", sa.Text(), nullable=True, comment="null while the type is provisional"),
        sa.Column("fixed_by", sa.Text(), nullable=True, comment="the key or importer that fixed it"),
        sa.Column("declared", sa.Text(), nullable=False, comment="every type declared so far, separated by spaces"),
        sa.PrimaryKeyConstraint("space", "identity"),
    )
