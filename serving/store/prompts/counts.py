"""Counts prompts by the minute: in all, by rule, by remedy and scope, and those that nobody answered.

A request reads the minutes of one window, never the challenges themselves. A prompt counts in whole minutes: until the
minute it was asked in lies outside the window, so for up to a minute longer than the window.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import bindparam

from serving.policy.rules import Storm
from serving.store.database import Connection, Statement, insert_into
from serving.store.schema import SessionKey, challenges, prompt_counts, step_ups
from serving.times import microseconds, time_of

MINUTE = 60_000_000
"""In microseconds."""
PROMPTS, UNANSWERED = "prompts", "unanswered"
RULE, REMEDY = "rule ", "remedy "
"""How the names of counters of a rule, and of a remedy, begin."""
EVERY_SCOPE = ""

_SCOPE = (
    (prompt_counts.c.space == bindparam("of_space"))
    & (prompt_counts.c.identity == bindparam("of_identity"))
    & (prompt_counts.c.scope == bindparam("of_scope"))
)
_COUNTER = _SCOPE & (prompt_counts.c.minute == bindparam("of_minute")) & (prompt_counts.c.counter == bindparam("of"))
_WINDOW = _SCOPE & (prompt_counts.c.minute >= bindparam("since")) & (prompt_counts.c.minute <= bindparam("until"))
_COUNTED = Statement(
    sa.select(prompt_counts.c.counter, sa.func.sum(prompt_counts.c.times))
    .where(_WINDOW)
    .group_by(prompt_counts.c.counter)
)
_MINUTES = Statement(
    sa.select(prompt_counts.c.minute, prompt_counts.c.times)
    .where(_WINDOW, prompt_counts.c.counter == UNANSWERED)
    .order_by(prompt_counts.c.minute)
)
_ONE_MORE = Statement(sa.update(prompt_counts).where(_COUNTER).values(times=prompt_counts.c.times + 1))
_ONE_LESS = Statement(sa.update(prompt_counts).where(_COUNTER).values(times=prompt_counts.c.times - 1))
_REMOVE = Statement(sa.delete(prompt_counts).where(_COUNTER, prompt_counts.c.times <= 0))
_INSERT = insert_into(prompt_counts)
_completed = (
    sa.select(step_ups.c.place)
    .where(step_ups.c.decision_id == challenges.c.decision_id, step_ups.c.result == "completed")
    .exists()
)
CHALLENGES = sa.select(challenges, _completed.label("completed"))
"""Every challenge with what its counters follow from."""
_CHALLENGE = Statement(CHALLENGES.where(challenges.c.decision_id == bindparam("of_decision")))
_COLUMNS = (*(column.name for column in challenges.c), "completed")


class Count(NamedTuple):
    """What one number counts: a counter, of one scope or of all, in one minute since 1970."""

    scope: str
    minute: int
    counter: str


@dataclass(frozen=True)
class CountedPrompts:
    """The prompts of an identity within a window, in all and by rule, and by remedy for one scope."""

    prompts: int = 0
    by_rule: Mapping[str, int] = field(default_factory=dict)
    by_remedy: Mapping[str, int] = field(default_factory=dict)


def minute_of(at: datetime) -> int:
    """The minute of a time, counted since 1970."""
    return microseconds(at) // MINUTE


def scope_of(category: str | None, resource_type: str | None) -> str:
    """The name of a scope: what was asked for the same category and type of resource."""
    return json.dumps([category, resource_type], ensure_ascii=False)


def counts_of(challenge: Mapping[Any, Any]) -> Iterator[Count]:
    """Everything that a row of `CHALLENGES` adds one to."""
    minute, scope = challenge["asked_at"] // MINUTE, scope_of(challenge["category"], challenge["resource_type"])
    yield Count(EVERY_SCOPE, minute, PROMPTS)
    for rule in dict.fromkeys((challenge["asked_by"] or "").splitlines()):
        yield Count(EVERY_SCOPE, minute, RULE + rule)
    if challenge["remedy"]:
        yield Count(scope, minute, REMEDY + challenge["remedy"])
    if challenge["unproven"] and not challenge["completed"]:
        yield Count(EVERY_SCOPE, minute, UNANSWERED)


class PromptCounts:
    """The counts of prompts, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, challenge: Mapping[str, Any]) -> None:
        """Count a challenge that was made now."""
        for count in counts_of({**challenge, "completed": False}):
            values = _names(challenge["space"], challenge["identity"], count)
            if self._connection.change(_ONE_MORE, **values) == 0:
                row = {"space": challenge["space"], "identity": challenge["identity"], **count._asdict()}
                self._connection.change(_INSERT, **row, times=1)

    def answered(self, decision_id: str) -> None:
        """A challenge is being completed: it no longer counts as unanswered."""
        challenge = self._challenge(decision_id)
        if challenge is not None:
            self._take(challenge, [count for count in counts_of(challenge) if count.counter == UNANSWERED])

    def forget(self, decision_id: str) -> None:
        """A challenge is being erased: take it from every count."""
        challenge = self._challenge(decision_id)
        if challenge is not None:
            self._take(challenge, counts_of(challenge))

    def within(
        self, key: SessionKey, scope: tuple[str | None, str | None], at: datetime, window_seconds: float
    ) -> CountedPrompts:
        """What an identity was asked within the window that ends at a time."""
        every = self._counted(key, EVERY_SCOPE, at, window_seconds)
        if not every:
            return CountedPrompts()
        of_scope = self._counted(key, scope_of(*scope), at, window_seconds)
        return CountedPrompts(
            prompts=every.get(PROMPTS, 0),
            by_rule=_named(every, RULE),
            by_remedy=_named(of_scope, REMEDY),
        )

    def unanswered(self, keys: Sequence[SessionKey], at: datetime, storm: Storm) -> tuple[int, datetime | None]:
        """How many prompts of an identity nobody answered within the window, and when there will be fewer than allowed
        again; None if there are fewer now."""
        windows = (_window(key, EVERY_SCOPE, at, storm.window_seconds) for key in keys)
        minutes = sorted(tuple(row) for window in windows for row in self._connection.rows(_MINUTES, **window))
        total = left = sum(times for _, times in minutes)
        ends = None
        for minute, times in minutes:
            if left < storm.unanswered:
                break
            left, ends = left - times, time_of((minute + 1) * MINUTE) + timedelta(seconds=storm.window_seconds)
        return total, ends

    def _counted(self, key: SessionKey, scope: str, at: datetime, window_seconds: float) -> dict[str, int]:
        rows = self._connection.rows(_COUNTED, **_window(key, scope, at, window_seconds))
        return {counter: int(times) for counter, times in rows}

    def _challenge(self, decision_id: str) -> dict[str, Any] | None:
        row = self._connection.first(_CHALLENGE, of_decision=decision_id)
        return dict(zip(_COLUMNS, row, strict=True)) if row else None

    def _take(self, challenge: Mapping[str, Any], counts: Iterable[Count]) -> None:
        for count in counts:
            values = _names(challenge["space"], challenge["identity"], count)
            self._connection.change(_ONE_LESS, **values)
            self._connection.change(_REMOVE, **values)


def _named(counted: Mapping[str, int], begins: str) -> Counter[str]:
    return Counter({name.removeprefix(begins): times for name, times in counted.items() if name.startswith(begins)})


def _window(key: SessionKey, scope: str, at: datetime, window_seconds: float) -> dict[str, Any]:
    return {
        "of_space": key.namespace,
        "of_identity": key.identity,
        "of_scope": scope,
        "since": minute_of(at - timedelta(seconds=window_seconds)),
        "until": minute_of(at),
    }


def _names(space: str, identity: str, count: Count) -> dict[str, Any]:
    return {
        "of_space": space,
        "of_identity": identity,
        "of_scope": count.scope,
        "of_minute": count.minute,
        "of": count.counter,
    }
