"""What an unquoted text of a YAML file means, by the core schema of YAML 1.2, and characters no text may hold."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

HIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]")
"""Control characters, line breaks that only YAML 1.1 knows, and marks that reorder what is shown."""


_SPECIAL: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
WHOLE_NUMBER = re.compile(r"\s*[-+]?[0-9]{1,400}\s*")
_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_LONGEST_NUMBER = 64


def resolved(text: str) -> Any:
    """What an unquoted scalar means by the core schema of YAML 1.2. Raises ValueError for a number that misleads.

    >>> [resolved(text) for text in ("true", "yes", "300", "0x1F", "1e3", "1_000", "")]
    [True, 'yes', 300, 31, 1000.0, '1_000', None]
    >>> resolved("0300")
    Traceback (most recent call last):
    ValueError: 0300 has a leading zero, which some readers take for octal; write 300, or quote it if it is text
    """
    if text in _SPECIAL:
        return _SPECIAL[text]
    if _NOT_FINITE.fullmatch(text):
        raise ValueError(f"{text} is not a finite number")
    if _BASED.fullmatch(text) and len(text) <= _LONGEST_NUMBER:
        return int(text, 0)
    if not _FLOAT.fullmatch(text):
        return text
    if len(text) > _LONGEST_NUMBER:
        raise ValueError(f"a number has more than {_LONGEST_NUMBER} characters; quote it if it is text")
    if _LEADING_ZERO.match(text):
        right = text.lstrip("+-").lstrip("0") or "0"
        right = ("-" if text[0] == "-" else "") + ("0" + right if right[0] in ".eE" else right)
        raise ValueError(
            f"{text} has a leading zero, which some readers take for octal; write {right}, or quote it if it is text"
        )
    if _INTEGER.fullmatch(text):
        return int(text)
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"{text} is not a finite number")
    return number


def _whole_number(version: Any) -> Any:
    if type(version) is not int:  # a Literal takes true and 1.0 for 1, even where types are strict
        raise ValueError("it must be the whole number 1")
    return version


FormatVersion = Annotated[Literal[1], BeforeValidator(_whole_number)]
"""The format of a file: a policy, or one beside it."""
