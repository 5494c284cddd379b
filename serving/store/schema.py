"""The tables of the store. Every row belongs to a namespace (column `space`): live, or that of a replay.

Times are int64 microseconds since 1970 (UTC), records are the bytes of numpy records, JSON is text. A test compares
these tables with what the migrations make.
"""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import BigInteger, Column, ForeignKeyConstraint, Index, Integer, LargeBinary, Table, Text

LIVE = "live"
"""The namespace of enforced decisions; each replay has a namespace of its own."""


class SessionKey(NamedTuple):
    """Names one identity's session and credential in a namespace. A session or credential without an id is never
    stored."""

    namespace: str
    identity: str
    session: str | None = None
    credential: str | None = None


metadata = sa.MetaData()


def counter(name: str) -> Column[int]:
    """An autoincremented number; SQLite increments only a column of type INTEGER."""
    return Column(name, BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True)


events = Table(
    "events",
    metadata,
    counter("place"),
    Column("space", Text, nullable=False),
    Column("identity", Text, nullable=False),
    Column("version", BigInteger, comment="the identity's version once folded; null when it was not folded"),
    Column("event_id", Text),
    Column("outcome", Integer, nullable=False, comment="how it was folded: a code of features.history.update"),
    Column("source", Text, nullable=False),
    Column("body", Text, nullable=False, comment="the event as folded: enriched, claims already removed"),
    Column("arrived_at", BigInteger, comment="when it was shipped here, where it ages by that"),
    Column("folded_at", BigInteger, comment="the time it was folded with, where that is not its own"),
    Column(
        "population", BigInteger, comment="the number of the population it was folded with; null before 0.3: unknown"
    ),
    Index("events_of_identity", "space", "identity", "place"),
    Index("events_by_id", "space", "identity", "event_id"),
    sqlite_autoincrement=True,
)
"""Every event in arrival order: the source of truth that histories are computed from."""

histories = Table(
    "histories",
    metadata,
    Column("space", Text, primary_key=True),
    Column("identity", Text, primary_key=True),
    Column("kind", Text, primary_key=True, comment="identity, session or credential"),
    Column("key", Text, primary_key=True, comment="the session's or credential's id; empty for the identity itself"),
    Column("version", BigInteger, nullable=False, comment="the identity's version when this was last folded into"),
    Column("layout", Text, nullable=False, comment="features.history.layout.LAYOUT of the build that wrote it"),
    Column("record", LargeBinary, nullable=False),
)
"""The histories computed from the events; `rebuild` recomputes them."""

chain_rows = Table(
    "chain_rows",
    metadata,
    Column("chain", Text, primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False, comment="what the row records: start, decision, key and so on"),
    Column("subject", Text, nullable=False, comment="what the row is about: the chain's own id, a decision's, a row's"),
    Column("digest", Text, nullable=False, comment="of the payload, of the table's row, or of this row's body"),
    Column("version", BigInteger, nullable=False),
    Column("hash", Text, nullable=False),
    Column("body", Text, comment="start: heads of the other chains; erasure: when, by whom, why"),
)
"""The hash chains, one for each writing process: `verify` compares the other tables with them."""

decisions = Table(
    "decisions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("chain", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("space", Text, nullable=False),
    Column("ruling", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False, comment="the identity's version this decision was made at"),
    Column("caller", Text),
    Column("identity", Text),
    Column("session", Text),
    Column("event_id", Text),
    Column("body_digest", Text, comment="of the request, by which the same request twice is recognised"),
    Column("payload", Text, comment="the whole record; null once erased"),
    Column("salt", LargeBinary),
    Column("outbox", Text, comment="signals still to be sent, as JSON"),
    ForeignKeyConstraint(["chain", "sequence"], ["chain_rows.chain", "chain_rows.sequence"]),
    Index("decisions_of_chain", "chain", "sequence", unique=True),
    Index("decisions_by_time", "space", "at"),
    Index("decisions_of_identity", "space", "identity", "at"),
    Index("decisions_of_session", "space", "session", "at"),
    Index("decisions_by_event", "space", "identity", "event_id", "at"),
)
"""The decision log, append-only. The columns beside the payload repeat parts of it for searching."""

