"""Google Workspace audit activities: the Reports API, BigQuery export or a collector's flat form.

An activity may hold several events; each becomes one. A program that acts in somebody's name by domain-wide delegation
is an identity of its own, one for each person it acts for. Warnings that Google raises about an account, reports of
managed devices and deliveries of mail are counted and are nobody's act. A sign-in's factors stand in
`login_challenge_method`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from features.event.schema import Event, IdentityType
from features.sources.formats.records import NobodyKnown, NotAnEvent, Record, RecordForm
from features.sources.google.principal import named
from features.sources.log_source import LogSource
from features.sources.mapping.log_map import Fields, LogMap, vendor_map
from features.sources.mapping.paths import items_at, object_at, value_at
from features.sources.mapping.values import boolean, short_text, text_value, texts

_METHODS = {
    "password": "pwd",
    "google_authenticator": "otp",
    "backup_code": "otp",
    "google_prompt": "swk",
    "idv_any_phone": "sms",
    "idv_preregistered_phone": "sms",
    "idv_preregistered_email": "otp",
    "security_key": "hwk",
    "security_key_otp": "otp",
    "passkey": "pop",
    "offline_otp": "otp",
    "internal_two_factor": "mfa",
}
"""RFC 8176 values of the challenges that Google names; others prove no factor that is known."""
_WARNINGS = ("account_disabled", "gov_attack_warning", "suspicious_", "2sv_")
_VALUES = ("value", "multiValue", "boolValue", "intValue", "multiIntValue", "messageValue")

_SENTINEL = {
    "name": "EventName",
    "type": "EventType",
    "parameters": "EventParameters",
    "ipAddress": "SrcIpAddr",
    "user_agent": "UserAgentOriginal",
}


@cache
def _map() -> LogMap:
    return vendor_map(Path(__file__).with_suffix(".yaml"))


def _events(record: Record) -> Iterator[Record]:
    """Yield each event of an activity with what the activity says of all of them."""
    events = items_at(record, "events")
    if not events:
        yield record
        return
    shared = {key: value for key, value in record.items() if key != "events"}
    for number, event in enumerate(events):
        yield shared | ({**event, "number": number} if isinstance(event, dict) else {"name": None})


def _parameters(record: Record) -> dict[str, Any]:
    """Parameters by name, however they are written: an object, or a list of names with values of several kinds."""
    found = dict(object_at(record, "parameters"))
    for parameter in items_at(record, "parameters"):
        if isinstance(parameter, dict) and isinstance(parameter.get("name"), str):
            found[parameter["name"]] = next((parameter[kind] for kind in _VALUES if kind in parameter), None)
    return found


def _of_sentinel(record: Record) -> Record:
    """A row of Sentinel's table, which joins the names of nested fields."""
    named: Record = {short: value_at(record, name) for short, name in _SENTINEL.items()}
    for part, prefix in (("id", "Id"), ("actor", "Actor")):
        names = ("uniqueQualifier", "time", "applicationName", "customerId", "email", "callerType", "profileId")
        named[part] = {name: value_at(record, f"{prefix}{name}") for name in names}
    named["id"]["uniqueQualifier"] = value_at(record, "Etag")  # numbers of that length are rounded in it
    return named


def event_of(record: Record) -> Event:
    """The Event of one record; raises NotAnEvent, or ValueError naming the problem."""
    if value_at(record, "IdApplicationName"):
        record = _of_sentinel(record)
    if not object_at(record, "id"):
        raise ValueError("id is missing: this is no activity of Google Workspace")
    return _map().event_of(record | {"parameters": _parameters(record)}, _rules)


def _rules(record: Record, fields: Fields) -> None:
    name = (text_value(value_at(record, "name")) or "").lower()
    application = text_value(value_at(record, "id.applicationName"))
    if application == "gmail" and name == "delivery":
        raise NotAnEvent("a delivery of a message")
    if application == "login" and name.startswith(_WARNINGS[:3]):
        raise NotAnEvent("a warning of Google about an account")
    if application == "mobile" and name.upper() in (
        "DEVICE_SYNC_EVENT",
        "DEVICE_COMPROMISED_EVENT",
        "SUSPICIOUS_ACTIVITY_EVENT",
    ):
        raise NotAnEvent("a report of a managed device")
    principal = named(text_value(value_at(record, "actor.email")) or text_value(value_at(record, "actor.profileId")))
    kind = identity_type(record)
    if principal is None or kind is None:
        raise NobodyKnown("an act of nobody in particular")
    fields["identity.id"], fields["identity.type"] = principal.id, kind
    program = _impersonator(record)
    if program:
        fields["identity.id"] = short_text(f"{principal.id} via {program}")
        fields["identity.acting_for"] = principal.id
    if name in ("logout", "authorize", "revoke"):
        fields["action.outcome"] = "success"
    if name == "login_success":
        fields["authentication.time"] = fields["time"]
        used = texts(value_at(record, "parameters.login_challenge_method")) or []
        fields["authentication.amr"] = [_METHODS[each] for each in used if each in _METHODS] or None
    if fields["credential.id"]:
        fields["credential.kind"] = "oauth_token"


def _impersonator(record: Record) -> str | None:
    """The program that acts in the actor's name by domain-wide delegation: it leaves the actor's habits untouched."""
    if not boolean(value_at(record, "actor.applicationInfo.impersonation")):
        return None
    return text_value(value_at(record, "actor.applicationInfo.oauthClientId")) or "an application"


def identity_type(record: Record) -> IdentityType | None:
    """The type of the actor; None for nobody in particular."""
    if value_at(record, "IdApplicationName"):
        record = _of_sentinel(record)
    caller = (text_value(value_at(record, "actor.callerType")) or "USER").upper()
    if caller == "KEY" or _impersonator(record):
        return "service_account"
    principal = named(text_value(value_at(record, "actor.email")) or text_value(value_at(record, "actor.profileId")))
    if principal is None:
        return None
    return "human" if "@" not in principal.id else principal.type


def _recognises(record: Record) -> bool:
    return str(record.get("kind", "")).endswith("#reports#activity") or bool(
        text_value(value_at(record, "id.applicationName") or value_at(record, "IdApplicationName"))
    )


SOURCE = LogSource(
    "google-workspace",
    "Google Workspace audit activities",
    event_of,
    _recognises,
    identity_type,
    form=RecordForm(list_names=("items",), split=_events, csv=True),
)
