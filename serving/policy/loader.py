"""Reads a policy file so strictly that nothing in it can be overlooked.

YAML keeps the last of two equal keys and says nothing; here that is refused, and every refusal names file and line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from re import findall
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from serving.policy.rules import meant

Key = str | int
Lines = Mapping[tuple[str, ...], int]
Model = TypeVar("Model", bound=BaseModel)


class PolicyError(ValueError):
    """A policy that must not be in force; the message says what is wrong, where, and what would do."""


def read(path: Path, kind: type[Model]) -> tuple[Model, bytes]:
    """The file as a validated model, and its bytes; raises PolicyError naming file, line, key and reason."""
    try:
        data = path.read_bytes()
        tree = yaml.compose(data, Loader=yaml.SafeLoader)
        lines = _lines(path, tree)
        return kind.model_validate(yaml.safe_load(data)), data
    except OSError as error:
        raise PolicyError(f"{path} cannot be read: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise PolicyError(f"{path} is not YAML: {error}") from error
    except ValidationError as error:
        said = [_said(path, each, lines, kind) for each in error.errors()]
        raise PolicyError("\n".join(dict.fromkeys(said))) from error


def _lines(path: Path, tree: yaml.Node | None) -> Lines:
    """The line of every key and entry, by its place; raises PolicyError where a key stands twice."""
    lines: dict[tuple[str, ...], int] = {}
    rest: list[tuple[tuple[str, ...], yaml.Node]] = [((), tree)] if tree is not None else []
    while rest:
        place, node = rest.pop()
        lines.setdefault(place, node.start_mark.line + 1)
        for key, line, value in _children(node):
            here = (*place, key)
            if here in lines:
                where = ".".join(here)
                raise PolicyError(
                    f"{path}:{line}: {where} stands twice (first in line {lines[here]}); keep one of them"
                )
            lines[here] = line
            rest.append((here, value))
    return lines


def _children(node: yaml.Node) -> list[tuple[str, int, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        return [(str(key.value), key.start_mark.line + 1, value) for key, value in node.value]
    if isinstance(node, yaml.SequenceNode):
        return [(str(place), each.start_mark.line + 1, each) for place, each in enumerate(node.value)]
    return []


def _said(path: Path, error: Any, lines: Lines, kind: type[BaseModel]) -> str:
    """One refusal: file, line, key, reason, and the nearest word that would do."""
    place = tuple(str(part) for part in error["loc"] if part != "[key]")
    known = next((place[:n] for n in range(len(place), -1, -1) if place[:n] in lines), ())
    at = f"{path}:{lines[known]}" if known in lines else str(path)
    where = ".".join(place) or "the file"
    reason = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        reason = "there is no such key" + meant(place[-1], _keys(kind, place[:-1]))
    elif error["type"] in ("literal_error", "enum"):
        word = place[-1] if error["loc"][-1] == "[key]" else str(error["input"])
        reason += meant(word, findall(r"'([^']+)'", error["ctx"]["expected"]))
    return _visible(f"{at}: {where}: {reason}")


def _visible(text: str) -> str:
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def _keys(kind: type[BaseModel], place: Sequence[Key]) -> list[str]:
    """The keys a place in the file may have, by the schema."""
    schema = kind.model_json_schema()
    here: Any = schema
    for part in place:
        here = _resolved(here, schema)
        inner = here.get("properties", {}).get(part) or here.get("items") or here.get("additionalProperties")
        here = inner if isinstance(inner, dict) else {}
    return list(_resolved(here, schema).get("properties", {}))


def _resolved(part: Any, schema: Any) -> Any:
    name = part.get("$ref", "").rpartition("/")[2]
    return schema["$defs"][name] if name else part
