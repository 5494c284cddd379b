"""Revocations, step-ups, keys and types of identities enter the hash chain."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from serving.store.chain.hash_chain import Link, Tip, first_row, next_tip
from serving.store.chain.linked_rows import LINKED, new_salt
from serving.store.schema import chain_rows

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SALTED = ("step_ups", "revocations", "identity_types")
HAVING_ROWS = (*SALTED, "keys")
"""The tables with links that there were before this migration."""


def upgrade() -> None:
    """Add the salts, and give every row that exists a link in a chain of its own.

    The first row of that chain names this migration: of what was done to a row before it, its link proves nothing. It
    also holds the ends that sessions have, since those which a proof gave were not recorded.
    """
    for table in SALTED:
        op.add_column(table, sa.Column("salt", sa.LargeBinary(), nullable=True, comment="of the digest in the chain"))
    _salt_earlier_rows()
    _link_earlier_rows()


def _salt_earlier_rows() -> None:
    connection = op.get_bind()
    for name in SALTED:
        key = ["space", "identity"] if name == "identity_types" else ["place"]
        table = sa.table(name, *(sa.column(column) for column in (*key, "salt")))
        for row in connection.execute(sa.select(*(table.c[column] for column in key))).all():
            same = [table.c[column] == value for column, value in zip(key, row, strict=True)]
            connection.execute(sa.update(table).where(*same).values(salt=new_salt()))


def _link_earlier_rows() -> None:
    connection = op.get_bind()
    links = [
        linked.link_of(row)
        for linked in LINKED
        if linked.table.name in HAVING_ROWS
        for row in connection.execute(sa.text(f"SELECT * FROM {linked.table.name}")).mappings()
        if linked.applies(row)
    ]
    ends = connection.execute(sa.text("SELECT DISTINCT valid_until FROM sessions ORDER BY valid_until")).scalars().all()
    if not links and not ends:
        return
    tip, first = first_row(connection, migration=revision, session_ends=list(ends))
    for link in (first, *links):
        tip = _insert(connection, tip, link)


def _insert(connection: sa.Connection, before: Tip, link: Link) -> Tip:
    tip = next_tip(before, link)
    connection.execute(sa.insert(chain_rows).values(**vars(tip), **vars(link)))
    return tip
