"""The table of populations, beside those of `serving.store.schema`."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Table, Text

from serving.store.schema import counter, metadata

populations = Table(
    "populations",
    metadata,
    counter("number"),
    Column("digest", Text, nullable=False, unique=True),
    Column("body", LargeBinary, nullable=False, comment="the packed record of features.history.population, compressed"),
    Column("features", Text, nullable=False, comment="digest of the feature catalogue it was measured with"),
    Column("prior", Text, comment="digest of the model's population it was blended with; null: it is a model's"),
    Column("measured_at", BigInteger),
    Column("in_force_at", BigInteger, comment="when it came into force; the newest one is; null: never, or withdrawn"),
    Column("days", Integer, comment="of the window"),
    Column("rows", BigInteger, comment="events of the window that were measured"),
    Column("drift", sa.Float(53), comment="how far it moved from the one before it, as a PSI"),
    Column("why", Text, comment="what was left out of the window, or why a newer window was not used"),
    sqlite_autoincrement=True,
)
"""Every population that events were folded or decisions were made with, by its digest."""
