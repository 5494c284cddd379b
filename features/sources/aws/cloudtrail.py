"""Convert AWS CloudTrail records (management, data, sign-in and network activity events) to Events.

`principal.py` reads who acts. Missing fields stay unknown. The credential is the access key: a temporary key is as old
as its session, the age of a long-lived key is unknown, and a key used by a console counts as the browser's session
cookie. Actions by AWS itself count as attested at the time of the event.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import orjson

from features.event.schema import (
    Action,
    Authentication,
    Credential,
    Device,
    Event,
    Identity,
    IdentityType,
    Network,
    Outcome,
    Session,
)
from features.event.user_agent import agent_of
from features.sources.aws.action_categories import category_of
from features.sources.aws.outcome import outcome_of
from features.sources.aws.principal import Principal, principal_of, utc
from features.sources.aws.resource import resource_of
from features.sources.aws.sign_in import sign_in_factors
from features.sources.aws.wrappers import WRAPPERS, with_structures
from features.sources.formats.records import NotAnEvent, Record, RecordForm, text_of
from features.sources.log_source import LogSource
from features.sources.mapping.paths import value_at
from features.sources.mapping.values import address, short_text

_CACHED = 4_096
_CACHED_ADDRESSES = 65_536
_LONGEST_CACHED = 4_096
"""Bytes of a `userIdentity`."""


@dataclass(frozen=True)
class _Actor:
    """The parts of an event that follow from `userIdentity` alone, made once for all its records."""

    principal: Principal
    identity: Identity
    session: Session
    proved: Authentication
    """As the session was opened, wherever it is used."""
    proved_in_console: Authentication
    key: Credential
    cookie: Credential
    """The key as a console uses it."""


def event_of(record: Record) -> Event:
    """Convert one record to an Event; raises NotAnEvent, NobodyKnown, or ValueError naming the problem."""
    _refuse_other_files(record)
    record = with_structures(record)
    source, name = text_of(record.get("eventSource")), text_of(record.get("eventName"))
    actor = _actor_of(record, source)
    principal, time = actor.principal, _time(record)
    outcome = outcome_of(record)
    agent = text_of(record.get("userAgent"))
    console = _is_console(agent) or str(record.get("sessionCredentialFromConsole")).lower() == "true"
    sign_in = sign_in_factors(record, principal, outcome)
    authentication = actor.proved_in_console if console else actor.proved
    if sign_in is not None:
        authentication = Authentication.model_validate(sign_in | {"time": sign_in.get("time", time)} if sign_in else {})
    credential = actor.cookie if console else actor.key
    if principal.attested:
        credential = Credential.model_validate(dict(credential) | {"attested_at": time})
    return Event.model_validate(
        {
            "id": short_text(record.get("eventID")),
            "time": time,
            "identity": actor.identity,
            "session": actor.session,
            "action": _action(_required(source, "eventSource"), _required(name, "eventName"), outcome),
            "resource": resource_of(record),
            "network": _network(text_of(record.get("sourceIPAddress"))),
            "device": _device(principal.instance, agent[:2048] if agent else None),
            "authentication": authentication,
            "credential": credential,
        }
    )


def _refuse_other_files(record: Record) -> None:
    """Raise NotAnEvent for what CloudTrail writes beside events, which a bucket or a query holds as well."""
    if record.get("eventCategory") == "Insight" or record.get("eventType") == "AwsCloudTrailInsight":
        raise NotAnEvent("an Insight event, which is no request of anybody")
    if "digestStartTime" in record and "eventName" not in record:
        raise NotAnEvent("a digest file, which holds no events")


def _required(value: str | None, name: str) -> str:
    if value is None:
        raise ValueError(f"{name} is missing")
    return value


def _time(record: Record) -> str:
    """The event's time in UTC: `eventTime`, or the `@timestamp` that some log shippers replace it with."""
    return utc(_required(text_of(record.get("eventTime")) or text_of(record.get("@timestamp")), "eventTime"))


