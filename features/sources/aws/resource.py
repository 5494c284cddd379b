"""Which resource a CloudTrail record is about: the first listed with an ARN, else the first that a parameter names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from features.event.schema import Resource
from features.sources.formats.records import Record, part_of, text_of
from features.sources.mapping.values import short_text

_NAMES_A_RESOURCE = re.compile(r"([a-z]\w*?)(?:Name|Id|ID|Arn|ARN|Identifier)$")
_NO_RESOURCE = frozenset(
    {"attribute", "client", "image", "mfa", "request", "roleSession", "session", "source", "token", "version"}
)


def resource_of(record: Record) -> Resource:
    """The resource with its type, as far as the record names them."""
    listed = record.get("resources")
    for resource in listed if isinstance(listed, list) else ():
        arn = text_of(resource.get("ARN")) or text_of(resource.get("arn")) if isinstance(resource, dict) else None
        if arn:
            return _resource(arn, _kebab(str(resource.get("type") or "").rpartition("::")[2]) or _type_in(arn))
    return _resource(*next(_resources_named_in(part_of(record, "requestParameters")), (None, None)))


def _resource(id: str | None, kind: str | None) -> Resource:
    return Resource(id=short_text(id), type=short_text(kind)) if id else _UNKNOWN


_UNKNOWN = Resource()


def _resources_named_in(parameters: Record) -> Iterator[tuple[str, str | None]]:
    """Yield each resource that a parameter names, with its type; a set counts only if it holds one item."""
    for name, value in parameters.items():
        items = value.get("items") if isinstance(value, dict) else None
        if isinstance(items, list) and len(items) == 1 and isinstance(items[0], dict):
            yield from _resources_named_in(items[0])
        stem = _stem(name) if isinstance(value, str) and value else None
        if stem is None:
            continue
        if value.startswith("arn:"):
            yield value, _type_in(value)
        else:
            yield (f"arn:aws:s3:::{value}" if stem == "bucket" else value), _kebab(stem)


@lru_cache(4_096)
def _stem(parameter: str) -> str | None:
    """What a parameter names: `bucket` in `bucketName`; None if it names no resource."""
    match = _NAMES_A_RESOURCE.fullmatch(parameter)
    return match[1] if match and match[1] not in _NO_RESOURCE else None


@lru_cache(4_096)
def _type_in(arn: str) -> str | None:
    """The resource type in an ARN: `role` in `…:role/name`, `function` in `…:function:name`."""
    match = re.match(r"(?:[^:]*:){5}([a-z][\w-]*)[:/]", arn)
    return _kebab(match[1]) if match else None


@lru_cache(4_096)
def _kebab(name: str) -> str | None:
    """A type name in kebab case: `logStream` becomes `log-stream`, `dBInstance` becomes `db-instance`."""
    parts = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", re.sub(r"^dB", "DB", name))
    return parts.lower() or None
