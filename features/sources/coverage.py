"""How much of a log its source reads: who acts, by which rule, what was done, and what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from features.event.schema import Event
from features.sources.actions.generic_names import generic_category
from features.sources.file_import import event_or_reason
from features.sources.formats.records import NobodyKnown, NotAnEvent, Record, records_of
from features.sources.log_source import LogSource

TARGETS = {"identity": 0.99, "type": 0.95, "table": 0.95, "outcome": 0.99}
"""The least share of each that a source is to reach over its samples."""


@dataclass
class Coverage:
    """What became of the records of some files. Every share is of the events; repeats count."""

    records: int = 0
    events: int = 0
    typed: int = 0
    """Events whose identity type a rule names."""
    outcomes: int = 0
    """Events that say what came of them."""
    by_words: Counter[str] = field(default_factory=Counter)
    """Actions that the vendor's table does not know, and whose words say a category."""
    without_category: Counter[str] = field(default_factory=Counter)
    """Actions that neither knows."""
    nobody: Counter[str] = field(default_factory=Counter)
    not_events: Counter[str] = field(default_factory=Counter)
    unreadable: Counter[str] = field(default_factory=Counter)
    known: Counter[str] = field(default_factory=Counter)
    """How many events have a value, by column."""

    @property
    def shares(self) -> dict[str, float]:
        """The share of requests with an identity, and of events with a type by a rule, a category from the vendor's
        table, and an outcome; NaN where there are none."""
        requests = self.events + self.nobody.total()
        listed = self.events - self.by_words.total() - self.without_category.total()
        counts = {"identity": (self.events, requests)} | {
            name: (count, self.events)
            for name, count in (("type", self.typed), ("table", listed), ("outcome", self.outcomes))
        }
        return {name: count / of if of else float("nan") for name, (count, of) in counts.items()}

    def take(self, source: LogSource, record: Record) -> Event | None:
        """Count a record; its event, if it is one."""
        self.records += 1
        event = event_or_reason(record, source.parse)
        if isinstance(event, NotAnEvent | str):
            self.take_other(event)
            return None
        self.events += 1
        self.typed += source.identity_type(record) is not None
        self.outcomes += event.action.outcome is not None
        self.known.update(known_columns(event).keys())
        if event.action.category is None:
            words = generic_category(event.action.name)
            (self.without_category if words is None else self.by_words)[event.action.name] += 1
        return event

    def take_other(self, other: NotAnEvent | str) -> None:
        """Count what is no event, nobody's, or unreadable."""
        if isinstance(other, NobodyKnown):
            self.nobody[str(other)] += 1
        else:
            (self.not_events if isinstance(other, NotAnEvent) else self.unreadable)[str(other)] += 1


def coverage_of(source: LogSource, files: Iterable[Path]) -> Coverage:
    """How much of some files a source reads, a record at a time."""
    coverage = Coverage()
    for file in files:
        for _, record in records_of(file, source.form):
            if isinstance(record, dict):
                coverage.take(source, record)
            else:
                coverage.records += 1
                coverage.take_other(record)
    return coverage


def known_columns(event: Event) -> dict[str, object]:
    """The columns of an event that have a value, with their values as JSON holds them."""
    groups = event.model_dump(mode="json", exclude_none=True)
    inner = {
        f"{group}.{name}": v for group, part in groups.items() if isinstance(part, dict) for name, v in part.items()
    }
    return {name: groups[name] for name in ("id", "time") if name in groups} | inner