def _actor_of(record: Record, source: str | None) -> _Actor:
    user = record.get("userIdentity")
    service = source if record.get("eventType") == "AwsServiceEvent" else None
    if not isinstance(user, dict) or not user:
        if service is None:
            raise ValueError("userIdentity is missing")
        user = {}
    account = text_of(record.get("recipientAccountId"))
    try:
        key = orjson.dumps(user)
    except TypeError:  # text or a number that JSON in UTF-8 cannot hold
        return _read_actor(user, account, service)
    return _cached_actor(key, account, service) if len(key) <= _LONGEST_CACHED else _read_actor(user, account, service)


@lru_cache(_CACHED)
def _cached_actor(user: bytes, account: str | None, service: str | None) -> _Actor:
    return _read_actor(orjson.loads(user), account, service)


def _read_actor(user: Record, account: str | None, service: str | None) -> _Actor:
    principal = principal_of(user, account, service)
    began, key = principal.began_at, principal.key
    proved: Record = {"amr": ("mfa",), "time": began} if principal.second_factor else {}
    # Elsewhere a second factor at an identity provider does not show, and a machine has none.
    only_password = principal.second_factor is False and principal.kind in ("IAMUser", "Root")
    credential: Record = {}
    if key is not None:
        issued = began if not key.startswith("AKIA") else None
        credential = {"id": short_text(key), "kind": "access_key", "issued_at": issued}
    is_cookie = key is not None and not key.startswith("AKIA") and principal.type == "human"
    return _Actor(
        principal,
        Identity.model_validate(
            {
                "id": short_text(principal.identity),
                "type": principal.type,
                "role": short_text(principal.role),
                "acting_for": short_text(principal.acting_for),
            }
        ),
        Session.model_validate({"id": short_text(principal.session), "started_at": began}),
        Authentication.model_validate(proved),
        Authentication.model_validate({"amr": ("pwd",), "time": began} if only_password else proved),
        Credential.model_validate(credential),
        Credential.model_validate(credential | ({"kind": "session_cookie"} if is_cookie else {})),
    )


@lru_cache(_CACHED)
def _action(source: str, name: str, outcome: Outcome | None) -> Action:
    full_name = f"{source.removesuffix('.amazonaws.com')}:{name}"
    return Action.model_validate(
        {"name": short_text(full_name), "category": category_of(full_name), "outcome": outcome}
    )


@lru_cache(_CACHED_ADDRESSES)
def _network(source: str | None) -> Network:
    """Where a request comes from; unknown for a scrambled address or the name of a service."""
    return Network.model_validate({"ip": address(source)})


@lru_cache(_CACHED)
def _device(instance: str | None, agent: str | None) -> Device:
    return Device.model_validate({"id": short_text(instance), "user_agent": agent})


def _is_console(agent: str | None) -> bool:
    """Whether a request came from a console, by its user agent; else CloudTrail's own flag says it."""
    return agent is not None and agent_of(agent).family == "console"


def recognises(record: Record) -> bool:
    """Whether a record looks like one of CloudTrail."""
    return "eventSource" in record and "eventName" in record and "awsRegion" in record


def _identity_type(record: Record) -> IdentityType | None:
    """The type, which always follows from a rule; None for a record that says nothing of who acts."""
    try:
        return _actor_of(with_structures(record), text_of(record.get("eventSource"))).identity.type
    except ValueError:
        return None


_CARRIES_OUT = {
    "ExecuteStatement": ("sql", "statement"),
    "BatchExecuteStatement": ("sqls", "sql"),
    "StartQueryExecution": ("queryString",),
    "ExecuteQuery": ("queryString",),
    "Query": ("queryString",),
    "ExecuteSql": ("sqlStatements",),
    "SelectObjectContent": ("expression",),
    "SendCommand": ("parameters.commands[0]",),
}
"""Calls whose arguments hold a statement or a command line, and where, by the call's name; AWS hides some of them."""


def _statement(record: Record) -> str | None:
    places = _CARRIES_OUT.get(str(record.get("eventName")), ())
    found = (value_at(record.get("requestParameters"), place) for place in places)
    return next(("; ".join(map(str, each)) if isinstance(each, list) else str(each) for each in found if each), None)


SOURCE = LogSource(
    "cloudtrail",
    "AWS CloudTrail",
    event_of,
    recognises,
    _identity_type,
    RecordForm(wrappers=WRAPPERS, csv=True),
    _statement,
)
