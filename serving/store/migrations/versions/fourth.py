"""The key of each proof, by which one that is given twice is recognised; step-ups are found by decision."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a column and three indices; earlier proofs have no key."""
    op.add_column(
        "step_ups",
        sa.Column("proof_key", sa.Text(), nullable=True, comment="by which a proof that is given twice is recognised"),
    )
    op.create_index("step_ups_by_proof", "step_ups", ["space", "proof_key"], unique=False)
    op.create_index("step_ups_of_decision", "step_ups", ["decision_id"], unique=False)
    op.create_index("step_ups_by_result", "step_ups", ["space", "identity", "result", "at"], unique=False)
