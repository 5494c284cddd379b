"""AWS CloudTrail: files with `Records`, bare lists, NDJSON, each gzipped or not, and the flattened form.

Who acts: the issuer of the session (a role, or the user behind federation), else the principal itself. A role is a
workload, unless a person stands behind its session (single sign-on roles, session names that are mail addresses). A
user is a person, unless it signs with a long-lived key, from a client nobody sits before, without a second factor: that
is a service account. The session is the access key with its creation date; a workload's instance is the name of its
role session. An AWS service acting for itself is vouched for by the platform, so its identity counts as attested.

What CloudTrail does not say stays unknown. `mfaAuthenticated: false` says nothing about a role, which cannot have a
second factor, and is not read as weak proof there.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from features.actions import category_of
from features.agents import agent_of
from features.broken import Broken
from features.event import Event

Record = dict[str, Any]
_DENIED = ("AccessDenied", "Unauthorized", "Client.UnauthorizedOperation", "AuthFailure", "NotAuthorized")
_RESOURCE_PARAMETERS = (
    ("bucketName", "s3:bucket"),
    ("functionName", "lambda:function"),
    ("roleName", "iam:role"),
    ("roleArn", "iam:role"),
    ("userName", "iam:user"),
    ("secretId", "secretsmanager:secret"),
    ("instanceId", "ec2:instance"),
    ("snapshotId", "ec2:snapshot"),
    ("imageId", "ec2:image"),
    ("groupId", "ec2:security-group"),
    ("dBSnapshotIdentifier", "rds:snapshot"),
    ("name", "name"),
)


def read_cloudtrail(file: Path) -> Iterator[Event | Broken]:
    """Every record of a file as an Event, or as Broken with its place and the reason; nothing is dropped."""
    try:
        text = _text(file)
    except (OSError, EOFError, UnicodeDecodeError) as error:
        yield Broken(file, "whole file", f"cannot be read: {error}")
        return
    for position, record in _records(text):
        if isinstance(record, str):
            yield Broken(file, position, record)
            continue
        try:
            yield event_of(record)
        except ValidationError as error:
            first = error.errors()[0]
            yield Broken(file, position, f"{'.'.join(map(str, first['loc']))}: {first['msg']}")
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            yield Broken(file, position, f"{type(error).__name__}: {error}")


def _text(file: Path) -> str:
    data = file.read_bytes()
    return (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("utf-8-sig")


def _records(text: str) -> Iterator[tuple[str, Record | str]]:
    """Each record with its place; a string in a record's stead is the reason why there is none."""
    try:
        whole = json.loads(text)
    except ValueError:
        yield from _lines(text)
        return
    records = whole.get("Records", [whole]) if isinstance(whole, dict) else whole
    for index, record in enumerate(records if isinstance(records, list) else [records]):
        yield f"record {index}", record if isinstance(record, dict) else "is not a JSON object"