challenges = Table(
    "challenges",
    metadata,
    Column("decision_id", Text, sa.ForeignKey("decisions.id"), primary_key=True),
    Column("space", Text, nullable=False),
    Column("identity", Text, nullable=False),
    Column("session", Text),
    Column("category", Text),
    Column("resource_type", Text),
    Column("asked_at", BigInteger, nullable=False),
    Column("remedy", Text, comment="the first that was offered"),
    Column("asked_by", Text, comment="what of the policy asked: floors, thresholds, limits, a line each"),
    Column(
        "unproven", Integer, comment="1 if a person was asked where the identity had proven nothing; null before 0.3"
    ),
    Index("challenges_of_session", "space", "identity", "session", "asked_at"),
    Index("challenges_of_scope", "space", "identity", "session", "category", "resource_type", "asked_at"),
)
"""Every step-up that a decision asked for."""

prompt_counts = Table(
    "prompt_counts",
    metadata,
    Column("space", Text, primary_key=True),
    Column("identity", Text, primary_key=True),
    Column("scope", Text, primary_key=True, comment="category and type of resource as JSON; empty for all of them"),
    Column("minute", BigInteger, primary_key=True, autoincrement=False, comment="since 1970"),
    Column("counter", Text, primary_key=True, comment="prompts, unanswered, a rule, or a remedy"),
    Column("times", BigInteger, nullable=False),
)
"""How often each identity was asked for proof, by the minute: computed from the challenges and their results."""

