"""Turns a record into an Event by a map: the one place where paths are followed and values are read.

A vendor's folder adds what a map cannot say, such as who acts, as a function that changes the fields before the event
is made from them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from features.event.schema import Event, Outcome
from features.sources.formats.records import NobodyKnown, NotAnEvent, Record
from features.sources.mapping.action_table import ActionTable
from features.sources.mapping.event_fields import EVENT_FIELDS, EventField
from features.sources.mapping.map_file import REQUIRED, SLOT, ArgumentRule, FieldRule, MapFile, read_map
from features.sources.mapping.paths import IndexedRecord, value_at
from features.sources.mapping.values import text_value

_FAILED = re.compile(r"fail(?!.?over)", re.IGNORECASE)
_SIGN_IN_SAYS: tuple[tuple[re.Pattern[str], Outcome], ...] = (
    (re.compile(r"den(y|ied)|reject|refused|blocked|unauthori[sz]ed", re.IGNORECASE), "denied"),
    (re.compile(r"invalid|error|timed?.?out|expired", re.IGNORECASE), "failure"),
    (re.compile(r"succe(ss|eded)", re.IGNORECASE), "success"),
)
"""What the name of a sign-in says came of it; the first that fits counts."""

Fields = dict[str, Any]
"""The values of an event's fields by their dotted names; None is unknown."""
FieldRules = Callable[[Record, Fields], None]
"""Changes the fields that a map has read, where a vendor's rules say more than a map can."""


@dataclass(frozen=True)
class LogMap:
    """A map, ready to read records."""

    title: str
    requires: tuple[str, ...]
    not_events: Mapping[str, Mapping[str, str]]
    rules: tuple[tuple[str, FieldRule, EventField], ...]
    actions: ActionTable
    nobody: Mapping[str, frozenset[str]] = field(default_factory=dict)
    arguments: tuple[ArgumentRule, ...] = ()
    statements: tuple[str, ...] = ()

    def recognises(self, record: Record) -> bool:
        """Whether a record has every field that a record of this log must have."""
        return self._missing(record) is None

    def _missing(self, record: Record) -> str | None:
        """The first field that the record lacks, or has with nothing or empty text in it."""
        return next((path for path in self.requires if value_at(record, path) in (None, "")), None)

    def fields(self, record: Record) -> Fields:
        """The fields of an event that the map reads from a record; raises NotAnEvent, or ValueError for a record of
        something else."""
        record = record if isinstance(record, IndexedRecord) else IndexedRecord(record)
        missing = self._missing(record)
        if missing is not None:
            raise ValueError(f"{missing} is missing: this is no record of {self.title}")
        for path, reasons in self.not_events.items():
            value = text_value(value_at(record, path))
            if value is not None and value.casefold() in reasons:
                raise NotAnEvent(reasons[value.casefold()])
        for path, names in self.nobody.items():
            value = text_value(value_at(record, path))
            if value is not None and value.casefold() in names:
                raise NobodyKnown("an act of nobody in particular")
        read = {name: _value(rule, reads, record) for name, rule, reads in self.rules}
        fields = {name: value for name, (value, _) in read.items()}
        if "action.outcome" in read and not read["action.outcome"][1]:
            fields["action.outcome"] = self._outcome_left_out(fields)
        return fields

    def _outcome_left_out(self, fields: Fields) -> Outcome | None:
        """The outcome of an action whose record holds none: what its name says, else the map's default.

        Nothing is assumed of a sign-in: one that failed would teach a habit.
        """
        name = fields.get("action.name")
        default: Outcome | None = fields["action.outcome"]
        if name is None or default is None:
            return default
        if _FAILED.search(name):
            return "failure"
        if "authenticate" not in (fields.get("action.category"), self.actions.facts(name).category):
            return default
        return next((outcome for words, outcome in _SIGN_IN_SAYS if words.search(name)), None)

    def event(self, fields: Fields) -> Event:
        """The Event with these fields and with what the table knows of its action.

        Raises NobodyKnown without an identity, ValueError without another field that every event has, and pydantic's
        ValidationError for a value that no event may have.
        """
        if not fields.get("identity.id"):
            raise NobodyKnown("an act of nobody in particular")
        for name in REQUIRED:
            if not fields.get(name):
                raise ValueError(f"{name} is missing or cannot be read")
        facts = self.actions.facts(fields["action.name"])
        for name, known in zip(("category", "impact", "reversible"), facts, strict=True):
            if fields.get(f"action.{name}") is None:
                fields[f"action.{name}"] = known
        return Event.model_validate(_nested(fields))

    def event_of(self, record: Record, *rules: FieldRules) -> Event:
        """The Event of a record; `rules` are applied in order to what the map has read."""
        record = IndexedRecord(record)
        fields = self.fields(record)
        for rule in rules:
            rule(record, fields)
        self._set_by_argument(record, fields)
        return self.event(fields)

    def statement(self, record: Record) -> str | None:
        """The statement or command line that a record says its action carries out."""
        record = record if isinstance(record, IndexedRecord) else IndexedRecord(record)
        return next((text for path in self.statements if (text := text_value(value_at(record, path)))), None)

    def _set_by_argument(self, record: Record, fields: Fields) -> None:
        """Set category and impact of an action whose name says less than one of its arguments; the first counts."""
        name = (fields.get("action.name") or "").casefold()
        for rule in self.arguments:
            if rule.applies(name, (value_at(record, path) for path in rule.sources)):
                fields["action.category"] = rule.category
                fields["action.impact"] = rule.impact or fields.get("action.impact")
                return


