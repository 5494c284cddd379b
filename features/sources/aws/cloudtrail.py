"""AWS CloudTrail: one record of the management, data or sign-in log as an Event. What it does not say stays unknown.

Who acts is read in `aws_principal.py`. The credential is the access key: a temporary one is as old as its session, a
long-lived one of unknown age, and one that a console uses is worth what the browser's session cookie is. What the
platform does itself counts as attested at the time of the event. `mfaAuthenticated: false` is a weak proof only of a
person in the console: elsewhere an identity provider's second factor does not show, and a machine has none.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

from features.event.schema import CredentialKind, Event, IdentityType, Outcome
from features.event.user_agent import agent_of
from features.sources.aws.action_categories import category_of
from features.sources.aws.principal import (
    attested,
    began_at,
    identity,
    identity_type,
    instance,
    role,
    second_factor,
    session,
    utc,
)
from features.sources.formats.records import Record, part_of, text_of

_DENIED = re.compile(r"AccessDenied|Unauthori[sz]ed|NotAuthori[sz]ed|Forbidden", re.IGNORECASE)
_NAMES_A_RESOURCE = re.compile(r"([a-z]\w*?)(?:Name|Id|ID|Arn|ARN|Identifier)$")
_NO_RESOURCE = frozenset(
    {"attribute", "client", "image", "mfa", "request", "roleSession", "session", "source", "token", "version"}
)


def event_of(record: Record) -> Event:
    """One record as an Event; raises ValueError (pydantic's ValidationError is one) saying what is wrong with it."""
    who = record.get("userIdentity")
    if not isinstance(who, dict) or not who:
        raise ValueError("userIdentity is missing")
    time = _time(record)
    kind = identity_type(who)
    agent = text_of(record.get("userAgent"))
    name = f"{_required(record, 'eventSource').removesuffix('.amazonaws.com')}:{_required(record, 'eventName')}"
    resource, resource_type = _resource(record)
    return Event.model_validate(
        {
            "id": _short(record.get("eventID")),
            "time": time,
            "identity": {"id": _short(identity(who, kind, record)), "type": kind, "role": _short(role(who))},
            "session": {"id": _short(session(who)), "started_at": began_at(who)},
            "action": {"name": _short(name), "category": category_of(name), "outcome": _outcome(record)},
            "resource": {"id": _short(resource), "type": _short(resource_type)},
            "network": {"ip": _address(record.get("sourceIPAddress"))},
            "device": {"id": _short(instance(who, kind)), "user_agent": agent[:2048] if agent else None},
            "authentication": _authentication(who, kind, record, time),
            "credential": _credential(who, kind, record, time),
        }
    )


def _required(record: Record, name: str) -> str:
    value = text_of(record.get(name))
    if value is None:
        raise ValueError(f"{name} is missing")
    return value


def _short(value: Any) -> str | None:
    """An id within the Event's 256 bytes; a longer one is told apart by a digest of the whole."""
    text = text_of(value)
    if text is None or len(text.encode()) <= 256:
        return text
    return f"{text.encode()[:180].decode(errors='ignore')}#{hashlib.sha256(text.encode()).hexdigest()}"


def _time(record: Record) -> str:
    """The event's time, under the name shippers give it where they took CloudTrail's own away; always UTC."""
    text = text_of(record.get("eventTime")) or text_of(record.get("@timestamp"))
    if text is None:
        raise ValueError("eventTime is missing")
    return utc(text)


def _outcome(record: Record) -> Outcome:
    """An error, a failed sign-in in the answer, or an error message without a code (as failed sign-ins have)."""
    error = text_of(record.get("errorCode")) or text_of(record.get("errorMessage"))
    answers = part_of(record, "responseElements")
    if error is None:
        return "failure" if "Failure" in (answers.get("ConsoleLogin"), answers.get("CheckMfa")) else "success"
    return "denied" if _DENIED.search(error) else "failure"


def _address(source: Any) -> str | None:
    """The address where it is one; scrambled addresses and the names of services are unknown."""
    try:
        return str(ip_address(str(source)))
    except ValueError:
        return None


def _in_console(record: Record) -> bool:
    """Whether a console made the call: it says so by name, or CloudTrail does where the name is the browser's."""
    agent = text_of(record.get("userAgent"))
    said = str(record.get("sessionCredentialFromConsole")).lower() == "true"
    return said or (agent is not None and agent_of(agent).family == "console")


def _authentication(who: Record, kind: IdentityType, record: Record, time: str) -> Record:
    if record.get("eventName") == "ConsoleLogin":
        return _sign_in(record, time) if _outcome(record) == "success" else {}
    factor = second_factor(who)
    if factor:
        return {"amr": ["mfa"], "time": began_at(who)}
    if factor is False and who.get("type") in ("IAMUser", "Root") and _in_console(record):
        return {"amr": ["pwd"], "time": began_at(who)}
    return {}


def _sign_in(record: Record, time: str) -> Record:
    """What a sign-in proved; what an identity provider asked for is not told."""
    details = part_of(record, "additionalEventData")
    if details.get("SamlProviderArn"):
        return {"time": time}
    if details.get("MFAUsed") != "Yes":
        return {"amr": ["pwd"], "time": time} if details.get("MFAUsed") == "No" else {"time": time}
    key = ["hwk"] if ":u2f/" in str(details.get("MFAIdentifier")) else []
    return {"amr": ["pwd", "mfa", *key], "time": time}


def _credential(who: Record, kind: IdentityType, record: Record, time: str) -> Record:
    key = text_of(who.get("accessKeyId"))
    vouched = {"attested_at": time} if attested(who) else {}
    if key is None:
        return vouched
    temporary = not key.startswith("AKIA")
    of_browser = temporary and kind == "human" and _in_console(record)
    form: CredentialKind = "session_cookie" if of_browser else "access_key"
    return vouched | {"id": _short(key), "kind": form, "issued_at": began_at(who) if temporary else None}


def _resource(record: Record) -> tuple[str | None, str | None]:
    """What is acted upon and its type: the first resource listed with an ARN, else the first parameter naming one."""
    listed = record.get("resources")
    for resource in listed if isinstance(listed, list) else []:
        arn = text_of(resource.get("ARN")) or text_of(resource.get("arn")) if isinstance(resource, dict) else None
        if arn:
            return arn, _kebab(str(resource.get("type") or "").rpartition("::")[2]) or _type_in(arn)
    return next(_named(part_of(record, "requestParameters")), (None, None))


def _named(parameters: Record) -> Iterator[tuple[str, str | None]]:
    """Each parameter that names one resource; of a set only where it holds a single item."""
    for name, value in parameters.items():
        items = value.get("items") if isinstance(value, dict) else None
        if isinstance(items, list) and len(items) == 1 and isinstance(items[0], dict):
            yield from _named(items[0])
        stem = _NAMES_A_RESOURCE.fullmatch(name)
        if not text_of(value) or not stem or stem[1] in _NO_RESOURCE:
            continue
        if value.startswith("arn:"):
            yield value, _type_in(value)
        else:
            yield (f"arn:aws:s3:::{value}" if stem[1] == "bucket" else value), _kebab(stem[1])


def _type_in(arn: str) -> str | None:
    """The type an ARN states: `…:role/name` is a role, `…:function:name` a function."""
    found = re.match(r"(?:[^:]*:){5}([a-z][\w-]*)[:/]", arn)
    return _kebab(found[1]) if found else None


def _kebab(name: str) -> str | None:
    """A type's name in our way: LogStream and logStream become log-stream, dBInstance and DBInstance db-instance."""
    parts = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", re.sub(r"^dB", "DB", name))
    return parts.lower() or None
