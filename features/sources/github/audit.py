"""GitHub's audit log of an organisation or enterprise: the REST API, the JSON export, or a stream.

GitHub logs only what has happened, so that a record without a result is a success. The address of the actor is logged
only where the enterprise has switched it on.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from features.event.schema import Event
from features.sources.formats.records import Record, RecordForm
from features.sources.github.principal import identity_type, set_actor
from features.sources.log_source import LogSource
from features.sources.mapping.log_map import Fields, LogMap, vendor_map

_SUCCEEDED = frozenset(
    f"user.{name}"
    for name in ("login", "logout", "new_device_used", "sign_in_from_unrecognized_device", "two_factor_requested")
) | {"org.sso_response", "business.sso_response"}
"""Names of sign-ins that are written only when they have succeeded."""


@cache
def _map() -> LogMap:
    return vendor_map(Path(__file__).with_suffix(".yaml"))


def _resource_type(record: Record, fields: Fields) -> None:
    present = ("repo", "repository", "team", "org", "business")
    kind = next((name for name in present if fields["resource.id"] and record.get(name) == fields["resource.id"]), None)
    fields["resource.type"] = "repo" if kind == "repository" else kind


def _token(record: Record, fields: Fields) -> None:
    """A record about a token names that token, and not the one that was used."""
    if str(fields["action.name"]).startswith(("personal_access_token.", "oauth_", "org_credential_authorization.")):
        fields["credential.id"] = fields["credential.kind"] = fields["credential.scope"] = None


def _sign_in(record: Record, fields: Fields) -> None:
    """GitHub writes a sign-in that failed under a name of its own."""
    if fields["action.name"] in _SUCCEEDED and record.get("outcome") is None:
        fields["action.outcome"] = "success"
    if fields["action.name"] == "user.login":
        fields["authentication.time"] = fields["time"]


def event_of(record: Record) -> Event:
    """The Event of one record; raises NotAnEvent, or ValueError naming the problem."""
    return _map().event_of(record, set_actor, _resource_type, _token, _sign_in)


def _recognises(record: Record) -> bool:
    return {"action", "actor"} <= set(record) and bool(
        {"_document_id", "@timestamp", "created_at", "org"} & set(record)
    )


SOURCE = LogSource("github", "GitHub audit log", event_of, _recognises, identity_type, RecordForm())
