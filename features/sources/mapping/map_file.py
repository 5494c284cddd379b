"""The map of a log: a YAML file that says from which field of a record each field of an event comes.

```yaml
title: Badge reader
requires: [badge, when]                 # a record without these is no record of this log
records: [items]                        # members of a file that hold the list of its records, beside `Records`
not_events: {kind: {heartbeat: a heartbeat}}   # records that are no act of an identity, by the value of a field
nobody: {badge: [redacted, unknown]}    # values that name nobody in particular
fields:
  time: when | received                 # the first of these that has a value
  identity.id: badge
  identity.type: {from: holder, values: {employee: human, robot: workload}}
  action.name: "{verb} {object.kind}"   # a text made of several fields; without one of them it has no value
  action.outcome: {from: result, values: {ok: success, refused: denied}, else: failure}
actions:
  categories: {read: [look *], delete: [erase record]}
  views: {list: "^list "}               # a regular expression for names that only look, whatever they look at
  impact: {high: [erase record]}
  irreversible: [erase record]
  arguments:                            # what an argument makes of an action, whatever its name says; the first counts
    - {names: [look *], from: options.erase, values: ["true"], category: delete}
  statement: query.sql                  # SQL or a command line: what it does counts where that does more harm
```

Paths are those of `paths.py`. `values` compares without regard to letter case; `patterns` are regular expressions tried
in order; a value that neither knows is unknown, unless `else` says otherwise; `default` is for a record without the
field (but for an outcome that the action's name tells of, and a sign-in is never a success by default); `is` is the
same for every record. A value that is not one of the field's choices is refused here, when the map is read, and not at
some record.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from features.bounded_yaml.composer import YamlError
from features.bounded_yaml.document import parse_yaml, read_bounded
from features.event.schema import Category, Impact
from features.sources.mapping.action_table import ActionTable
from features.sources.mapping.event_fields import EVENT_FIELDS
from features.sources.mapping.paths import PathError, path_steps
from features.sources.mapping.values import text_value
from features.suggestions import did_you_mean

SLOT = re.compile(r"\{([^{}]+)\}")
REQUIRED = ("time", "identity.id", "identity.type", "action.name")
"""Fields that every event has."""


class MapError(ValueError):
    """A map that cannot be used; the message says where and what to write instead."""


def _alternatives(value: Any) -> Any:
    return [part.strip() for part in value.split(" | ")] if isinstance(value, str) else value


Alternatives = Annotated[tuple[str, ...], BeforeValidator(_alternatives)]
Scalar = str | int | float | bool | None
_CONFIG = ConfigDict(extra="forbid", frozen=True)


class FieldRule(BaseModel):
    """Where one field of an event comes from."""

    model_config = _CONFIG
    sources: Alternatives = Field(default=(), alias="from")
    values: Mapping[str, Scalar] | None = None
    patterns: Mapping[str, Scalar] | None = None
    otherwise: Scalar = Field(default=None, alias="else")
    default: Scalar = None
    constant: Scalar = Field(default=None, alias="is")

    @model_validator(mode="after")
    def _readable(self) -> FieldRule:
        if (self.constant is None) == (not self.sources):
            raise ValueError("needs either `from` or `is`")
        if self.otherwise is not None and self.values is None and self.patterns is None:
            raise ValueError("`else` needs `values` or `patterns`; for records without the field, write `default`")
        _check_paths(path for source in self.sources for path in SLOT.findall(source) or [source])
        for pattern in self.patterns or ():
            _checked(pattern)
        return self

    def results(self) -> list[Scalar]:
        """Every value that the rule gives by itself, whatever a record holds."""
        mapped = [*(self.values or {}).values(), *(self.patterns or {}).values()]
        return [value for value in (*mapped, self.otherwise, self.default, self.constant) if value is not None]


def _check_paths(paths: Iterable[str]) -> None:
    for path in paths:
        try:
            path_steps(path)
        except PathError as error:
            raise ValueError(str(error)) from None


def _checked(expression: str) -> None:
    try:
        re.compile(expression)
    except re.error as error:
        raise ValueError(f"{expression!r} is not a regular expression: {error}") from None


def _as_rule(value: Any) -> Any:
    return {"from": value} if isinstance(value, str | list) else value


class ArgumentRule(BaseModel):
    """What an argument makes of an action: `Search-Mailbox` reads, and deletes with `-DeleteContent`."""

    model_config = _CONFIG
    names: Annotated[tuple[str, ...], Field(min_length=1)]
    sources: Annotated[Alternatives, Field(min_length=1)] = Field(alias="from")
    values: tuple[str, ...] | None = None
    """The values that count; without them any but an empty, a null and a false one."""
    category: Category
    impact: Impact | None = None

    @model_validator(mode="after")
    def _readable(self) -> ArgumentRule:
        _check_paths(self.sources)
        return self

    def applies(self, name: str, found: Iterable[Any]) -> bool:
        """Whether an action of this name, in small letters, with these values of the argument, is meant."""
        if not any(fnmatchcase(name, pattern.casefold()) for pattern in self.names):
            return False
        texts = [text.casefold().lstrip("$") for value in found if (text := argument_text(value))]
        if self.values is None:
            return any(text not in _NOTHING for text in texts)
        return not {value.casefold() for value in self.values}.isdisjoint(texts)


_NOTHING = {"false", "null", "no", "0", "none"}
"""Values by which an argument is left out."""


def argument_text(value: Any) -> str | None:
    """An argument as text; a list or object, which is given if it has any member, as its JSON."""
    if isinstance(value, dict | list):
        return json.dumps(value, default=str) if value else None
    return text_value(value)


class ActionRules(BaseModel):
    """The table of actions, by the log's own names."""

    model_config = _CONFIG
    categories: Mapping[Category, tuple[str, ...]] = Field(default_factory=dict)
    views: Mapping[Category, str] = Field(default_factory=dict)
    impact: Mapping[Impact, tuple[str, ...]] = Field(default_factory=dict)
    irreversible: tuple[str, ...] = ()
    reversible: tuple[str, ...] = ()
    arguments: tuple[ArgumentRule, ...] = ()
    statement: Alternatives = ()

    def table(self) -> ActionTable:
        """The table, ready to be asked."""
        return ActionTable.of(self.categories, self.impact, self.irreversible, self.reversible, self.views)

    @model_validator(mode="after")
    def _views_are_readable(self) -> ActionRules:
        for expression in self.views.values():
            _checked(expression)
        _check_paths(self.statement)
        return self


