"""Kubernetes audit events: of a cluster itself, or as EKS (CloudWatch), GKE (as plain events) and AKS deliver them.

An action is named by verb, resource and subresource (`create pods/exec`), a request for no resource by verb and path.
GKE's events within GCP audit logs are read by the source `gcp`.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from features.event.schema import Event, IdentityType
from features.sources.formats.records import NobodyKnown, Record, RecordForm
from features.sources.kubernetes.principal import ANONYMOUS, identity_of
from features.sources.log_source import LogSource
from features.sources.mapping.log_map import Fields, LogMap, vendor_map
from features.sources.mapping.paths import object_at, value_at
from features.sources.mapping.values import short_text, text_value

_TOKEN_ID = re.compile(r"^(JTI=|X509SHA256=)")


@cache
def _map() -> LogMap:
    return vendor_map(Path(__file__).with_suffix(".yaml"))


def _unwrapped(record: Record) -> Record:
    """The audit event: AKS keeps it as text in `properties.log`, CloudWatch in `message`, shippers in `log`."""
    for path in ("properties.log", "message", "log", "kubernetes.audit"):
        inner = object_at(record, path)
        if inner and value_at(record, "verb") is None:
            return {"timestamp": value_at(record, "time") or value_at(record, "timestamp")} | inner
    return record


def event_of(record: Record) -> Event:
    """The Event of one record; raises NotAnEvent, or ValueError naming the problem."""
    record = _unwrapped(record)
    if value_at(record, "verb") is None:
        raise ValueError("verb is missing: this is no Kubernetes audit event")
    return _map().event_of(record, _rules)


def _rules(record: Record, fields: Fields) -> None:
    name = text_value(value_at(record, "user.username"))
    if name is None or name in ANONYMOUS:
        raise NobodyKnown("a request without credentials" if name else "an act of nobody in particular")
    identity, kind = identity_of(name)
    fields["identity.id"], fields["identity.type"] = short_text(identity), kind or "human"
    fields["identity.role"] = text_value(value_at(record, "user.extra.canonicalArn[0]"))
    if fields["action.name"] is None:
        path = str(value_at(record, "requestURI") or "").partition("?")[0]
        fields["action.name"] = f"{text_value(value_at(record, 'verb'))} {path or 'an unnamed resource'}"[:250]
    _credential(name, fields)


def _credential(name: str, fields: Fields) -> None:
    token = fields["credential.id"]
    if fields["identity.type"] == "service_account":
        fields["credential.kind"] = "oauth_token"
    elif token and token.startswith("X509SHA256="):
        fields["credential.kind"] = "client_certificate"
    elif token and token.startswith(("AKIA", "ASIA")):
        fields["credential.kind"] = "access_key"
    if token and _TOKEN_ID.search(token) and not fields.get("session.id"):
        fields["session.id"] = token
    if name.startswith("system:") and fields["identity.type"] == "workload":
        fields["credential.attested_at"] = fields["time"]


def identity_type(record: Record) -> IdentityType | None:
    """The type of the user; None where no rule names it."""
    name = text_value(value_at(_unwrapped(record), "user.username"))
    return identity_of(name)[1] if name else None


def _recognises(record: Record) -> bool:
    event = _unwrapped(record)
    return str(event.get("apiVersion", "")).startswith("audit.k8s.io") or (
        event.get("kind") == "Event" and "verb" in event and "user" in event
    )


SOURCE = LogSource(
    "kubernetes",
    "Kubernetes audit log",
    event_of,
    _recognises,
    identity_type,
    form=RecordForm(list_names=("items", "logEvents")),
)
