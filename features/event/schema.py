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

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", use_attribute_docstrings=True)


class Identity(Group):
    """Who acts."""

    id: Text
    """The identity's id, the same in every event."""
    type: IdentityType
    """A person, or one of three kinds of machine identity."""
    role: Text | None = None
    """The role it acts in."""
    entitlements_granted: Count | None = None
    """How many entitlements it has."""
    entitlements_used_90d: Count | None = None
    """How many of them it used in the last 90 days."""


class Session(Group):
    """The session acted in; without an id every request counts as a session of its own."""

    id: Text | None = None
    """The session's id."""
    started_at: Time | None = None
    """When the session began."""
    intent: LongText | None = Field(
        default=None, description="Declared task, or RFC 9396 authorization details, of an agent."
    )


class Action(Group):
    """What is asked for, in the vendor's own name and in our category."""

    name: Text
    """The vendor's own name, such as `iam:CreateAccessKey`."""
    category: Category | None = None
    """Our category. An unknown one counts as a write."""
    reversible: bool | None = None
    """Whether the action can be undone."""
    impact: Impact | None = None
    """How much harm the action can do."""
    outcome: Outcome | None = None
    """What became of it; of a request that is to be decided, only a sign-in has one."""


class Resource(Group):
    """What is acted upon."""

    id: Text | None = None
    """The resource's id."""
    type: Text | None = None
    """The resource's type, such as `bucket`."""
    sensitivity: Sensitivity | None = None
    """How sensitive it is. An unknown sensitivity counts as confidential."""
    environment: Environment | None = None
    """The environment it belongs to."""


class Network(Group):
    """Where the request comes from; enrichment fills what follows from the address alone."""

    ip: Text | None = None
    """The address, IPv4 or IPv6."""
    asn: Annotated[int, Field(ge=1, le=4_294_967_295)] | None = None
    """The network operator's autonomous system number."""
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] | None = None
    """The country, as two letters of ISO 3166-1."""
    latitude: Annotated[FiniteFloat, Field(ge=-90, le=90)] | None = None
    """Degrees north."""
    longitude: Annotated[FiniteFloat, Field(ge=-180, le=180)] | None = None
    """Degrees east."""
    hosting: bool | None = None
    """Whether the address belongs to a hosting provider."""
    anonymizer: bool | None = None
    """Whether the address is a known VPN exit or anonymiser."""
    reputation: Annotated[FiniteFloat, Field(ge=0, le=1)] | None = None
    """0 is clean, 1 is known bad."""


class Device(Group):
    """The device, or for a workload the instance, that sends the request."""

    id: Text | None = None
    """The device's or instance's id."""
    managed: bool | None = None
    """Whether the organisation manages the device."""
    compliant: bool | None = None
    """Whether the device meets the organisation's rules."""
    user_agent: LongText | None = None
    """The client program, as it names itself."""


class Authentication(Group):
    """How and when the identity last proved itself, as the caller claims it."""

    acr: Text | None = None
    """The authentication context class reference."""
    amr: Texts | None = Field(default=None, description="RFC 8176 authentication method references.")
    time: Time | None = None
    """When the identity authenticated."""
    aal: Annotated[int, Field(ge=1, le=3)] | None = None
    """The authenticator assurance level of NIST SP 800-63B."""


class Credential(Group):
    """The secret or token presented."""

    id: Text | None = None
    """The credential's id, never its secret."""
    kind: CredentialKind | None = None
    """What kind of credential it is."""
    issued_at: Time | None = None
    """When it was issued."""
    expires_at: Time | None = None
    """When it expires."""
    scope: Texts | None = None
    """What it is issued for."""
    exposed: bool | None = Field(default=None, description="Known to have been seen where it must not be.")
    attested_at: Time | None = None
    """When the workload that holds it was last attested."""
    privileged: bool | None = None
    """Whether it grants privileged access."""
    environment: Environment | None = None
    """The environment it is issued for."""


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
    """When it happened: ISO 8601 with an offset."""
    identity: Identity
    """Who acts."""
    session: Session = Session()
    """The session acted in."""
    action: Action
    """What is asked for."""
    resource: Resource = Resource()
    """What is acted upon."""
    network: Network = Network()
    """Where the request comes from."""
    device: Device = Device()
    """What sends the request."""
    authentication: Authentication = Authentication()
    """How and when the identity last proved itself."""
    credential: Credential = Credential()
    """The secret or token presented."""