class MapFile(BaseModel):
    """A whole map."""

    model_config = _CONFIG
    title: str
    requires: tuple[str, ...] = ()
    records: tuple[str, ...] = ()
    not_events: Mapping[str, Mapping[str, str]] = Field(default_factory=dict)
    nobody: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    fields: Mapping[str, Annotated[FieldRule, BeforeValidator(_as_rule)]]
    actions: ActionRules = ActionRules()

    @model_validator(mode="after")
    def _fits_an_event(self) -> MapFile:
        _check_paths((*self.requires, *self.not_events, *self.nobody))
        for name, rule in self.fields.items():
            if name not in EVENT_FIELDS:
                raise ValueError(f"an event has no field {name!r}; {did_you_mean(name, EVENT_FIELDS)}")
            field = EVENT_FIELDS[name]
            for value in rule.results():
                if (field.choices and value not in field.choices) or field.convert(value) is None:
                    choices = f"; choose one of {', '.join(field.choices)}" if field.choices else ""
                    raise ValueError(f"{value!r} cannot be the value of {name}{choices}")
        return self


def read_map(path: Path, required: tuple[str, ...] = REQUIRED) -> MapFile:
    """The map in a YAML file, with a rule for each of the `required` fields; raises MapError."""
    try:
        value = parse_yaml(read_bounded(path), path.name).value
        found = MapFile.model_validate(value)
    except YamlError as error:
        raise MapError(str(error)) from error
    except ValidationError as error:
        raise MapError("; ".join(map(_sentence(path.name), error.errors()[:3]))) from None
    missing = [name for name in required if name not in found.fields]
    if missing:
        raise MapError(f"{path.name}: `fields` does not say where {' and '.join(missing)} come from")
    return found


def _sentence(name: str) -> Callable[[Any], str]:
    def sentence(error: Any) -> str:
        place = ".".join(str(part) for part in error["loc"])
        return f"{name}: {place + ': ' if place else ''}{error['msg'].removeprefix('Value error, ')}"

    return sentence
