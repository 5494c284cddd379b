"""The recent stored events that a deployment's population is measured on: without labels, so without what looks like
abuse.

Nothing here computes a feature. Events are read in batches, each in a transaction of its own that only reads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import sqlalchemy as sa
from pydantic import ValidationError

from features.arrays import DAY, Array
from features.event.identifiers import comparable_id
from features.event.lookalikes import comparable_name
from features.event.numpy_row import row_of, take_rows
from features.event.row_fields import ROW
from features.event.schema import Event
from serving.store.histories import as_folded
from serving.store.schema import LIVE, SessionKey, decisions, events, revocations, step_ups
from serving.store.store import Store
from serving.times import microseconds

MOST_ROWS = 100_000
"""Events measured at most, the newest."""
MOST_OF_IDENTITY = 5_000
"""Events of one identity at most, the newest: one busy service account is not the deployment."""
MOST_READ = 1_000_000
"""Events looked at before a window is full."""
BATCH = 2_000
"""Events read in one transaction."""
LEAST_KNOWN = 0.5
"""A session that knows less than this share of what is usual for its type here is left out."""
CHALLENGED, DENIED, REVOKED, INTRUDER, THIN, BUSY, UNREADABLE = (
    "challenged and not proven",
    "denied",
    "of a revoked session",
    "of a session that an investigator found abused",
    "of a session that knows less than half of what is usual",
    "beyond an identity's share",
    "unreadable",
)
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Window:
    """Events in the order they arrived, with their rows (shape (n,) of ROW, outcomes as they were folded), and how many
    were left out, by reason."""

    events: Sequence[Event]
    rows: Array
    decided: Array
    """Whether a decision on each event is recorded, bool of shape (n,)."""
    left_out: Mapping[str, int]

    def keep(self, kept: Array, reason: str) -> Window:
        """The window without what is not `kept`."""
        left_out = Counter(self.left_out)
        left_out[reason] += int((~kept).sum())
        index = np.flatnonzero(kept)
        events = [self.events[place] for place in index.tolist()]
        return Window(events, take_rows(self.rows, index), self.decided[index], +left_out)


@dataclass(frozen=True)
class _Decided:
    """What was decided of an event, as far as it matters here: nothing, or why it is left out."""

    against: str | None


def read_window(store: Store, since: datetime, at: datetime, progress: Progress | None = None) -> Window:
    """The live events from a time on, by the time they were folded with, without what looks like abuse."""
    decided, abused = _decisions(store, since)
    found, rows, known = list[Event](), list[Array](), list[bool]()
    left_out: Counter[str] = Counter()
    of_identity: Counter[str] = Counter()
    revoked = _Revoked(store, at)
    with store.reading() as tx:
        total = min(MOST_READ, tx.connection.core.scalar(sa.select(sa.func.count()).select_from(events)) or 0)
    for done, each in enumerate(_newest_first(store, since), start=1):
        if progress and done % BATCH == 0:
            progress(done, total)
        if each.event is None:
            left_out[UNREADABLE] += 1
            continue
        identity = each.event.identity.id
        decision = decided.get((identity, each.version if each.source == "score" else each.event.id))
        reason = decision.against if decision else None
        if (identity, each.event.session.id) in abused:
            reason = INTRUDER
        if reason is None and revoked.has(each.event):
            reason = REVOKED
        of_identity[identity] += reason is None
        if reason is None and of_identity[identity] > MOST_OF_IDENTITY:
            reason = BUSY
        if reason is not None:
            left_out[reason] += 1
            continue
        row = row_of(each.event)
        row["outcome"] = each.outcome
        found.append(each.event)
        rows.append(row)
        known.append(decision is not None)
        if len(found) == MOST_ROWS:
            break
    found.reverse()
    whole = np.concatenate(rows[::-1]).view(ROW) if rows else np.empty(0, ROW)
    window = Window(found, whole, np.array(known[::-1], bool), left_out)
    return window.keep(~thin_sessions(whole), THIN)


def thin_sessions(rows: Array) -> Array:
    """Which rows, shape (n,) of ROW, are of sessions that know less than half of what their type usually knows here.

    What is usual is the median over the sessions of a type of their mean number of known fields. Events that name no
    session are one by identity and day.
    """
    if not len(rows):
        return np.zeros(0, bool)
    day = np.where(rows["session_key"] == 0, rows["time"] // DAY, 0)
    keys = np.column_stack([rows["identity_type"], rows["identity_key"], rows["session_key"], day])
    sessions, session = np.unique(keys, axis=0, return_inverse=True)
    session = session.reshape(-1)
    known = np.bincount(session, rows["known"]) / np.bincount(session)
    thin = np.zeros(len(sessions), bool)
    for kind in np.unique(sessions[:, 0]).tolist():
        of_type = sessions[:, 0] == kind
        thin[of_type] = known[of_type] < LEAST_KNOWN * np.median(known[of_type])
    result: Array = thin[session]
    return result


@dataclass(frozen=True)
class _Stored:
    event: Event | None
    outcome: int
    source: str
    version: int


def _newest_first(store: Store, since: datetime) -> Iterator[_Stored]:
    """The folded live events from a time on, as they were folded. It ends where a whole batch is older."""
    place, read = None, 0
    names = ("place", "version", "outcome", "source", "body", "folded_at")
    columns = tuple(events.c[name] for name in names)
    while read < MOST_READ:
        query = sa.select(*columns).where(events.c.space == LIVE, events.c.version.is_not(None))
        if place is not None:
            query = query.where(events.c.place < place)
        with store.reading() as tx:
            batch = tx.connection.core.execute(query.order_by(events.c.place.desc()).limit(BATCH)).all()
        recent = False
        for row in batch:
            event = _event(row.body, row.folded_at)
            if event is None or event.time >= since:
                recent |= event is not None
                yield _Stored(event, row.outcome, row.source, row.version)
        if not recent:
            return
        place, read = batch[-1].place, read + len(batch)


def _event(body: str, folded_at: int | None) -> Event | None:
    try:
        return as_folded(Event.model_validate_json(body), folded_at)
    except ValidationError:
        return None


def _decisions(
    store: Store, since: datetime
) -> tuple[dict[tuple[str, int | str | None], _Decided], set[tuple[str, str | None]]]:
    """What was decided since a time, by identity and the version its event was folded to, and by identity and event id
    for events that were shipped as well; and the sessions that investigators found abused."""
    decided: dict[tuple[str, int | str | None], _Decided] = {}
    abused: set[tuple[str, str | None]] = set()
    with store.reading() as tx:
        core = tx.connection.core
        query = sa.select(step_ups.c.decision_id).where(
            step_ups.c.result == "completed", step_ups.c.at >= microseconds(since)
        )
        proven = set(core.scalars(query))
        intruders = {each.decision_id for each in tx.verdicts.current() if each.verdict == "intruder"}
    position = (microseconds(since), "")
    columns = tuple(decisions.c[name] for name in ("at", "id", "identity", "session", "event_id", "version", "ruling"))
    live = (decisions.c.space == LIVE) & decisions.c.identity.is_not(None)
    while True:
        with store.reading() as tx:
            later = sa.tuple_(decisions.c.at, decisions.c.id) > sa.tuple_(*position)
            query = sa.select(*columns).where(live, later).order_by(decisions.c.at, decisions.c.id).limit(BATCH)
            batch = tx.connection.core.execute(query).all()
        if not batch:
            return decided, abused
        for row in batch:
            against = _against(row.ruling, answered=row.id in proven)
            decided.setdefault((row.identity, row.version), _Decided(against))  # the one whose event was folded
            if row.event_id is not None:
                decided[row.identity, row.event_id] = _Decided(against)
            if row.id in intruders:
                abused.add((row.identity, row.session))
        position = (batch[-1].at, batch[-1].id)


def _against(ruling: str, *, answered: bool) -> str | None:
    if ruling == "deny":
        return DENIED
    return CHALLENGED if ruling == "step_up" and not answered else None


class _Revoked:
    """Which sessions are revoked, asked of the store only for identities that have a revocation."""

    def __init__(self, store: Store, at: datetime) -> None:
        self._store, self._at = store, at
        with store.reading() as tx:
            query = sa.select(revocations.c.identity_spelling).where(revocations.c.space == LIVE).distinct()
            self._spellings = set(tx.connection.core.scalars(query))
        self._known: dict[tuple[str, str | None], bool] = {}

    def has(self, event: Event) -> bool:
        """Whether an event's session or identity is revoked now."""
        identity, session = event.identity.id, event.session.id
        if self._spellings.isdisjoint((comparable_name(identity), comparable_id(identity))):
            return False
        if (identity, session) not in self._known:
            with self._store.reading() as tx:
                denials = tx.revocations.denials(SessionKey(LIVE, identity, session), self._at)
            self._known[identity, session] = denials.revocation is not None
        return self._known[identity, session]
