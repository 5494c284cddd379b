"""Populations are stored, and each event names the one it was folded with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table and the column. Of events that are stored already it is not known: their sums of evidence are not
    compared until `rebuild --write` has recomputed them."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "populations",
        sa.Column("number", number, primary_key=True, autoincrement=True),
        sa.Column("digest", sa.Text(), nullable=False, unique=True),
        sa.Column(
            "body",
            sa.LargeBinary(),
            nullable=False,
            comment="the packed record of features.history.population, compressed",
        ),
        sa.Column(
            "features", sa.Text(), nullable=False, comment="digest of the feature catalogue it was measured with"
        ),
        sa.Column(
            "prior", sa.Text(), comment="digest of the model's population it was blended with; null: it is a model's"
        ),
        sa.Column("measured_at", sa.BigInteger()),
        sa.Column(
            "in_force_at",
            sa.BigInteger(),
            comment="when it came into force; the newest one is; null: never, or withdrawn",
        ),
        sa.Column("days", sa.Integer(), comment="of the window"),
        sa.Column("rows", sa.BigInteger(), comment="events of the window that were measured"),
        sa.Column("drift", sa.Float(53), comment="how far it moved from the one before it, as a PSI"),
        sa.Column("why", sa.Text(), comment="what was left out of the window, or why a newer window was not used"),
        sqlite_autoincrement=True,
    )
    comment = "the number of the population it was folded with; null before 0.3: unknown"
    op.add_column("events", sa.Column("population", sa.BigInteger(), nullable=True, comment=comment))
