"""Entra ID (Azure AD): sign-ins and the audit log, from the Graph API, diagnostic settings, Log Analytics or CSV.

A sign-in counts as a second factor only where its `authenticationDetails` show the step: "previously satisfied" says
nothing of when. Records with which Entra asks for a further step are counted and are no events.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from features.event.schema import CredentialKind, Event, IdentityType
from features.sources.formats.records import NotAnEvent, Record, RecordForm
from features.sources.log_source import LogSource
from features.sources.mapping.log_map import Fields, LogMap, vendor_map
from features.sources.mapping.paths import items_at, value_at
from features.sources.mapping.values import text_value
from features.sources.microsoft.principal import initiates, set_principal, signs_in

_FOLDER = Path(__file__).parent
_SIGN_IN_FIELDS = ("userprincipalname", "serviceprincipalid", "username", "isinteractive", "conditionalaccessstatus")
_AUDIT_FIELDS = ("activitydisplayname", "initiatedby", "activity", "loggedbyservice")
_METHODS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("previously satisfied", ()),
    ("password hash", ("pwd",)),
    ("passwordless", ("swk", "mfa")),
    ("password", ("pwd",)),
    ("fido", ("hwk", "mfa")),
    ("passkey", ("pop", "mfa")),
    ("windows hello", ("hwk", "mfa")),
    ("certificate", ("sc",)),
    ("hardware oath", ("otp",)),
    ("oath", ("otp",)),
    ("verification code", ("otp",)),
    ("temporary access pass", ("otp",)),
    ("text message", ("sms",)),
    ("sms", ("sms",)),
    ("phone call", ("tel",)),
    ("voice", ("tel",)),
    ("mobile app notification", ("swk",)),
    ("authenticator", ("swk",)),
)
"""RFC 8176 values of an authentication method, by words in its name; the first that fits counts."""
_INTERRUPTIONS = """16000 16001 16003 50055 50058 50072 50076 50079 50097 50125 50127 50129 50140 50143 50144 50158
    50199 50203 51006 65001 9002341"""
"""Error codes with which Entra asks for a further step: a second factor, a consent, a device, another account."""


@cache
def _maps() -> tuple[LogMap, LogMap]:
    return vendor_map(_FOLDER / "sign_in.yaml"), vendor_map(_FOLDER / "directory_audit.yaml")


def _flat(record: Record) -> Record:
    """A record of a diagnostic setting holds the log's own fields in `properties`."""
    properties = next((v for k, v in record.items() if str(k).lower() == "properties" and isinstance(v, dict)), {})
    inner = {str(key).lower() for key in properties}
    return {key: value for key, value in record.items() if str(key).lower() not in inner} | properties


def is_sign_in(record: Record) -> bool:
    """Whether a record, already flat, is of a sign-in log and not of the audit log."""
    category = (text_value(value_at(record, "category")) or text_value(value_at(record, "Type")) or "").lower()
    keys = {str(key).lower() for key in record}
    if "signin" in category:
        return True
    return not keys & set(_AUDIT_FIELDS) and bool(keys & set(_SIGN_IN_FIELDS)) and category != "auditlogs"


def event_of(record: Record) -> Event:
    """The Event of one record of either log; raises NotAnEvent, or ValueError naming the problem."""
    sign_in, audit = _maps()
    flat = _flat(record)
    if is_sign_in(flat):
        return sign_in.event_of(flat, _sign_in)
    if not {str(key).lower() for key in flat} & {*_AUDIT_FIELDS, "operationname"}:
        raise ValueError("is neither a sign-in nor an entry of the audit log of Entra ID")
    return audit.event_of(flat, lambda source, fields: set_principal(initiates(source), fields))


def _sign_in(record: Record, fields: Fields) -> None:
    set_principal(signs_in(record), fields)
    fields["credential.id"] = text_value(
        value_at(record, "servicePrincipalCredentialKeyId") or value_at(record, "uniqueTokenIdentifier")
    )
    interactive = str(value_at(record, "isInteractive")).lower() != "false" and "NonInteractive" not in str(
        value_at(record, "category")
    )
    if _code(record) in _INTERRUPTIONS.split() or str(value_at(record, "Status")).lower() == "interrupted":
        raise NotAnEvent("a step of a sign-in that goes on")
    methods, details = _methods(record), items_at(record, "authenticationDetails")
    fields["credential.kind"] = _credential_kind(record, fields["identity.type"], interactive, methods)
    if fields["identity.type"] == "human" and interactive and fields["action.outcome"] == "success":
        fields["authentication.time"] = fields["time"] if methods or not details else None
        fields["authentication.amr"] = methods or None


def _code(record: Record) -> str:
    return text_value(value_at(record, "status.errorCode") or value_at(record, "Sign-in error code")) or (
        text_value(value_at(record, "resultType")) or ""
    )


def _methods(record: Record) -> list[str]:
    """RFC 8176 values of the steps that succeeded."""
    values: list[str] = []
    steps = filter(_succeeded, items_at(record, "authenticationDetails")[:16])
    names = [text_value(value_at(step, "authenticationMethod")) or "" for step in steps]
    for name in names:
        found = next((amr for words, amr in _METHODS if words in name.lower()), ())
        values += [value for value in found if value not in values]
    if len({*values} & {"pwd", "otp", "sms", "tel", "swk", "hwk", "sc"}) > 1 and "mfa" not in values:
        values.append("mfa")
    return values


def _succeeded(step: Any) -> bool:
    return str(value_at(step, "succeeded")).lower() not in ("false", "none")


def _credential_kind(
    record: Record, kind: IdentityType, interactive: bool, methods: list[str]
) -> CredentialKind | None:
    if kind == "human":
        if not interactive:
            return "oauth_token"
        return "passkey" if {"hwk", "pop"} & {*methods} else "password" if "pwd" in methods else None
    credential = str(value_at(record, "clientCredentialType")).lower()
    if "certificate" in credential or "assertion" in credential:
        return "client_certificate"
    return "api_token" if "secret" in credential else None


def _recognises(record: Record) -> bool:
    flat = _flat(record)
    keys = {str(key).lower() for key in flat}
    resource = str(value_at(record, "resourceId")).lower()
    return "microsoft.aadiam" in resource or (
        bool(keys & {"userprincipalname", "initiatedby", "username", "actortype", "serviceprincipalid"})
        and bool(keys & {"createddatetime", "activitydatetime", "date (utc)", "conditionalaccessstatus"})
    )


def identity_type(record: Record) -> IdentityType | None:
    """The type of who acts; None for nobody in particular."""
    flat = _flat(record)
    principal = signs_in(flat) if is_sign_in(flat) else initiates(flat)
    return principal.type if principal else None


SOURCE = LogSource(
    "entra",
    "Microsoft Entra ID sign-ins and audit log",
    event_of,
    _recognises,
    identity_type,
    form=RecordForm(list_names=("value",), csv=True),
)
