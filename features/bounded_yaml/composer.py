"""Builds the tree of a YAML text's nodes from the parser's events, and stops at the first that is not allowed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn

import yaml

from features.bounded_yaml.scalars import HIDDEN, WHOLE_NUMBER, resolved

Position = tuple[int, int]
"""Line and column, from 1."""


class YamlError(ValueError):
    """A file that cannot be used as YAML; the message says what is wrong, where, and what would be right."""


@dataclass(frozen=True)
class YamlLimits:
    """The most a file may hold and take. Nodes and characters are counted after aliases are put in."""

    file_bytes: int = 1 << 20
    depth: int = 32
    nodes: int = 100_000
    characters: int = 4 << 20
    scalar_characters: int = 4096
    seconds: float = 5.0


DEFAULT_LIMITS = YamlLimits()


@dataclass
class Node:
    kind: Literal["mapping", "sequence", "scalar"]
    position: Position
    value: Any = None
    entries: dict[str, tuple[Position, Node]] = field(default_factory=dict)
    """A mapping's entries with the positions of their keys; a sequence's items by index."""
    key: tuple[str, Position] | None = None
    """A mapping's key that waits for its value."""
    closed: bool = False
    nodes: int = 1
    characters: int = 0


class Composer:
    """Builds the tree of a text's nodes from the parser's events, and stops at the first that is not allowed."""

    def __init__(self, name: str, limits: YamlLimits) -> None:
        self._name = name
        self._limits = limits
        self._deadline = time.monotonic() + limits.seconds
        self._anchors: dict[str, Node] = {}
        self._open: list[Node] = []
        self._roots: list[Node] = []
        self._nodes = 0
        self._characters = 0

    def compose(self, events: Iterator[yaml.Event]) -> Node:
        for event in events:
            if time.monotonic() > self._deadline:
                self._refuse(event, f"reading it takes longer than {self._limits.seconds:g} seconds")
            if isinstance(event, yaml.CollectionStartEvent):
                self._begin(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                node = self._open.pop()
                node.closed = True
                self._add(node, event)
            elif isinstance(event, yaml.ScalarEvent):
                self._scalar(event)
            elif isinstance(event, yaml.AliasEvent):
                self._alias(event)
            elif isinstance(event, yaml.DocumentStartEvent):
                self._document(event)
        return self._roots[0] if self._roots else Node("scalar", (1, 1))

    def _document(self, event: yaml.DocumentStartEvent) -> None:
        if self._roots:
            self._refuse(event, "a second document begins here; one file holds one")
        if event.version or event.tags:
            self._refuse(event, "directives (%YAML, %TAG) are not used here; leave the line out")

    def _begin(self, event: yaml.CollectionStartEvent) -> None:
        if len(self._open) >= self._limits.depth:
            self._refuse(event, f"it is nested deeper than {self._limits.depth} levels")
        kind: Literal["mapping", "sequence"] = "mapping" if isinstance(event, yaml.MappingStartEvent) else "sequence"
        node = Node(kind, _position(event))
        self._count(event, 1, 0)
        self._anchor(event, node)
        self._open.append(node)

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        if len(event.value) > self._limits.scalar_characters:
            self._refuse(event, f"a text is longer than {self._limits.scalar_characters:,} characters")
        value = event.value
        hidden = HIDDEN.search(value)
        if hidden:
            self._refuse(event, f"the character U+{ord(hidden.group()):04X} is not allowed; leave it out")
        if not event.style and event.tag is None:
            try:
                value = resolved(event.value)
            except ValueError as error:
                self._refuse(event, str(error))
        node = Node("scalar", _position(event), value, closed=True, characters=len(event.value))
        self._count(event, 1, len(event.value))
        self._anchor(event, node)
        self._add(node, event)

    def _anchor(self, event: yaml.NodeEvent, node: Node) -> None:
        tag = getattr(event, "tag", None)
        if tag is not None:
            self._refuse(event, f"the tag {_short(tag)} is not used here; quote what is text")
        if event.anchor is not None:
            if event.anchor in self._anchors:
                self._refuse(event, f"the anchor &{_short(event.anchor)} is given twice")
            self._anchors[event.anchor] = node

    def _alias(self, event: yaml.AliasEvent) -> None:
        name = str(event.anchor)
        node = self._anchors.get(name)
        if node is None:
            self._refuse(event, f"the alias *{_short(name)} has no anchor before it")
        if not node.closed:
            self._refuse(event, f"the alias *{_short(name)} stands within its own anchor")
        self._count(event, node.nodes, node.characters)
        self._add(node, event)

    def _count(self, event: yaml.Event, nodes: int, characters: int) -> None:
        self._nodes += nodes
        self._characters += characters
        if self._nodes > self._limits.nodes:
            self._refuse(event, f"with its aliases put in it holds more than {self._limits.nodes:,} entries")
        if self._characters > self._limits.characters:
            self._refuse(event, f"with its aliases put in it holds more than {self._limits.characters:,} characters")

    def _add(self, node: Node, event: yaml.Event) -> None:
        """Put a finished node into the collection around it."""
        if not self._open:
            self._roots.append(node)
            return
        parent = self._open[-1]
        parent.nodes += node.nodes
        parent.characters += node.characters
        if parent.kind == "sequence":
            parent.entries[str(len(parent.entries))] = (node.position, node)
        elif parent.key is None:
            parent.key = (self._key(node, event, parent), _position(event))
        else:
            (name, position), parent.key = parent.key, None
            parent.entries[name] = (position, node)

    def _key(self, node: Node, event: yaml.Event, parent: Node) -> str:
        if type(node.value) not in (str, int) or isinstance(event, yaml.AliasEvent):
            self._refuse(event, "a key must be a text or a whole number; quote it if it is text")
        key = str(node.value)
        if key == "<<" and not getattr(event, "style", None):
            self._refuse(event, "merge keys (<<) are not part of YAML 1.2; write the entries out, or alias the whole")
        if type(node.value) is str and WHOLE_NUMBER.fullmatch(key) and str(int(key)) != key:
            self._refuse(event, f"the key {key!r} is a number in disguise; write {int(key)}")
        if key in parent.entries:
            line, _ = parent.entries[key][0]
            self._refuse(event, f"{self._path(key)} is a duplicate (first in line {line}); keep one of them")
        return key

    def _path(self, key: str) -> str:
        """The keys that lead to an entry of the innermost mapping."""
        around = (node.key[0] if node.key else str(len(node.entries)) for node in self._open[:-1])
        return ".".join(map(_short, (*around, key)))

    def _refuse(self, event: yaml.Event, reason: str) -> NoReturn:
        line, column = _position(event)
        raise YamlError(f"{self._name}:{line}:{column}: {reason}")


def _position(event: yaml.Event) -> Position:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
