"""What became of every record of an import, and what the events know."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from features.event.schema import Event
from features.sources.formats.records import NobodyKnown, NotAnEvent, UnreadableRecord

MOST_NAMED = 1_000
"""Unreadable records, and names of actions, that are named; the rest are counted."""


@dataclass
class ImportReport:
    """What became of every record: it is an event, a repeat of one, no event, nobody's, or unreadable."""

    events: int = 0
    duplicates: int = 0
    """The same event again, in one file or across files."""
    not_events: Counter[str] = field(default_factory=Counter)
    """Well-formed records that are no act of an identity, by what they are."""
    nobody: Counter[str] = field(default_factory=Counter)
    """Requests of which the log does not say who made them, by why."""
    unreadable: list[UnreadableRecord] = field(default_factory=list)
    """The first of the records that cannot be read."""
    unreadable_count: int = 0
    wrappers: Counter[str] = field(default_factory=Counter)
    """Records that were unwrapped, by what was around them."""
    by_words: Counter[str] = field(default_factory=Counter)
    """Actions that the vendor's table does not know, whose category is that of their words."""
    without_category: Counter[str] = field(default_factory=Counter)
    """Actions whose category stays unknown."""
    known: Counter[str] = field(default_factory=Counter)
    """How many events have a value, by column."""

    @property
    def records(self) -> int:
        """All records."""
        return self.events + self.duplicates + self.not_events.total() + self.nobody.total() + self.unreadable_count

    def add_unreadable(self, record: UnreadableRecord) -> None:
        """Count a record that cannot be read, and name it unless there are many."""
        self.unreadable_count += 1
        if len(self.unreadable) < MOST_NAMED:
            self.unreadable.append(record)

    def add_other(self, other: NotAnEvent) -> None:
        """Count a record that is no event, or nobody's."""
        (self.nobody if isinstance(other, NobodyKnown) else self.not_events)[str(other)] += 1

    def add_category(self, event: Event, *, by_words: bool) -> None:
        """Count an action that the vendor's table does not know."""
        names = self.by_words if by_words else self.without_category
        name = event.action.name
        names[name if name in names or len(names) < MOST_NAMED else "other names"] += 1

    def add_events(self, table: pa.Table) -> None:
        """Count the events of a table and what is known of them."""
        self.events += table.num_rows
        for name, column in zip(table.column_names, table.columns, strict=True):
            self.known[name] += table.num_rows - column.null_count

    def share_known(self, column: str) -> float:
        """The share of events that have a value in a column, 0 to 1; NaN without events."""
        return self.known[column] / self.events if self.events else float("nan")

    def as_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        return vars(self) | {"unreadable": [[str(r.file), r.position, r.reason] for r in self.unreadable]}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> ImportReport:
        """The report that `as_json` wrote."""
        counters = {name: Counter(part) for name, part in value.items() if isinstance(part, dict)}
        unreadable = [UnreadableRecord(Path(file), position, reason) for file, position, reason in value["unreadable"]]
        return cls(**(value | counters | {"unreadable": unreadable}))
