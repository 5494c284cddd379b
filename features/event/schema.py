"""One request or sign-in by one identity in one session: the record every source is turned into.

Strict and frozen at the edge; `None` always means *unknown*, never "no" and never zero. This module knows
nothing of features, models or rulings. The numpy row and the Arrow schema are derived from it in `columns.py`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat

IdentityType = Literal["human", "service_account", "workload", "agent"]
Category = Literal[
    "read",
    "list",
    "write",
    "delete",
    "export",
    "approve_payment",
    "change_security_setting",
    "rotate_secret",
    "manage_access",
    "admin_console",
    "assume_privilege",
    "invoke_workflow",
    "execute_code",
    "authenticate",
]
Outcome = Literal["success", "failure", "denied"]
Impact = Literal["low", "medium", "high"]
Sensitivity = Literal["public", "internal", "confidential", "restricted"]
Environment = Literal["production", "staging", "development"]
CredentialKind = Literal[
    "password",
    "passkey",
    "session_cookie",
    "access_key",
    "api_token",
    "oauth_token",
    "ssh_key",
    "x509_svid",
    "jwt_svid",
    "client_certificate",
    "jit_credential",
]


def _bytes_at_most_256(text: str) -> str:
    if len(text.encode("utf-8")) > 256:
        raise ValueError("must be at most 256 bytes of UTF-8")
    return text


def _parsed_time(value: Any) -> Any:
    """Read ISO 8601 text: strict models refuse it once the JSON around it is parsed, as with HTTP bodies."""
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            raise ValueError("must be an ISO 8601 time with an offset, such as 2026-01-31T09:30:00Z") from None
    return value


Text = Annotated[str, Field(min_length=1, max_length=256), AfterValidator(_bytes_at_most_256)]
LongText = Annotated[str, Field(max_length=2048)]
Texts = Annotated[tuple[Text, ...], Field(max_length=64, strict=False)]
Time = Annotated[
    AwareDatetime,
    BeforeValidator(_parsed_time),
    AfterValidator(lambda t: t.astimezone(UTC)),
    Field(ge=datetime(1970, 1, 1, tzinfo=UTC), le=datetime(2101, 1, 1, tzinfo=UTC)),
]
Count = Annotated[int, Field(ge=0, le=10_000_000)]


class Group(BaseModel):
    """What every part of an event shares: strict, frozen, and no field that is not declared."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class Identity(Group):
    """Who acts."""

    id: Text
    type: IdentityType
    role: Text | None = None
    entitlements_granted: Count | None = None
    entitlements_used_90d: Count | None = None


class Session(Group):
    """The session acted in; without an id every request counts as a session of its own."""

    id: Text | None = None
    started_at: Time | None = None
    intent: LongText | None = Field(
        default=None, description="Declared task, or RFC 9396 authorization details, of an agent."
    )


class Action(Group):
    """What is asked for, in the vendor's own name and in our category."""

    name: Text
    category: Category | None = None
    reversible: bool | None = None
    impact: Impact | None = None
    outcome: Outcome | None = None


class Resource(Group):
    """What is acted upon."""

    id: Text | None = None
    type: Text | None = None
    sensitivity: Sensitivity | None = None
    environment: Environment | None = None


class Network(Group):
    """Where the request comes from; enrichment fills what follows from the address alone."""

    ip: Text | None = None
    asn: Annotated[int, Field(ge=1, le=4_294_967_295)] | None = None
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] | None = None
    latitude: Annotated[FiniteFloat, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[FiniteFloat, Field(ge=-180, le=180)] | None = None
    hosting: bool | None = None
    anonymizer: bool | None = None
    reputation: Annotated[FiniteFloat, Field(ge=0, le=1, description="0 is clean, 1 is known bad.")] | None = None


class Device(Group):
    """The device, or for a workload the instance, that sends the request."""

    id: Text | None = None
    managed: bool | None = None
    compliant: bool | None = None
    user_agent: LongText | None = None


class Authentication(Group):
    """How and when the identity last proved itself, as the caller claims it."""

    acr: Text | None = None
    amr: Texts | None = Field(default=None, description="RFC 8176 authentication method references.")
    time: Time | None = None
    aal: Annotated[int, Field(ge=1, le=3)] | None = None


class Credential(Group):
    """The secret or token presented."""

    id: Text | None = None
    kind: CredentialKind | None = None
    issued_at: Time | None = None
    expires_at: Time | None = None
    scope: Texts | None = None
    exposed: bool | None = Field(default=None, description="Known to have been seen where it must not be.")
    attested_at: Time | None = None
    privileged: bool | None = None
    environment: Environment | None = None


class Event(Group):
    """One request or sign-in. Raises pydantic's ValidationError naming the field that is wrong.

    >>> event = Event.model_validate({
    ...     "time": "2026-03-02T09:00:00Z",
    ...     "identity": {"id": "ada", "type": "human"},
    ...     "action": {"name": "s3:GetObject", "category": "read"},
    ... })
    >>> event.network.ip is None
    True
    """

    id: Text | None = Field(
        default=None, description="The event's own id, by which the same event twice is recognised."
    )
    time: Time
    identity: Identity
    session: Session = Session()
    action: Action
    resource: Resource = Resource()
    network: Network = Network()
    device: Device = Device()
    authentication: Authentication = Authentication()
    credential: Credential = Credential()