def _lines(text: str) -> Iterator[tuple[str, Record | str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            yield f"line {number}", f"is not JSON: {error}"
        else:
            yield f"line {number}", record if isinstance(record, dict) else "is not a JSON object"


def event_of(record: Record) -> Event:
    """One CloudTrail record as an Event; raises ValidationError, KeyError or TypeError where it is none."""
    who = record["userIdentity"]
    attributes = _part(_part(who, "sessionContext"), "attributes")
    service = str(record["eventSource"]).removesuffix(".amazonaws.com")
    name = f"{service}:{record['eventName']}"
    category = category_of(name)
    kind = _identity_type(who, record)
    time = _utc(record.get("eventTime") or record["@timestamp"])
    resource, resource_type = _resource(record)
    return Event.model_validate(
        {
            "id": record.get("eventID"),
            "time": time,
            "identity": {"id": _identity(who), "type": kind, "role": _role(who)},
            "session": {"id": _session(who, attributes), "started_at": attributes.get("creationDate")},
            "action": {"name": name, "category": category, "outcome": _outcome(record)},
            "resource": {"id": resource, "type": resource_type},
            "network": {"ip": _address(record.get("sourceIPAddress"))},
            "device": {"id": _instance(who, kind), "user_agent": record.get("userAgent") or None},
            "authentication": _authentication(who, record, attributes, kind),
            "credential": _credential(who, attributes, time, kind == "human"),
        }
    )


def _utc(time: Any) -> str:
    """CloudTrail's times are UTC whether they say so or not."""
    text = str(time)
    return text if text.endswith("Z") or "+" in text else text + "+00:00"


def _part(record: Record, name: str) -> Record:
    part = record.get(name)
    return part if isinstance(part, dict) else {}


def _issuer(who: Record) -> Record:
    return _part(_part(who, "sessionContext"), "sessionIssuer")


def _identity(who: Record) -> str:
    """The issuer of the session, else the principal: the name under which habits are kept."""
    candidates = (_issuer(who).get("arn"), who.get("arn"), who.get("invokedBy"), who.get("principalId"))
    found = next((c for c in (*candidates, who.get("userName"), who.get("accountId")) if c), None)
    if found is None:
        raise KeyError("userIdentity names nobody")
    return str(found)


def _session_name(who: Record) -> str | None:
    arn = str(who.get("arn") or "")
    return arn.rsplit("/", 1)[-1] if ":assumed-role/" in arn else None


def _person_behind(who: Record) -> bool:
    return "AWSReservedSSO_" in str(who.get("arn")) or "@" in (_session_name(who) or "")


def _identity_type(who: Record, record: Record) -> str:
    kind = who.get("type")
    if kind in ("AssumedRole", "Role"):
        return "human" if _person_behind(who) else "workload"
    if kind in ("AWSService", "AWSAccount", "WebIdentityUser"):
        return "workload"
    if kind in ("IAMUser", "FederatedUser") and _machine_like(who, record):
        return "service_account"
    return "human"


def _machine_like(who: Record, record: Record) -> bool:
    attributes = _part(_part(who, "sessionContext"), "attributes")
    long_lived = str(who.get("accessKeyId") or "").startswith("AKIA")
    return long_lived and attributes.get("mfaAuthenticated") != "true" and _unattended(record.get("userAgent"))


def _unattended(user_agent: Any) -> bool:
    return isinstance(user_agent, str) and bool(user_agent) and agent_of(user_agent).interactive is False


def _role(who: Record) -> str | None:
    return str(_issuer(who).get("userName") or who.get("userName") or "") or None


def _session(who: Record, attributes: Record) -> str | None:
    key, created = who.get("accessKeyId"), attributes.get("creationDate")
    return f"{key}@{created}" if key and created else key or None


def _instance(who: Record, kind: str) -> str | None:
    return _session_name(who) if kind == "workload" else None


def _outcome(record: Record) -> str:
    error = record.get("errorCode")
    answer = _part(record, "responseElements").get("ConsoleLogin")
    if answer == "Failure":
        return "failure"
    if not error:
        return "success"
    return "denied" if any(sign in str(error) for sign in _DENIED) else "failure"


def _address(source: Any) -> str | None:
    """The address as written when it is one; scrambled addresses and service names are unknown."""
    try:
        return str(ip_address(str(source)))
    except ValueError:
        return None


def _authentication(who: Record, record: Record, attributes: Record, kind: str) -> Record:
    said = attributes.get("mfaAuthenticated") or (
        "true" if _part(record, "additionalEventData").get("MFAUsed") == "Yes" else None
    )
    if said == "true":
        return {"amr": ["mfa"], "aal": 2, "time": attributes.get("creationDate")}
    if said == "false" and kind == "human":
        return {"amr": ["pwd"], "aal": 1, "time": attributes.get("creationDate")}
    return {}


def _credential(who: Record, attributes: Record, time: str, human: bool) -> Record:
    """A person's temporary key is that of a console session; a role's is an access key like any other, only young."""
    if who.get("type") == "AWSService":
        return {"attested_at": time}
    key = who.get("accessKeyId") or None
    kind = "session_cookie" if key and key.startswith("ASIA") and human else "access_key" if key else None
    return {"id": key, "kind": kind, "issued_at": attributes.get("creationDate")}


def _resource(record: Record) -> tuple[str | None, str | None]:
    for resource in record.get("resources") or []:
        if isinstance(resource, dict) and (resource.get("ARN") or resource.get("arn")):
            kind = str(resource.get("type") or "") or None
            return str(resource.get("ARN") or resource["arn"])[:256], kind
    parameters = _part(record, "requestParameters")
    for name, kind in _RESOURCE_PARAMETERS:
        if isinstance(parameters.get(name), str) and parameters[name]:
            return parameters[name][:256], kind
    return None, None
