"""Whether a request is well-formed HTTP: what is not is refused at once, before anything reads it.

This defends against the subject and against anyone without a key. The server's HTTP parser has refused malformed
header lines, lengths and request lines by then.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import parse_qsl

from starlette.types import Scope

from serving.api.problems import Problem
from serving.api.route_spec import RouteSpec

_ESCAPES = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_ONCE = frozenset(
    {b"authorization", b"content-encoding", b"content-length", b"content-type", b"host", b"origin", b"x-csrf-token"}
)
"""Headers that a request may carry once: two of them are read differently by a proxy and by this service."""
_MOST_PARAMETERS = 100
_MOST_HEADERS = 200


def require_well_formed(scope: Scope) -> None:
    """Raises Problem 400 for a malformed path, query, cookie, or header given twice."""
    if len(scope["headers"]) > _MOST_HEADERS:
        raise _malformed("header", f"holds more than {_MOST_HEADERS} lines")
    _require_path(scope)
    query_parameters(scope)
    cookies(scope)
    names = [name for name, _ in scope["headers"] if name in _ONCE]
    for name in sorted(set(names)):
        if names.count(name) > 1:
            raise _malformed(name.decode("ascii"), "is given more than once")


def query_parameters(scope: Scope) -> dict[str, str]:
    """The query, each parameter once. Raises Problem 400 when it is malformed."""
    raw: bytes = scope["query_string"]
    if _ESCAPES.search(raw):
        raise _malformed("query", "holds a % that is not followed by two hexadecimal digits")
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_PARAMETERS)
    except UnicodeError:
        raise _malformed("query", "is not percent-encoded UTF-8") from None
    except ValueError:
        raise _malformed("query", f"holds more than {_MOST_PARAMETERS} parameters") from None
    parameters = dict(pairs)
    for name, value in parameters.items():
        if _CONTROLS.search(name + value):
            raise _malformed("query", "holds a control character")
    if len(parameters) != len(pairs):
        raise _malformed("query", "gives a parameter more than once")
    return parameters


def require_known_parameters(route: RouteSpec, given: Iterable[str]) -> None:
    """Raises Problem 400 for a query parameter the route does not know: a misspelt one must not be ignored."""
    known = [parameter.name for parameter in route.query]
    unknown = [name for name in given if name not in known]
    if unknown:
        reason = f"is not a query parameter of {route.path}: it takes {', '.join(known) or 'none'}"
        raise Problem(400, f"{unknown[0]}: {reason}", tuple((name, reason) for name in unknown))


def cookies(scope: Scope) -> dict[str, str]:
    """The cookies by name, the first of each name. Raises Problem 400 when a name is no token or there is no `=`."""
    found: dict[str, str] = {}
    for header, value in scope["headers"]:
        if header != b"cookie":
            continue
        for pair in value.decode("latin-1").split(";"):
            if not pair.strip():
                continue
            name, equals, content = pair.strip().partition("=")
            if not equals or not _TOKEN.fullmatch(name.strip()):
                raise _malformed("cookie", "must be pairs name=value, separated by semicolons")
            found.setdefault(name.strip(), content.strip())
    return found


def _require_path(scope: Scope) -> None:
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    if not raw.startswith(b"/"):
        raise _malformed("path", "must begin with a slash: send the path of the address only")
    if _ESCAPES.search(raw):
        raise _malformed("path", "holds a % that is not followed by two hexadecimal digits")
    if "\ufffd" in scope["path"]:
        raise _malformed("path", "is not percent-encoded UTF-8")
    if _CONTROLS.search(scope["path"]):
        raise _malformed("path", "holds a control character")


def _malformed(what: str, reason: str) -> Problem:
    return Problem(400, f"{what}: {reason}", ((what, reason),))
