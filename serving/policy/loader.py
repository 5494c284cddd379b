"""Loads the policy, and files beside it, strictly: every error names file, line and column, and what would be right.

`read_yaml` reads any such file into a pydantic model. What a file may hold, and how long reading it may take, is
bounded by `features.bounded_yaml`. Types are strict: no `true` or "300" for a number, no number for a text.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from re import findall
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from features.bounded_yaml.composer import DEFAULT_LIMITS, YamlError, YamlLimits
from features.bounded_yaml.document import YamlDocument, parse_yaml, read_bounded
from features.suggestions import nearest

Model = TypeVar("Model")

MOST_ERRORS = 20
"""How many errors of one file are listed; the rest is counted."""
_LONGEST_REASON = 400


class PolicyError(ValueError):
    """A policy that cannot be used; the message says what is wrong, where, and what would be right."""

    def __init__(self, message: str, file: str = "") -> None:
        super().__init__(message)
        self.file = file
        """The file that cannot be used, where it is known."""


class UnknownName(ValueError):
    """Raised by validators for a name that is not known. The loader adds the nearest known one to the message."""

    def __init__(self, message: str, name: str, known: Iterable[str]) -> None:
        super().__init__(message)
        self.name = name
        self.known = known


def suggestion(word: str, known: Iterable[str]) -> str:
    """The end of an error message that names the nearest known word; empty when none is near.

    >>> suggestion("credential_exposde", ["credential_exposed"])
    "; did you mean 'credential_exposed'?"
    """
    near = nearest(word[:100], known)
    return f"; did you mean {near!r}?" if near else ""


def read_file(path: Path, limits: YamlLimits = DEFAULT_LIMITS) -> bytes:
    """The bytes of a file. Raises PolicyError, caused by an OSError, when it cannot be read or is too long."""
    try:
        return read_bounded(path, limits)
    except YamlError as error:
        raise PolicyError(_printable(str(error)), str(path)) from error.__cause__


def read_yaml(
    source: Path | str | bytes, kind: type[Model], name: str = "", limits: YamlLimits = DEFAULT_LIMITS
) -> Model:
    """A YAML file, or a text, as a validated model; `name` is what messages call a text.

    Raises PolicyError with a line for each error: file:line:column, key, reason, and what would be right.
    """
    data = read_file(source, limits) if isinstance(source, Path) else source
    name = name or (str(source) if isinstance(source, Path) else "the text")
    try:
        document = parse_yaml(data, name, limits)
    except YamlError as error:
        raise PolicyError(_printable(str(error)), name) from error
    adapter = TypeAdapter(kind)
    try:
        # As JSON, since only there a strict model takes a list for a tuple and a text for a time.
        return adapter.validate_json(json.dumps(document.value), strict=True)
    except ValidationError as error:
        raise PolicyError(_messages(name, error, document, adapter), name) from error


def _messages(name: str, error: ValidationError, document: YamlDocument, adapter: TypeAdapter[Any]) -> str:
    """A line for each error; the first of them only, where there are many."""
    errors = error.errors(include_url=False)
    schema = adapter.json_schema()
    lines = dict.fromkeys(_message(name, item, document, schema) for item in errors[:MOST_ERRORS])
    if len(errors) > MOST_ERRORS:
        lines[f"{name}: and {len(errors) - MOST_ERRORS:,} more errors"] = None
    return "\n".join(lines)


def _message(name: str, error: Any, document: YamlDocument, schema: Any) -> str:
    """One error in a line: file, line, column, key, reason, and the nearest word that would be right."""
    location = tuple(str(part) for part in error["loc"] if part != "[key]")
    is_key = "[key]" in error["loc"] or error["type"] == "extra_forbidden"
    line, column = document.position(location, of_key=is_key)
    reason = _reason(error, location, schema)
    return _printable(f"{name}:{line}:{column}: {_path(document.value, location) or 'the file'}: {reason}")


def _path(value: Any, location: Sequence[str]) -> str:
    """A location in words: an entry of a list goes by its id where it has one.

    >>> _path({"floors": [{"id": "admin-console"}]}, ("floors", "0", "when"))
    'floors.admin-console.when'
    """
    names = []
    for part in location:
        in_list = isinstance(value, list)
        entries = dict(enumerate(value)) if in_list else value if isinstance(value, dict) else {}
        value = entries.get(int(part) if in_list and part.isdecimal() else part)
        id = value.get("id") if in_list and isinstance(value, dict) else None
        names.append(id if isinstance(id, str) else part)
    return ".".join(name[:100] for name in names)


def _reason(error: Any, location: Sequence[str], schema: Any) -> str:
    """What is wrong in words, and what would be right."""
    reason: str = error["msg"].removeprefix("Value error, ")
    reason = reason if len(reason) <= _LONGEST_REASON else f"{reason[:_LONGEST_REASON]}..."
    raised = error.get("ctx", {}).get("error")
    if error["type"] == "extra_forbidden":
        return "there is no such key" + suggestion(location[-1], _allowed_keys(schema, location[:-1]))
    if error["type"] in ("literal_error", "enum"):
        word = location[-1] if error["loc"][-1] == "[key]" else str(error["input"])
        return reason + suggestion(word, findall(r"'([^']+)'", error["ctx"]["expected"]))
    if isinstance(raised, UnknownName):
        return reason + suggestion(raised.name, raised.known)
    return reason + _type_hint(error["type"], error["input"])


def _type_hint(kind: str, value: Any) -> str:
    """What to write instead of a value of another type.

    >>> _type_hint("int_type", "yes"), _type_hint("int_type", True), _type_hint("string_type", 12)
    (": 'yes' is text, so write the number", ': true is not a number', ': 12 is a number, so put it in quotes')
    """
    if isinstance(value, list | dict) or value is None:
        return ""
    if kind in ("int_type", "float_type", "int_from_float"):
        if isinstance(value, bool):
            return f": {str(value).lower()} is not a number"
        return f": {value[:40]!r} is text, so write the number" if isinstance(value, str) else f": {value} is not whole"
    if kind == "bool_type":
        return f": {str(value)[:40]!r} is neither; write true or false"
    if kind == "string_type":
        what = "true or false" if isinstance(value, bool) else "a number"
        return f": {str(value).lower()} is {what}, so put it in quotes"
    return ""


def _printable(text: str) -> str:
    """The text with its control characters escaped."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def _allowed_keys(schema: Any, location: Sequence[str]) -> list[str]:
    """The keys that the schema allows at a location of the file."""
    node: Any = schema
    for part in location:
        node = _resolve(node, schema)
        child = node.get("properties", {}).get(part) or node.get("items") or node.get("additionalProperties")
        node = child if isinstance(child, dict) else {}
    return list(_resolve(node, schema).get("properties", {}))


def _resolve(node: Any, schema: Any) -> Any:
    name = node.get("$ref", "").rpartition("/")[2]
    return schema["$defs"][name] if name else node
