"""The form that all spellings of an identity share, by which it is found again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from features.event.identifiers import comparable_id
from serving.store.chain.hash_chain import first_row, next_tip
from serving.store.chain.linked_rows import IDENTITY_TYPE, new_salt
from serving.store.schema import chain_rows, histories, identity_types

revision = "0009"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a column with an index, and fill it. Identities that are stored in several spellings stay apart; one that has
    a history and never declared a type gets a row, so that its spelling came first."""
    shared = sa.Column("spelling", sa.Text(), nullable=False, server_default="", comment="the form all spellings share")
    op.add_column("identity_types", shared)
    op.create_index("identity_types_by_spelling", "identity_types", ["space", "spelling"], unique=False)
    connection, of = op.get_bind(), identity_types.c
    known = connection.execute(sa.select(of.space, of.identity)).all()
    for space, identity in known:
        same = (of.space == space) & (of.identity == identity)
        connection.execute(sa.update(identity_types).where(same).values(spelling=comparable_id(identity)))
    query = sa.select(histories.c.space, histories.c.identity).where(histories.c.kind == "identity")
    _add(connection, sorted({tuple(row) for row in connection.execute(query)} - {tuple(row) for row in known}))


def _add(connection: sa.Connection, identities: list[tuple[str, ...]]) -> None:
    if not identities:
        return
    rows = [
        {"space": space, "identity": identity, "fixed": None, "fixed_by": None, "declared": "", "salt": new_salt()}
        for space, identity in identities
    ]
    spelt = [row | {"spelling": comparable_id(str(row["identity"]))} for row in rows]
    connection.execute(sa.insert(identity_types), spelt)
    tip, first = first_row(connection, migration=revision)
    links = []
    for link in (first, *map(IDENTITY_TYPE.link_of, rows)):
        tip = next_tip(tip, link)
        links.append({**vars(tip), **vars(link)})
    connection.execute(sa.insert(chain_rows), links)
