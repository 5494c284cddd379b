"""OCSF 1.0 to 1.9: Authentication (3002), Authorize Session (3003) and API Activity (6003).

The category of an API call is that of its activity (create, read, update, delete), which every OCSF event has: the
names of operations are any vendor's.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from features.event.schema import Category, Event
from features.sources.formats.records import NotAnEvent, Record, RecordForm
from features.sources.log_source import LogSource
from features.sources.mapping.log_map import Fields, LogMap, vendor_map
from features.sources.mapping.paths import items_at, value_at
from features.sources.mapping.values import boolean, text_value
from features.sources.ocsf.principal import identity_type, set_actor

_SIGN_INS = {
    1: "logon",
    2: "logoff",
    3: "authentication ticket",
    4: "service ticket request",
    5: "service ticket renew",
}
_SIGN_INS |= {6: "preauth", 7: "account switch"}
_SESSIONS = {1: "assign privileges", 2: "assign groups"}
_CALLS: dict[int, Category] = {1: "write", 2: "read", 3: "write", 4: "delete"}
_FACTORS = {
    1: "sms",
    2: "kba",
    3: "tel",
    4: "fpt",
    5: "swk",
    6: "otp",
    7: "otp",
    8: "hwk",
    9: "hwk",
    10: "otp",
    11: "pwd",
}
"""RFC 8176 values of `auth_factors[].factor_type_id`."""


@cache
def _map() -> LogMap:
    return vendor_map(Path(__file__).with_suffix(".yaml"))


def event_of(record: Record) -> Event:
    """The Event of one record; raises NotAnEvent for other classes, or ValueError naming the problem."""
    return _map().event_of(record, _named, set_actor, _authenticated)


def _number(record: Record, name: str) -> int | None:
    try:
        return int(record.get(name))  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None


def _named(record: Record, fields: Fields) -> None:
    """Set the action's name, and of an API call the category of its activity."""
    kind, activity = _number(record, "class_uid"), _number(record, "activity_id")
    if kind == 3002:
        fields["action.name"] = f"authentication:{_SIGN_INS.get(activity or 0, 'other')}"
    elif kind == 3003:
        fields["action.name"] = f"authorize session:{_SESSIONS.get(activity or 0, 'other')}"
        fields["action.category"] = None if activity in _SESSIONS else "authenticate"
    elif kind == 6003:
        service, operation = (text_value(value_at(record, path)) for path in ("api.service.name", "api.operation"))
        fields["action.name"] = f"{service}:{operation}" if service and operation else operation
        fields["action.category"] = _CALLS.get(activity or 0)
    else:
        raise NotAnEvent("an OCSF event of another class than 3002, 3003 and 6003")
    code = (text_value(value_at(record, "api.response.error")) or text_value(record.get("status_detail")) or "").lower()
    if fields["action.outcome"] == "failure" and any(word in code for word in ("denied", "unauthorized", "forbidden")):
        fields["action.outcome"] = "denied"


def _authenticated(record: Record, fields: Fields) -> None:
    """Set how a sign-in was made, where it has succeeded."""
    if _number(record, "class_uid") != 3002 or fields["action.outcome"] != "success":
        return
    if _number(record, "activity_id") not in (1, 3):
        return
    fields["authentication.time"] = fields["time"]
    numbers = (_number(f, "factor_type_id") for f in items_at(record, "auth_factors") if isinstance(f, dict))
    methods = [_FACTORS[number] for number in numbers if number in _FACTORS]
    if boolean(record.get("is_mfa")):
        methods.append("mfa")
    fields["authentication.amr"] = list(dict.fromkeys(methods)) or None


def _recognises(record: Record) -> bool:
    return "class_uid" in record and "metadata" in record


SOURCE = LogSource(
    "ocsf",
    "OCSF events",
    event_of,
    _recognises,
    identity_type,
    general_categories=True,
    form=RecordForm(list_names=("events",)),
)
