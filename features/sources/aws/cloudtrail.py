"""Convert AWS CloudTrail records (management, data and sign-in events) to Events. Missing fields stay unknown.

`principal.py` reads who acts. The credential is the access key: a temporary key is as old as its session, the age of a
long-lived key is unknown, and a key used by a console counts as the browser's session cookie. Actions by AWS itself
count as attested at the time of the event. `mfaAuthenticated: false` is recorded as a password-only sign-in only for a
person in the console: elsewhere a second factor at an identity provider does not show, and a machine has none.
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
from features.sources.log_source import LogSource

_DENIED = re.compile(r"AccessDenied|Unauthori[sz]ed|NotAuthori[sz]ed|Forbidden", re.IGNORECASE)
_NAMES_A_RESOURCE = re.compile(r"([a-z]\w*?)(?:Name|Id|ID|Arn|ARN|Identifier)$")
_NO_RESOURCE = frozenset(
    {"attribute", "client", "image", "mfa", "request", "roleSession", "session", "source", "token", "version"}
)


def event_of(record: Record) -> Event:
    """Convert one record to an Event; raises ValueError (or pydantic.ValidationError) naming the problem."""
    user_identity = record.get("userIdentity")
    if not isinstance(user_identity, dict) or not user_identity:
        raise ValueError("userIdentity is missing")
    time = _time(record)
    kind = identity_type(user_identity)
    agent = text_of(record.get("userAgent"))
    name = f"{_required(record, 'eventSource').removesuffix('.amazonaws.com')}:{_required(record, 'eventName')}"
    resource, resource_type = _resource(record)
    return Event.model_validate(
        {
            "id": _short(record.get("eventID")),
            "time": time,
            "identity": {
                "id": _short(identity(user_identity, kind, record)),
                "type": kind,
                "role": _short(role(user_identity)),
            },
            "session": {"id": _short(session(user_identity)), "started_at": began_at(user_identity)},
            "action": {"name": _short(name), "category": category_of(name), "outcome": _outcome(record)},
            "resource": {"id": _short(resource), "type": _short(resource_type)},
            "network": {"ip": _address(record.get("sourceIPAddress"))},
            "device": {"id": _short(instance(user_identity, kind)), "user_agent": agent[:2048] if agent else None},
            "authentication": _authentication(user_identity, kind, record, time),
            "credential": _credential(user_identity, kind, record, time),
        }
    )


def _required(record: Record, name: str) -> str:
    value = text_of(record.get(name))
    if value is None:
        raise ValueError(f"{name} is missing")
    return value


def _short(value: Any) -> str | None:
    """An id of at most 256 bytes, as the Event requires; a longer one is cut and gets the digest of the whole."""
    text = text_of(value)
    if text is None or len(text.encode()) <= 256:
        return text
    return f"{text.encode()[:180].decode(errors='ignore')}#{hashlib.sha256(text.encode()).hexdigest()}"


def _time(record: Record) -> str:
    """The event's time in UTC: `eventTime`, or the `@timestamp` that some log shippers replace it with."""
    text = text_of(record.get("eventTime")) or text_of(record.get("@timestamp"))
    if text is None:
        raise ValueError("eventTime is missing")
    return utc(text)


def _outcome(record: Record) -> Outcome:
    """The outcome, from the error code or message, or from the response of a sign-in."""
    error = text_of(record.get("errorCode")) or text_of(record.get("errorMessage"))
    response = part_of(record, "responseElements")
    if error is None:
        return "failure" if "Failure" in (response.get("ConsoleLogin"), response.get("CheckMfa")) else "success"
    return "denied" if _DENIED.search(error) else "failure"


def _address(source: Any) -> str | None:
    """The source as an IP address; None for a scrambled address or the name of a service."""
    try:
        return str(ip_address(str(source)))
    except ValueError:
        return None


def _in_console(record: Record) -> bool:
    """Whether the request came from a console, by its user agent or by CloudTrail's own flag."""
    agent = text_of(record.get("userAgent"))
    flagged = str(record.get("sessionCredentialFromConsole")).lower() == "true"
    return flagged or (agent is not None and agent_of(agent).family == "console")


