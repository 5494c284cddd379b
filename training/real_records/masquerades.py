"""Masquerades: other people's real sessions, moved into the sessions of real users.

Real logs with labelled abuse are not to be had, but real sessions are. From some point of a user's log on, a share of
the sessions goes on, from a place within it or from its beginning, with what somebody else really did. The sources have
no clock, so times are invented. Blocks, shares and the order of the random draws are fixed: figures of the same seed
compare from one model to the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from features.arrays import SECOND, Array
from features.event.arrow import EVENT_SCHEMA, conform

SEEDS = (11, 31, 32)
"""The draws of masquerades that every model is measured on."""
BEGINNING = int(datetime(2026, 1, 5, 9, tzinfo=UTC).timestamp()) * SECOND
DAY = 86_400 * SECOND
"""Microseconds, as BEGINNING."""
GAP = "gap"
"""Of an event: the seconds since the event before it."""
PLACE = ("device.id", "device.user_agent", "network.ip", "credential.id")
"""What an attacker who works through the victim's own machine takes over."""
RecordedEvent = Mapping[str, Any]
"""An event's columns by their name in EVENT_SCHEMA, and GAP."""


@dataclass(frozen=True)
class RecordedSession:
    """One session of a user, in the order in which it was recorded."""

    started: int
    """Microseconds since 1970."""
    events: Sequence[RecordedEvent]


UserSessions = Mapping[str, Sequence[RecordedSession]]
"""The sessions of each user."""


@dataclass(frozen=True)
class Protocol:
    """How sessions are moved."""

    share: float
    """The share of the later sessions of each user that is hit."""
    start: float = 0.25
    """The share of each user's sessions that comes first and stays clean: the deployment's own window."""
    shortest: int = 8
    """Events moved at least, where the other session has as many."""
    through_victim: float | None = None
    """How often the moved events keep the victim's device, network and credential."""
    window_share: float = 0.0
    """The share of the sessions of the window that is hit as well."""

    def in_place(self) -> Protocol:
        """The same, with every moved event as it was recorded."""
        return replace(self, through_victim=None)


@dataclass(frozen=True)
class MasqueradeLog:
    """A log with masquerades in it, in order of time; n events."""

    events: pa.Table
    moved: Array
    """Whether each event is somebody else's, shape (n,)."""
    late: Array
    """Whether each event comes after the deployment's own window, shape (n,): these are measured."""
    user: Array
    """The number of each event's user, in the order of all names of the source, shape (n,)."""
    session: Array
    """The number of each event's session, shape (n,)."""

    @property
    def window(self) -> pa.Table:
        """The events of the deployment's own window."""
        return self.events.filter(pa.array(~self.late))


def move_sessions(
    users: UserSessions, protocol: Protocol, rng: np.random.Generator, donors: Iterable[str] | None = None
) -> MasqueradeLog:
    """Move sessions of `donors` into those of the other users; by default everybody's into everybody else's.

    Named donors have no sessions of their own in the log. The window is hit by draws of its own, so that what comes
    later is the same with and without abuse in it.
    """
    outside = list(donors or ())
    victims = [name for name in users if name not in outside]
    (window_rng,) = rng.spawn(1)
    rows: list[dict[str, Any]] = []
    for name in victims:
        sessions = users[name]
        for number, session in enumerate(sessions):
            late = number >= protocol.start * len(sessions)
            events, moved_from = session.events, len(session.events)
            draws, share = (rng, protocol.share) if late else (window_rng, protocol.window_share)
            if (late or share) and draws.random() < share:
                events, moved_from = _masquerade(users, name, events, outside or victims, protocol, draws)
            rows += _rows(name, number, session.started, events, moved_from, late)
    return _log(pd.DataFrame(rows), list(users))


def move_own_sessions(users: UserSessions, protocol: Protocol, rng: np.random.Generator) -> MasqueradeLog:
    """The null control: as `move_sessions`, but what is moved is another late session of the same user.

    It leaves its own place, so that nothing is seen twice: nothing sets it apart, and no model should do so.
    """
    rows: list[dict[str, Any]] = []
    for name, sessions in users.items():
        late_from = int(np.ceil(protocol.start * len(sessions)))
        late = rng.permutation(np.arange(late_from, len(sessions)))
        hits = min(round(protocol.share * len(late)), len(late) // 2)
        donor_of = dict(zip(late[:hits].tolist(), late[hits : 2 * hits].tolist(), strict=True))
        left = set(donor_of.values())
        for number, session in enumerate(sessions):
            events, moved_from = session.events, len(session.events)
            if number in left:
                continue
            if number in donor_of:
                own = {name: [sessions[donor_of[number]]]}
                events, moved_from = _masquerade(own, "", events, [name], protocol, rng)
            rows += _rows(name, number, session.started, events, moved_from, number >= late_from)
    return _log(pd.DataFrame(rows), list(users))


def _masquerade(
    users: UserSessions,
    victim: str,
    events: Sequence[RecordedEvent],
    donors: Sequence[str],
    protocol: Protocol,
    rng: np.random.Generator,
) -> tuple[Sequence[RecordedEvent], int]:
    """The session as it goes on with a part of a donor's, and the place of the first event that is not the victim's."""
    donor = donors[int(rng.integers(len(donors)))]
    while donor == victim:
        donor = donors[int(rng.integers(len(donors)))]
    source = users[donor][int(rng.integers(len(users[donor])))].events
    cut = int(rng.integers(0, len(events))) if rng.random() < 0.7 else 0
    length = min(len(source), max(protocol.shortest, len(events) - cut))
    first = int(rng.integers(0, len(source) - length + 1))
    moved = [dict(event) for event in source[first : first + length]]
    if protocol.through_victim is not None and rng.random() < protocol.through_victim:
        place = {column: events[0][column] for column in PLACE if column in events[0]}
        moved = [event | place for event in moved]
    return [*events[:cut], *moved], cut


def _rows(
    user: str, number: int, started: int, events: Sequence[RecordedEvent], moved_from: int, late: bool
) -> Iterable[dict[str, Any]]:
    time = started
    for place, event in enumerate(events):
        time += int(event.get(GAP, 5.0) * SECOND)
        yield dict(event) | {
            "time": time,
            "identity.id": user,
            "identity.type": "human",
            "session.id": f"{user}/{number}",
            "session.started_at": started,
            "moved": place >= moved_from,
            "late": late,
        }


def _log(frame: pd.DataFrame, names: Sequence[str]) -> MasqueradeLog:
    frame = frame.sort_values("time", kind="stable").reset_index(drop=True)
    number = {name: place for place, name in enumerate(names)}
    return MasqueradeLog(
        conform(pa.table({field.name: _column(frame, field) for field in EVENT_SCHEMA if field.name in frame})),
        frame["moved"].to_numpy(bool),
        frame["late"].to_numpy(bool),
        frame["identity.id"].map(number).to_numpy(np.int64),
        np.unique(frame["session.id"], return_inverse=True)[1],
    )


def _column(frame: pd.DataFrame, field: pa.Field) -> pa.Array:
    if pa.types.is_timestamp(field.type):
        return pa.array(frame[field.name].to_numpy(np.int64)).cast(pa.timestamp("us")).cast(field.type)
    values = frame[field.name].astype(object)
    return pa.array([None if pd.isna(value) or value == "" else value for value in values], field.type)
