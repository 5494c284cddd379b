"""What AWS puts around CloudTrail records beside log shippers' wrappers: queries, exports, other spellings of names."""

from __future__ import annotations

from typing import Any

import orjson

from features.sources.aws.athena import structure_in
from features.sources.formats.records import Record
from features.sources.formats.wrappers import Wrapper

_NAMES = """eventVersion userIdentity eventTime eventSource eventName awsRegion sourceIPAddress userAgent errorCode
    errorMessage requestParameters responseElements additionalEventData requestID eventID eventType apiVersion
    managementEvent readOnly resources recipientAccountId serviceEventDetails sharedEventID vpcEndpointId
    vpcEndpointAccountId eventCategory sessionCredentialFromConsole principalId accountId invokedBy accessKeyId userName
    sessionContext sessionIssuer onBehalfOf userId identityStoreArn identityProvider creationDate mfaAuthenticated
    sourceIdentity webIdFederationData credentialId MFAUsed ConsoleLogin"""
_SPELLING = {name.lower(): name for name in _NAMES.split()}
_WITH_STRUCTURE = """userIdentity requestParameters responseElements additionalEventData serviceEventDetails resources
    sessionContext sessionIssuer attributes onBehalfOf"""
_STRUCTURED = frozenset(_WITH_STRUCTURE.split())
_TOP_STRUCTURES = (
    "userIdentity",
    "requestParameters",
    "responseElements",
    "additionalEventData",
    "serviceEventDetails",
)
_LAKE_MEMBERS = ("eventData", "eventdata", "eventJson", "eventjson")
_DEEPEST = 5


def _lookup_events(value: Record) -> list[Any] | None:
    events = value.get("Events")
    if isinstance(events, list):
        return [event.get("CloudTrailEvent", event) if isinstance(event, dict) else event for event in events]
    return [value["CloudTrailEvent"]] if isinstance(value.get("CloudTrailEvent"), str) else None


def _lake(value: Record) -> list[Any] | None:
    rows = value.get("QueryResultRows")
    if isinstance(rows, list):
        return [_row(row) for row in rows]
    for name in _LAKE_MEMBERS:
        if isinstance(value.get(name), dict | str):
            return [value[name]]
    return None


def _row(row: Any) -> Any:
    """A row of a query, which the API returns as a list of objects with one member each."""
    if not isinstance(row, list) or not all(isinstance(cell, dict) for cell in row):
        return row
    return {name: value for cell in row for name, value in cell.items()}


def _query_result(value: Record) -> list[Any] | None:
    """A row whose names are in lower case, as Athena and other databases return them."""
    return [_spelled(value)] if "eventname" in value or "useridentity" in value else None


def with_structures(record: Record) -> Record:
    """The record with structures where databases leave text; the same record where there are none."""
    for name in _TOP_STRUCTURES:
        value = record.get(name)
        if isinstance(value, str) and value[:1] in ("{", "["):
            return dict(_spelled(record))
    return record


def _spelled(value: Any, depth: int = 0) -> Any:
    """A structure with CloudTrail's own spelling of its names, and structures where there was text."""
    if isinstance(value, list):
        return [_spelled(member, depth + 1) for member in value]
    if not isinstance(value, dict) or depth > _DEEPEST:
        return value
    spelled: dict[Any, Any] = {}
    for name, member in value.items():
        known = _SPELLING.get(name.lower(), name)
        structure = _structure(member) if known in _STRUCTURED and isinstance(member, str) else member
        opaque = known in ("requestParameters", "responseElements")
        spelled[known] = structure if opaque else _spelled(structure, depth + 1)
    return spelled


def _structure(text: str) -> Any:
    """The structure in a text: JSON, or as Athena writes it; the text itself if it is neither."""
    try:
        return orjson.loads(text)
    except ValueError:
        return structure_in(text)


WRAPPERS = (
    Wrapper("lookup-events", _lookup_events, ("Events", "CloudTrailEvent")),
    Wrapper("CloudTrail Lake", _lake, ("QueryResultRows", *_LAKE_MEMBERS)),
    Wrapper("a query result", _query_result, ("eventname", "useridentity")),
)