def _authentication(user_identity: Record, kind: IdentityType, record: Record, time: str) -> Record:
    if record.get("eventName") == "ConsoleLogin":
        return _sign_in(record, time) if _outcome(record) == "success" else {}
    factor = second_factor(user_identity)
    if factor:
        return {"amr": ["mfa"], "time": began_at(user_identity)}
    if factor is False and user_identity.get("type") in ("IAMUser", "Root") and _in_console(record):
        return {"amr": ["pwd"], "time": began_at(user_identity)}
    return {}


def _sign_in(record: Record, time: str) -> Record:
    """The authentication methods of a sign-in; CloudTrail does not record those of an identity provider."""
    details = part_of(record, "additionalEventData")
    if details.get("SamlProviderArn"):
        return {"time": time}
    if details.get("MFAUsed") != "Yes":
        return {"amr": ["pwd"], "time": time} if details.get("MFAUsed") == "No" else {"time": time}
    key = ["hwk"] if ":u2f/" in str(details.get("MFAIdentifier")) else []
    return {"amr": ["pwd", "mfa", *key], "time": time}


def _credential(user_identity: Record, kind: IdentityType, record: Record, time: str) -> Record:
    key = text_of(user_identity.get("accessKeyId"))
    attestation = {"attested_at": time} if attested(user_identity) else {}
    if key is None:
        return attestation
    temporary = not key.startswith("AKIA")
    is_browser_session = temporary and kind == "human" and _in_console(record)
    credential_kind: CredentialKind = "session_cookie" if is_browser_session else "access_key"
    return attestation | {
        "id": _short(key),
        "kind": credential_kind,
        "issued_at": began_at(user_identity) if temporary else None,
    }


def _resource(record: Record) -> tuple[str | None, str | None]:
    """The resource and its type: the first listed resource with an ARN, else the first parameter that names one."""
    listed = record.get("resources")
    for resource in listed if isinstance(listed, list) else []:
        arn = text_of(resource.get("ARN")) or text_of(resource.get("arn")) if isinstance(resource, dict) else None
        if arn:
            return arn, _kebab(str(resource.get("type") or "").rpartition("::")[2]) or _type_in(arn)
    return next(_resources_named_in(part_of(record, "requestParameters")), (None, None))


def _resources_named_in(parameters: Record) -> Iterator[tuple[str, str | None]]:
    """Yield each resource that a parameter names, with its type; a set counts only if it holds one item."""
    for name, value in parameters.items():
        items = value.get("items") if isinstance(value, dict) else None
        if isinstance(items, list) and len(items) == 1 and isinstance(items[0], dict):
            yield from _resources_named_in(items[0])
        stem = _NAMES_A_RESOURCE.fullmatch(name)
        if not text_of(value) or not stem or stem[1] in _NO_RESOURCE:
            continue
        if value.startswith("arn:"):
            yield value, _type_in(value)
        else:
            yield (f"arn:aws:s3:::{value}" if stem[1] == "bucket" else value), _kebab(stem[1])


def _type_in(arn: str) -> str | None:
    """The resource type in an ARN: `role` in `…:role/name`, `function` in `…:function:name`."""
    match = re.match(r"(?:[^:]*:){5}([a-z][\w-]*)[:/]", arn)
    return _kebab(match[1]) if match else None


def _kebab(name: str) -> str | None:
    """A type name in kebab case: `logStream` becomes `log-stream`, `dBInstance` becomes `db-instance`."""
    parts = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", re.sub(r"^dB", "DB", name))
    return parts.lower() or None


def recognises(record: Record) -> bool:
    """Whether a record looks like one of CloudTrail."""
    return "eventSource" in record and "eventName" in record


SOURCE = LogSource(
    "cloudtrail",
    "AWS CloudTrail",
    event_of,
    recognises,
    identity_type=lambda record: identity_type(part_of(record, "userIdentity")),
)
