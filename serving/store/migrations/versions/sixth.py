"""Where claims were made, and on which network and device each step-up was."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a table, a column and three indices; no network of an earlier step-up counts as proven."""
    op.create_table(
        "claim_places",
        sa.Column("place", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("space", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="the kind of proof that is claimed"),
        sa.Column("at", sa.BigInteger(), nullable=False, comment="when the proof was made, as claimed"),
        sa.Column(
            "credential",
            sa.Text(),
            nullable=True,
            comment="the credential that is itself the proof, where its id is known",
        ),
        sa.Column(
            "source",
            sa.Text(),
            nullable=False,
            comment="sign_in: reported as such; request: the first that carried it",
        ),
        sa.Column("made_on", sa.Text(), nullable=False, comment="network, device and client, as JSON"),
        sa.Column("salt", sa.LargeBinary(), nullable=True, comment="of the digest in the chain"),
        sa.PrimaryKeyConstraint("place"),
        sqlite_autoincrement=True,
    )
    op.create_index("claim_places_of_identity", "claim_places", ["space", "identity", "kind", "at"], unique=False)
    op.create_index("claim_places_by_time", "claim_places", ["at"], unique=False)
    op.add_column(
        "step_ups",
        sa.Column(
            "proven_network",
            sa.Text(),
            nullable=True,
            comment="key of the network and device the proof was made on, where both are known",
        ),
    )
    op.create_index("step_ups_by_network", "step_ups", ["space", "identity", "proven_network", "at"], unique=False)
