"""The type of each identity; what callers habitually send; spellings and ends of revocations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from features.event.identifiers import comparable_id

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add two tables and three columns; types of earlier identities are provisional until somebody fixes them."""
    op.create_table(
        "identity_types",
        sa.Column("space", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("fixed", sa.Text(), nullable=True, comment="null while the type is provisional"),
        sa.Column("fixed_by", sa.Text(), nullable=True, comment="the key or importer that fixed it"),
        sa.Column("declared", sa.Text(), nullable=False, comment="every type declared so far, separated by spaces"),
        sa.PrimaryKeyConstraint("space", "identity"),
    )
    op.create_table(
        "field_presence",
        sa.Column("space", sa.Text(), nullable=False),
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False, comment="empty for all identities of the caller"),
        sa.Column("day", sa.BigInteger(), nullable=False, comment="the last active day, as a proleptic ordinal"),
        sa.Column("today", sa.Integer(), nullable=False, comment="a bit for each group that was there on that day"),
        sa.Column("days", sa.Float(53), nullable=False, comment="active days before it, decayed"),
        sa.Column("requests", sa.BigInteger(), nullable=False, comment="the first requests that were counted"),
        *(
            sa.Column(f"{group}_{what}", kind, nullable=False)
            for group in ("network", "device", "client", "credential")
            for what, kind in (("days", sa.Float(53)), ("requests", sa.BigInteger()))
        ),
        sa.PrimaryKeyConstraint("space", "caller", "identity"),
    )
    op.add_column(
        "revocations",
        sa.Column(
            "identity_spelling", sa.Text(), nullable=False, server_default="", comment="the form all spellings share"
        ),
    )
    op.add_column(
        "revocations", sa.Column("session_spelling", sa.Text(), nullable=True, comment="the same of the session")
    )
    op.add_column(
        "revocations",
        sa.Column("lifts", sa.Integer(), nullable=False, server_default="0", comment="1 ends the revocation before it"),
    )
    op.create_index("revocations_by_spelling", "revocations", ["space", "identity_spelling"], unique=False)
    _spell_earlier_revocations()


def _spell_earlier_revocations() -> None:
    table = sa.table(
        "revocations",
        *(sa.column(name) for name in ("place", "identity", "session", "identity_spelling", "session_spelling")),
    )
    connection = op.get_bind()
    for place, identity, session in connection.execute(
        sa.select(table.c.place, table.c.identity, table.c.session)
    ).all():
        connection.execute(
            sa.update(table)
            .where(table.c.place == place)
            .values(
                identity_spelling=comparable_id(identity),
                session_spelling=None if session is None else comparable_id(session),
            )
        )
