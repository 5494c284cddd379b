"""The tables of places, beside those of `serving.store.schema`."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, Text

from serving.decision.places.comparison import COMPARED
from serving.store.schema import counter, metadata

GROUPS = (*COMPARED, "credential")
"""What a caller habitually sends, or does not: the parts of a place, and the credential."""

claim_places = Table(
    "claim_places",
    metadata,
    counter("place"),
    Column("space", Text, nullable=False),
    Column("identity", Text, nullable=False),
    Column("kind", Text, nullable=False, comment="the kind of proof that is claimed"),
    Column("at", BigInteger, nullable=False, comment="when the proof was made, as claimed"),
    Column("credential", Text, comment="the credential that is itself the proof, where its id is known"),
    Column("source", Text, nullable=False, comment="sign_in: reported as such; request: the first that carried it"),
    Column("made_on", Text, nullable=False, comment="network, device and client, as JSON"),
    Column("salt", LargeBinary, comment="of the digest in the chain"),
    Index("claim_places_of_identity", "space", "identity", "kind", "at"),
    Index("claim_places_by_time", "at"),
    sqlite_autoincrement=True,
)
"""Where each proof that requests claim was made."""

field_presence = Table(
    "field_presence",
    metadata,
    Column("space", Text, primary_key=True),
    Column("caller", Text, primary_key=True),
    Column("identity", Text, primary_key=True, comment="empty for all identities of the caller"),
    Column("day", BigInteger, nullable=False, comment="the last active day, as a proleptic ordinal"),
    Column("today", Integer, nullable=False, comment="a bit for each group that was there on that day"),
    Column("days", sa.Float(53), nullable=False, comment="active days before it, decayed"),
    Column("requests", BigInteger, nullable=False, comment="the first requests that were counted"),
    *(
        Column(f"{group}_{what}", kind, nullable=False)
        for group in GROUPS
        for what, kind in (("days", sa.Float(53)), ("requests", BigInteger()))
    ),
)
"""How regularly each caller sends the network, device, client and credential of an identity."""
