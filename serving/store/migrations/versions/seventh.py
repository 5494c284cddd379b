"""The values each identity was seen with, and the times that shipped events arrived and were folded with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from pydantic import ValidationError

from features.event.schema import Event
from features.history.update import SUCCESS
from serving.decision.places.named_values import value_names
from serving.store.chain.hash_chain import first_row, next_tip
from serving.store.chain.linked_rows import SEEN_VALUE
from serving.store.schema import chain_rows, events, seen_values
from serving.store.seen_values import known_before
from serving.times import now

revision = "0007"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a table and two columns; what identities used before, by the events of their histories, is not new."""
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
            "counted_at",
            sa.BigInteger(),
            nullable=True,
            comment="when it was last allowed on one more different day",
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
    _know_earlier_values()


def _know_earlier_values() -> None:
    connection = op.get_bind()
    rows = [known_before(*value, now()) for value in sorted(_values_used(connection))]
    if not rows:
        return
    connection.execute(sa.insert(seen_values), rows)
    tip, first = first_row(connection, migration=revision)
    links = []
    for link in (first, *(SEEN_VALUE.link_of(row) for row in rows)):
        tip = next_tip(tip, link)
        links.append({**vars(tip), **vars(link)})
    connection.execute(sa.insert(chain_rows), links)


def _values_used(connection: sa.Connection) -> set[tuple[str, str, str]]:
    """Space, identity and name of every value that was used with success. By whole values, not by the parts that a
    history keeps: operator and country, or client and system, that were never used together are new together."""
    columns = (events.c.space, events.c.identity, events.c.body)
    query = sa.select(*columns).where(events.c.version.is_not(None), events.c.outcome == SUCCESS)
    used: set[tuple[str, str, str]] = set()
    for space, identity, body in connection.execute(query):
        try:
            event = Event.model_validate_json(body)
        except ValidationError:  # `rebuild` reports it
            continue
        used.update((space, identity, name) for name in value_names(event, event.time))
    return used
