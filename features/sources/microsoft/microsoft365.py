"""The Microsoft 365 unified audit log: the Management Activity API, Purview's CSV export, or Sentinel's OfficeActivity.

Microsoft's own services act under `NT AUTHORITY` or as the user types of a data centre and of the system: they are
workloads. `UserLoginFailed` is a failure, although its result says that the attempt was recorded.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from features.event.schema import Event, IdentityType
from features.sources.formats.records import Record, RecordForm
from features.sources.log_source import LogSource
from features.sources.mapping.log_map import Fields, LogMap, vendor_map
from features.sources.mapping.paths import object_at, value_at
from features.sources.mapping.values import text_value
from features.sources.microsoft.principal import Principal, first_of, person, program, set_principal

_FOLDER = Path(__file__).parent
_SERVICES = {"3", "4", "7", "8", "dcadmin", "system", "custompolicy", "systempolicy"}
_PROGRAMS = {"5", "6", "application", "serviceprincipal"}
_BUILT_IN = re.compile(
    r"^(NT AUTHORITY|NT SERVICE|app@sharepoint|SHAREPOINT\\system|S-1-5-18$|SecurityComplianceAlerts)", re.I
)


@cache
def _maps() -> tuple[LogMap, LogMap]:
    return vendor_map(_FOLDER / "unified_audit.yaml"), vendor_map(_FOLDER / "directory_audit.yaml")


def _whole(record: Record) -> Record:
    """A row of the CSV export holds the record itself as JSON in `AuditData`; Sentinel names the time differently."""
    record = record | object_at(record, "AuditData")
    if value_at(record, "CreationTime") is None and value_at(record, "TimeGenerated"):
        return record | {"CreationTime": value_at(record, "TimeGenerated")}
    return record


def _principal(record: Record) -> Principal | None:
    user, kind = first_of(record, "UserId"), (text_value(value_at(record, "UserType")) or "").lower()
    if user is None:
        user = first_of(record, "UserKey")
    if user is None:
        return None
    if _BUILT_IN.search(user):
        return Principal(user, "workload", attested=True)
    if user.startswith("ServicePrincipal_"):
        return program(user.removeprefix("ServicePrincipal_"))
    if kind in _PROGRAMS:
        return program(first_of(record, "AppId", "ApplicationId", "ClientAppId") or user)
    if kind in _SERVICES and "@" not in user:
        return program(user, managed=True)
    return person(user)


def event_of(record: Record) -> Event:
    """The Event of one record; raises NotAnEvent, or ValueError naming the problem."""
    audit, directory = _maps()
    record = _whole(record)

    def rules(source: Record, fields: Fields) -> None:
        set_principal(_principal(source), fields)
        name = fields["action.name"] or ""
        if name.endswith("Failed"):
            fields["action.outcome"] = "failure"
        if str(value_at(source, "Workload")).lower() == "azureactivedirectory" or name.endswith("."):
            known = directory.actions.facts(name.rstrip("."))
            fields["action.category"], fields["action.impact"] = known.category, known.impact
        if fields["identity.type"] == "human" and fields.get("session.id"):
            fields["credential.kind"] = "oauth_token"

    return audit.event_of(record, rules)


def identity_type(record: Record) -> IdentityType | None:
    """The type of who acts; None for nobody in particular."""
    principal = _principal(_whole(record))
    return principal.type if principal else None


def _recognises(record: Record) -> bool:
    keys = {str(key).lower() for key in record}
    return bool(keys & {"auditdata", "organizationid", "officeworkload"}) and bool(keys & {"operation", "operations"})


SOURCE = LogSource(
    "microsoft365",
    "Microsoft 365 unified audit log",
    event_of,
    _recognises,
    identity_type,
    form=RecordForm(list_names=("value",), csv=True),
)
