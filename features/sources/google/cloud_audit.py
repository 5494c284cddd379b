"""Google Cloud audit logs (admin activity, data access, system event, policy denied), also those that GKE writes.

An operation that runs long is logged when it begins and when it ends, with the same `operation.id`: the last record is
the event, and the first only counted, unless it is the only one. A status without a code is a success.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from features.event.schema import Event, IdentityType
from features.sources.formats.records import NobodyKnown, NotAnEvent, Record, RecordForm
from features.sources.google.principal import authenticated, delegator
from features.sources.log_source import LogSource
from features.sources.mapping.log_map import Fields, LogMap, vendor_map
from features.sources.mapping.paths import object_at, value_at
from features.sources.mapping.values import boolean, text_value


@cache
def _map() -> LogMap:
    return vendor_map(Path(__file__).with_suffix(".yaml"))


def event_of(record: Record) -> Event:
    """The Event of one record; raises NotAnEvent, or ValueError naming the problem."""
    if not object_at(record, "protoPayload"):
        kind = "a log entry that is no audit log" if "timestamp" in record or "logName" in record else None
        if kind and (object_at(record, "jsonPayload") or value_at(record, "textPayload")):
            raise NotAnEvent(kind)
        raise ValueError("protoPayload is missing: this is no record of a Google Cloud audit log")
    return _map().event_of(record, _rules)


def _rules(record: Record, fields: Fields) -> None:
    begins = boolean(value_at(record, "operation.first")) and not boolean(value_at(record, "operation.last"))
    if begins and not text_value(value_at(record, "protoPayload.status.code")):
        raise NotAnEvent("the start of an operation whose end is logged as well")
    if "%2Fsystem_event" in str(value_at(record, "logName")):
        raise NotAnEvent("an act of Google Cloud itself")
    principal = authenticated(record)
    if principal is None:
        raise NobodyKnown("an act of nobody in particular")
    fields["identity.id"], fields["identity.type"] = principal.id, principal.type or "human"
    fields["identity.acting_for"] = delegator(record)
    if "%2Fpolicy" in str(value_at(record, "logName")):
        fields["action.outcome"] = "denied"
    elif fields["action.outcome"] is None and _ends_well(record):
        fields["action.outcome"] = "success"
    if principal.attested:
        fields["credential.attested_at"] = fields["time"]
    if principal.type in ("human", "service_account"):
        fields["credential.kind"] = "access_key" if fields["credential.id"] else "oauth_token"
    refused = value_at(record, "protoPayload.authorizationInfo[granted=false].permission")
    if refused and fields["action.outcome"] == "failure":
        fields["action.outcome"] = "denied"


def _ends_well(record: Record) -> bool:
    """Whether a status is left out because it is OK; sign-ins of people say in their name what came of them."""
    signs_in = str(value_at(record, "protoPayload.serviceName")).startswith("login.")
    return value_at(record, "protoPayload.status.code") is None and not signs_in


def identity_type(record: Record) -> IdentityType | None:
    """The type of who acts; None for nobody in particular."""
    principal = authenticated(record)
    return principal.type if principal else None


def _statement(record: Record) -> str | None:
    return _map().statement(record)


def _recognises(record: Record) -> bool:
    return bool(text_value(value_at(record, "protoPayload.methodName")))


SOURCE = LogSource(
    "gcp",
    "Google Cloud audit log",
    event_of,
    _recognises,
    identity_type,
    statement=_statement,
    form=RecordForm(list_names=("entries",)),
)
