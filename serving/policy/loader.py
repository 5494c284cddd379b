"""Loads a policy file strictly: an unknown key, a duplicate key or a wrong value is an error with file and line.

YAML silently keeps the last of two equal keys, so duplicates are searched for before the file is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from re import findall
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from serving.policy.rules import suggestion

Location = tuple[str, ...]
"""The keys and indices that lead to an entry of the file."""
Lines = Mapping[Location, int]
Model = TypeVar("Model", bound=BaseModel)


class PolicyError(ValueError):
    """A policy that cannot be used; the message says what is wrong, where, and what would be right."""


def load_model(path: Path, kind: type[Model]) -> tuple[Model, bytes]:
    """The file as a validated model, and its bytes. Raises PolicyError naming file, line, key and reason."""
    try:
        data = path.read_bytes()
        lines = _line_numbers(path, yaml.compose(data, Loader=yaml.SafeLoader))
        return kind.model_validate(yaml.safe_load(data)), data
    except OSError as error:
        raise PolicyError(f"{path} cannot be read: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise PolicyError(f"{path} is not YAML: {error}") from error
    except ValidationError as error:
        messages = [_message(path, item, lines, kind) for item in error.errors()]
        raise PolicyError("\n".join(dict.fromkeys(messages))) from error


def _line_numbers(path: Path, tree: yaml.Node | None) -> Lines:
    """The line of every key and entry. Raises PolicyError for a duplicate key."""
    lines: dict[Location, int] = {}
    pending: list[tuple[Location, yaml.Node]] = [((), tree)] if tree is not None else []
    while pending:
        parent, node = pending.pop()
        lines.setdefault(parent, node.start_mark.line + 1)
        for key, line, value in _children(node):
            location = (*parent, key)
            if location in lines:
                name = ".".join(location)
                first = lines[location]
                raise PolicyError(f"{path}:{line}: {name} is a duplicate (first in line {first}); keep one of them")
            lines[location] = line
            pending.append((location, value))
    return lines


def _children(node: yaml.Node) -> list[tuple[str, int, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        return [(str(key.value), key.start_mark.line + 1, value) for key, value in node.value]
    if isinstance(node, yaml.SequenceNode):
        return [(str(index), item.start_mark.line + 1, item) for index, item in enumerate(node.value)]
    return []


def _message(path: Path, error: Any, lines: Lines, kind: type[BaseModel]) -> str:
    """One error in a line: file, line, key, reason, and the nearest word that would be right."""
    location = tuple(str(part) for part in error["loc"] if part != "[key]")
    nearest = next((location[:n] for n in range(len(location), -1, -1) if location[:n] in lines), ())
    position = f"{path}:{lines[nearest]}" if nearest in lines else str(path)
    name = ".".join(location) or "the file"
    reason = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        reason = "there is no such key" + suggestion(location[-1], _allowed_keys(kind, location[:-1]))
    elif error["type"] in ("literal_error", "enum"):
        word = location[-1] if error["loc"][-1] == "[key]" else str(error["input"])
        reason += suggestion(word, findall(r"'([^']+)'", error["ctx"]["expected"]))
    return _printable(f"{position}: {name}: {reason}")


def _printable(text: str) -> str:
    """The text with its control characters escaped."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def _allowed_keys(kind: type[BaseModel], location: Sequence[str]) -> list[str]:
    """The keys that the schema allows at a location of the file."""
    schema = kind.model_json_schema()
    node: Any = schema
    for part in location:
        node = _resolve(node, schema)
        child = node.get("properties", {}).get(part) or node.get("items") or node.get("additionalProperties")
        node = child if isinstance(child, dict) else {}
    return list(_resolve(node, schema).get("properties", {}))


def _resolve(node: Any, schema: Any) -> Any:
    name = node.get("$ref", "").rpartition("/")[2]
    return schema["$defs"][name] if name else node
