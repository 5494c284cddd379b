"""Reads a YAML file within stated limits of size, depth, aliases and time, by the core schema of YAML 1.2.

PyYAML supplies the syntax only: what a value means, and which files are refused, is decided here. Whatever the bytes
are, the answer is a `YamlDocument` or a `YamlError`, and it comes within `YamlLimits.seconds`. Refused: aliases within
their own anchor, tags, directives, merge keys (`<<`), a second document, duplicate keys, numbers with a leading zero,
and characters that hide what a file says.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from features.bounded_yaml.composer import DEFAULT_LIMITS, Composer, Node, Position, YamlError, YamlLimits
from features.bounded_yaml.scalars import HIDDEN

PARSER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's parser where PyYAML was built with it: about ten times faster, the same events."""


@dataclass(frozen=True)
class YamlDocument:
    """The value of a file: mappings with text keys, lists, text, numbers, booleans and None."""

    value: Any
    _root: Node

    def position(self, location: Iterable[str], of_key: bool = False) -> Position:
        """Where an entry stands; where there is no such entry, the nearest one around it."""
        node, position = self._root, self._root.position
        for part in location:
            if part not in node.entries:
                break
            key_position, node = node.entries[part]
            position = key_position if of_key or node.kind != "scalar" else node.position
        return position


def read_bounded(path: Path, limits: YamlLimits = DEFAULT_LIMITS) -> bytes:
    """The bytes of a regular file. Raises YamlError, from an OSError that says why.

    A named pipe, a device or a directory is refused without being waited for, a large file without being read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            return _bytes_of(descriptor, limits.file_bytes)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise YamlError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise YamlError(f"{str(path)!r} cannot be read: {error}") from error


def _bytes_of(descriptor: int, most: int) -> bytes:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file")
    chunks, left = list[bytes](), most + 1
    while status.st_size <= most and left and (chunk := os.read(descriptor, left)):
        chunks.append(chunk)
        left -= len(chunk)
    if status.st_size > most or not left:
        raise OSError(errno.EFBIG, f"it is longer than {most:,} bytes, the most that is read")
    return b"".join(chunks)


def parse_yaml(data: bytes | str, name: str, limits: YamlLimits = DEFAULT_LIMITS) -> YamlDocument:
    """A text's one YAML document. Raises YamlError; `name` is what its messages call the text."""
    text = _text(data, name, limits)
    composer = Composer(name, limits)
    try:
        root = composer.compose(yaml.parse(text, Loader=PARSER))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        raise YamlError(f"{place}: not YAML: {error.problem or error.context or 'it cannot be parsed'}") from error
    except yaml.YAMLError as error:
        raise YamlError(f"{name} is not YAML: {error}") from error
    return YamlDocument(_plain(root), root)


def _text(data: bytes | str, name: str, limits: YamlLimits) -> str:
    if len(data) > limits.file_bytes:
        raise YamlError(f"{name} is longer than {limits.file_bytes:,} bytes, the most that is read")
    try:
        text = data if isinstance(data, str) else data.decode()
    except UnicodeDecodeError as error:
        line, column = _position_in(error.object[: error.start].decode(), error.start)
        raise YamlError(f"{name}:{line}:{column}: not UTF-8: byte 0x{error.object[error.start]:02x}") from error
    text = text.removeprefix("\ufeff")
    hidden = HIDDEN.search(text)
    if hidden:
        line, column = _position_in(text, hidden.start())
        code = f"{ord(hidden.group()):04X}"
        raise YamlError(f"{name}:{line}:{column}: the character U+{code} is not allowed; leave it out")
    return text


def _position_in(text: str, index: int) -> Position:
    before = text[:index]
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def _plain(node: Node) -> Any:
    if node.kind == "mapping":
        return {key: _plain(value) for key, (_, value) in node.entries.items()}
    if node.kind == "sequence":
        return [_plain(value) for _, value in node.entries.values()]
    return node.value