step_ups = Table(
    "step_ups",
    metadata,
    counter("place"),
    Column("space", Text, nullable=False),
    Column("identity", Text, nullable=False),
    Column("session", Text),
    Column("version", BigInteger, nullable=False, comment="the identity's version when it was reported"),
    Column("decision_id", Text),
    Column("result", Text, nullable=False, comment="completed, failed or abandoned"),
    Column("at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("proof", Text, comment="JSON; null unless completed"),
    Column("proof_key", Text, comment="by which a proof that is given twice is recognised"),
    Column("salt", LargeBinary, comment="of the digest in the chain"),
    Column("proven_network", Text, comment="key of the network and device the proof was made on, where both are known"),
    Index("step_ups_of_session", "space", "identity", "session", "at"),
    Index("step_ups_by_network", "space", "identity", "proven_network", "at"),
    Index("step_ups_by_proof", "space", "proof_key"),
    Index("step_ups_of_decision", "decision_id"),
    Index("step_ups_by_result", "space", "identity", "result", "at"),
    sqlite_autoincrement=True,
)
"""The results of challenges, as the identity provider reports them."""

revocations = Table(
    "revocations",
    metadata,
    counter("place"),
    Column("space", Text, nullable=False),
    Column("identity", Text, nullable=False),
    Column("session", Text, comment="null revokes the identity as a whole"),
    Column("at", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("identity_spelling", Text, nullable=False, server_default="", comment="the form all spellings share"),
    Column("session_spelling", Text, comment="the same of the session"),
    Column("lifts", Integer, nullable=False, server_default="0", comment="1 ends the revocation before it"),
    Column("salt", LargeBinary, comment="of the digest in the chain"),
    Index("revocations_of_identity", "space", "identity"),
    Index("revocations_by_spelling", "space", "identity_spelling"),
    sqlite_autoincrement=True,
)
"""Sessions and identities whose every request is denied, and the ends of that; append-only."""

findings = Table(
    "findings",
    metadata,
    Column("space", Text, primary_key=True),
    Column("kind", Text, primary_key=True, comment="asked_too_often or standing_fault"),
    Column("subject", Text, primary_key=True, comment="the floor or threshold it is about"),
    Column("identity", Text, primary_key=True),
    Column("decision_id", Text, sa.ForeignKey("decisions.id"), nullable=False, comment="the newest that shows it"),
    Column("times", BigInteger, nullable=False),
    Column("first_at", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    Column("sentence", Text, nullable=False),
    Index("findings_of_decision", "decision_id"),
)
"""Findings of decisions, one row for each rule and identity."""

feedback = Table(
    "feedback",
    metadata,
    counter("place"),
    Column("decision_id", Text, sa.ForeignKey("decisions.id"), nullable=False),
    Column("chain", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("payload", Text, comment="what was said, by whom and when; null once the decision is erased"),
    Column("salt", LargeBinary),
    ForeignKeyConstraint(["chain", "sequence"], ["chain_rows.chain", "chain_rows.sequence"]),
    Index("feedback_of_decision", "decision_id"),
    Index("feedback_of_chain", "chain", "sequence", unique=True),
    sqlite_autoincrement=True,
)
"""Verdicts of investigators on decisions, append-only; the last of each investigator counts."""

sessions = Table(
    "sessions",
    metadata,
    Column("space", Text, primary_key=True),
    Column("identity", Text, primary_key=True),
    Column("session", Text, primary_key=True),
    Column("valid_until", BigInteger, nullable=False),
)
"""How long each session may continue without fresh proof."""

identity_types = Table(
    "identity_types",
    metadata,
    Column("space", Text, primary_key=True),
    Column("identity", Text, primary_key=True),
    Column("fixed", Text, comment="null while the type is provisional"),
    Column("fixed_by", Text, comment="the key or importer that fixed it"),
    Column("declared", Text, nullable=False, comment="every type declared so far, separated by spaces"),
    Column("salt", LargeBinary, comment="of the digest in the chain"),
    Column("spelling", Text, nullable=False, server_default="", comment="the form all spellings share"),
    Index("identity_types_by_spelling", "space", "spelling"),
)
"""The type of each identity, and who fixed it."""

seen_values = Table(
    "seen_values",
    metadata,
    Column("space", Text, primary_key=True),
    Column("identity", Text, primary_key=True),
    Column("value", Text, primary_key=True, comment="its kind (network, device, client), a space, the value itself"),
    Column("first_at", BigInteger, nullable=False),
    Column("lowest_trust", sa.Float(53), comment="since then, while it was new; null: no model said"),
    Column("lowest_trust_as_sent", sa.Float(53), comment="the same without stand-ins for what was withheld"),
    Column("shortest_seconds", sa.Float(53), comment="the shortest that trust let a session last; null: no limit"),
    Column("counted_at", BigInteger, comment="when it was last allowed on one more different day"),
    Column("days", Integer, nullable=False, comment="on how many different days it was allowed"),
    Column("sessions", Text, comment="which used it while new, as JSON; null: too many to name"),
    Column(
        "settled_by", Text, comment="what ended its being new: days, history, a sign-in or a proof's key; null: new"
    ),
    Column("earlier", LargeBinary, comment="the histories before its first use, compressed, while it is new"),
    Column("changes", BigInteger, nullable=False, comment="how often this row was written"),
    Column("salt", LargeBinary, comment="of the digest in the chain"),
    Index(
        "seen_values_new",
        "space",
        "identity",
        "lowest_trust",
        sqlite_where=sa.text("settled_by IS NULL"),
        postgresql_where=sa.text("settled_by IS NULL"),
    ),
)
"""The networks, devices and clients each identity was seen with, and the lowest trust while they were new to it."""

keys = Table(
    "keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("digest", Text, nullable=False, comment="SHA-256 of the secret"),
    Column("scopes", Text, nullable=False, comment="separated by spaces"),
    Column("created_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
)
"""API keys; their secrets are not stored."""
