"""Structures as Athena writes them in a CSV of results, such as `{type=IAMUser, username=ada, sessioncontext=null}`."""

from __future__ import annotations

import re
from typing import Any

_TOKEN = re.compile(r"\s*(?:(\w+)=)?([\[{]|(?:(?!,\s\w+=|,\s[{\[]|[}\]]).)*)", re.DOTALL)
_DEEPEST = 8


def structure_in(text: str) -> Any:
    """The structure that a text holds; the text itself if it holds none.

    >>> structure_in("{type=Root, sessioncontext={attributes={mfaauthenticated=false}}, username=null}")
    {'type': 'Root', 'sessioncontext': {'attributes': {'mfaauthenticated': 'false'}}, 'username': None}
    >>> structure_in("plain")
    'plain'
    """
    if text[:1] not in ("{", "[") or text[-1:] not in ("}", "]"):
        return text
    try:
        value, end = _value(text, 0, 0)
    except (ValueError, IndexError):
        return text
    return value if end == len(text) else text


def _value(text: str, start: int, depth: int) -> tuple[Any, int]:
    """The object or list that begins at `start`, and where it ends."""
    if depth > _DEEPEST:
        raise ValueError("nested too deeply")
    is_list = text[start] == "["
    members: list[Any] = []
    named: dict[str, Any] = {}
    position = start + 1
    while text[position] not in "}]":
        match = _TOKEN.match(text, position)
        if match is None:
            raise ValueError("not a structure")
        name, token = match[1], match[2]
        if token in ("{", "["):
            value, position = _value(text, match.end() - 1, depth + 1)
        else:
            value, position = (None if token == "null" else token), match.end()
        if is_list:
            members.append(value)
        elif name is None:
            raise ValueError("a member without a name")
        else:
            named[name] = value
        if text[position] == ",":
            position += 1
    return (members if is_list else named), position + 1