def _nested(fields: Fields) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    for name, value in fields.items():
        group, _, field = name.partition(".")
        if field:
            parts.setdefault(group, {})[field] = value
        else:
            parts[group] = value
    return parts


def _value(rule: FieldRule, field: EventField, record: Record) -> tuple[Any, bool]:
    """The field's value for a record, from the first alternative that gives one; and whether the record holds it."""
    if rule.constant is not None:
        return field.convert(rule.constant), True
    present = False
    for source in rule.sources:
        found = _found(source, record)
        if found is None or found == "":
            continue
        present = True
        converted = field.convert(_mapped(rule, found))
        if converted is not None:
            return converted, True
    default = None if present or rule.default is None else field.convert(rule.default)
    return default, present


def _found(source: str, record: Record) -> Any:
    slots = SLOT.findall(source)
    if not slots:
        return value_at(record, source)
    parts = {slot: text_value(value_at(record, slot)) for slot in slots}
    if None in parts.values():
        return None
    return SLOT.sub(lambda match: str(parts[match[1]]), source)


def _mapped(rule: FieldRule, found: Any) -> Any:
    """What the rule's values and patterns make of a value; the value itself where it has neither."""
    if rule.values is None and rule.patterns is None:
        return found
    text = text_value(found) or ""
    folded = text.casefold()
    for key, value in (rule.values or {}).items():
        if key.casefold() == folded:
            return value
    for pattern, value in (rule.patterns or {}).items():
        if re.search(pattern, text, re.IGNORECASE):
            return value
    return rule.otherwise


def ready_map(file: MapFile) -> LogMap:
    """A map that has been read, ready to read records."""
    return LogMap(
        title=file.title,
        requires=file.requires,
        not_events={path: {k.casefold(): v for k, v in reasons.items()} for path, reasons in file.not_events.items()},
        rules=tuple((name, rule, EVENT_FIELDS[name]) for name, rule in file.fields.items()),
        actions=file.actions.table(),
        nobody={path: frozenset(map(str.casefold, names)) for path, names in file.nobody.items()},
        arguments=file.actions.arguments,
        statements=file.actions.statement,
    )


@cache
def vendor_map(path: Path) -> LogMap:
    """The map in a vendor's folder, read once; which fields its code adds, only the code knows."""
    return ready_map(read_map(path, required=()))
