"""The values each identity was seen with, and the times that shipped events arrived and were folded with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from serving.store.chain.hash_chain import first_row, next_tip
from serving.store.chain.linked_rows import SEEN_VALUE
from serving.store.schema import chain_rows, histories, seen_values
from serving.store.seen_values import earlier_history
from serving.times import now

revision = "0007"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a table and two columns, and mark the identities that have a history already: what it knows is not new."""
    op.add_column(
        "events",
        sa.Column(
            "arrived_at", sa.BigInteger(), nullable=True, comment="when it was shipped here, where it ages by that"
        ),
    )
    op.add_column(
        "events",
        sa.Column(
            "folded_at",
            sa.BigInteger(),
            nullable=True,
            comment="the time it was folded with, where that is not its own",
        ),
    )
    op.create_table(
        "seen_values",
        sa.Column("space", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column(
            "value", sa.Text(), nullable=False, comment="its kind (network, device, client), a space, the value itself"
        ),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column(
            "lowest_trust", sa.Float(53), nullable=True, comment="since then, while it was new; null: no model said"
        ),
        sa.Column(
            "lowest_trust_as_sent",
            sa.Float(53),
            nullable=True,
            comment="the same without stand-ins for what was withheld",
        ),
        sa.Column(
            "shortest_seconds",
            sa.Float(53),
            nullable=True,
            comment="the shortest that trust let a session last; null: no limit",
        ),
        sa.Column(
            "day",
            sa.BigInteger(),
            nullable=True,
            comment="the last day on which it was allowed, as a proleptic ordinal",
        ),
        sa.Column("days", sa.Integer(), nullable=False, comment="on how many different days it was allowed"),
        sa.Column(
            "sessions", sa.Text(), nullable=True, comment="which used it while new, as JSON; null: too many to name"
        ),
        sa.Column(
            "settled_by",
            sa.Text(),
            nullable=True,
            comment="what ended its being new: days, history, a sign-in or a proof's key; null: new",
        ),
        sa.Column(
            "earlier",
            sa.LargeBinary(),
            nullable=True,
            comment="the histories before its first use, compressed, while it is new",
        ),
        sa.Column("changes", sa.BigInteger(), nullable=False, comment="how often this row was written"),
        sa.Column("salt", sa.LargeBinary(), nullable=True, comment="of the digest in the chain"),
        sa.PrimaryKeyConstraint("space", "identity", "value"),
    )
    op.create_index(
        "seen_values_new",
        "seen_values",
        ["space", "identity", "lowest_trust"],
        unique=False,
        sqlite_where=sa.text("settled_by IS NULL"),
        postgresql_where=sa.text("settled_by IS NULL"),
    )
    _mark_earlier_histories()


def _mark_earlier_histories() -> None:
    connection = op.get_bind()
    query = sa.select(histories.c.space, histories.c.identity).where(histories.c.kind == "identity")
    identities = connection.execute(query).all()
    if not identities:
        return
    rows = [earlier_history(space, identity, now()) for space, identity in identities]
    connection.execute(sa.insert(seen_values), rows)
    tip, first = first_row(connection, migration=revision)
    links = []
    for link in (first, *(SEEN_VALUE.link_of(row) for row in rows)):
        tip = next_tip(tip, link)
        links.append({**vars(tip), **vars(link)})
    connection.execute(sa.insert(chain_rows), links)
