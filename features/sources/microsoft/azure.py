"""The Azure activity log and resource logs: diagnostic settings, the REST API, Log Analytics, or the SDK's spelling.

A long operation is logged when it starts and when it ends. Only the end says what came of it, so the start is counted
and is no event of its own.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from uuid import UUID

from features.event.schema import Event, IdentityType
from features.sources.formats.records import NotAnEvent, Record, RecordForm
from features.sources.log_source import LogSource
from features.sources.mapping.log_map import Fields, LogMap, vendor_map
from features.sources.mapping.paths import object_at, value_at
from features.sources.mapping.values import text_value
from features.sources.microsoft.principal import Principal, first_of, person, program, set_principal

_CLAIM = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
_OBJECT = "http://schemas.microsoft.com/identity/claims/objectidentifier"
_BEGINNINGS = {"start", "started", "accept", "accepted", "beginrequest", "inprogress"}
_METHODS = {"rsa": "hwk", "ngcmfa": "mfa", "fido": "hwk", "x509": "sc", "wiaormultiauthn": "mfa", "multiauthn": "mfa"}
"""Values that Microsoft writes among authentication methods, and those that RFC 8176 registers."""


@cache
def _map() -> LogMap:
    return vendor_map(Path(__file__).parent / "activity_log.yaml")


def _principal(record: Record) -> Principal | None:
    places = ("identity.claims", "identity.claim", "claims", "Claims_d")
    claims = next((found for place in places if (found := object_at(record, place))), {})
    user = first_of(claims, f'"{_CLAIM}upn"', f'"{_CLAIM}name"', f'"{_CLAIM}emailaddress"', "upn", "unique_name")
    user = user or first_of(record, "identity.requester.upn")
    caller = first_of(record, "caller", "properties.caller", "identity.requester.objectId")
    if text_value(claims.get("idtyp")) != "app":
        if user and "@" in user:
            return person(user)
        if caller and "@" in caller:
            return person(caller)
    application = first_of(claims, f'"{_OBJECT}"', "oid", "appid") or caller or user
    if application is None:
        application = first_of(record, "identity.requester.appId", "properties.identity.claim.appid")
    if application is None:
        return _by_assignment(record)
    return program(application, managed=first_of(claims, "xms_mirid") is not None)


def _by_assignment(record: Record) -> Principal | None:
    """Who holds the role that allowed the act, where the record has no claims."""
    evidence = object_at(record, "identity.authorization.evidence") or object_at(record, "authorization.evidence")
    holder = first_of(evidence, "principalId")
    if holder and re.fullmatch(r"[0-9a-f]{32}", holder, re.IGNORECASE):
        holder = str(UUID(holder))
    kind = str(evidence.get("principalType")).lower()
    return None if holder is None else person(holder) if kind == "user" else program(holder)


def _rules(record: Record, fields: Fields) -> None:
    status = first_of(record, "status.value", "ActivityStatusValue", "ActivityStatus", "resultType")
    if status and status.lower() in _BEGINNINGS:
        raise NotAnEvent("the start of an operation whose end is logged as well")
    set_principal(_principal(record), fields)
    if fields["authentication.amr"]:
        fields["authentication.amr"] = [_METHODS.get(method, method) for method in fields["authentication.amr"]]
    if fields["credential.id"]:
        fields["credential.kind"] = "oauth_token"


def event_of(record: Record) -> Event:
    """The Event of one record; raises NotAnEvent, or ValueError naming the problem."""
    return _map().event_of(record, _rules)


def identity_type(record: Record) -> IdentityType | None:
    """The type of who acts; None for nobody in particular."""
    principal = _principal(record)
    return principal.type if principal else None


def _recognises(record: Record) -> bool:
    operation = first_of(record, "operationName.value", "OperationNameValue", "operationName") or ""
    resource = str(value_at(record, "resourceId") or value_at(record, "_ResourceId") or "").lower()
    return operation.lower().startswith("microsoft.") or resource.startswith("/subscriptions/")


SOURCE = LogSource(
    "azure",
    "Azure activity and resource logs",
    event_of,
    _recognises,
    identity_type,
    form=RecordForm(list_names=("value",), csv=True),
)
