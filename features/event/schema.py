"""The Event: one request or sign-in by one identity in one session. Every log source is converted to Events.

Events are validated strictly and are immutable. `None` always means *unknown*, never "no" and never zero. This module
is independent of features, models and decisions; `arrow.py` and `row_fields.py` derive the Arrow schema and the numpy
row from it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    PrivateAttr,
    model_validator,
)

from features.event.identifiers import visible_id
from features.event.task_fit import ARGUMENTS, OUTPUT, input_only, with_task_fit

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


def _in_utc(time: datetime) -> datetime:
    """The time in UTC. At the edge of the calendar an offset may lead outside the years that can be written."""
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise ValueError("must lie between 1970 and 2101") from None


Text = Annotated[str, Field(min_length=1, max_length=256), AfterValidator(_bytes_at_most_256)]
Id = Annotated[Text, AfterValidator(visible_id)]
"""An id: NFC, without characters that cannot be seen; letter case is significant."""
LongText = Annotated[str, Field(max_length=2048)]
Texts = Annotated[tuple[Text, ...], Field(max_length=64, strict=False)]
Time = Annotated[
    AwareDatetime,
    BeforeValidator(_parsed_time),
    AfterValidator(_in_utc),
    Field(ge=datetime(1970, 1, 1, tzinfo=UTC), le=datetime(2101, 1, 1, tzinfo=UTC)),
]
Count = Annotated[int, Field(ge=0, le=10_000_000)]


class Group(BaseModel):
    """Base of all parts of an event: strict, immutable, without undeclared fields."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class Identity(Group):
    """Who acts."""

    id: Id = Field(description="The identity's id in the caller's own directory.")
    type: IdentityType = Field(
        description="What kind of identity acts. A machine is never asked for a person's factor."
    )
    role: Text | None = Field(default=None, description="The role it acts in.")
    acting_for: Id | None = Field(
        default=None,
        description="On whose behalf it acts, such as the person behind a role or a delegate. Kept and shown; no "
        "feature reads it yet.",
    )
    entitlements_granted: Count | None = Field(default=None, description="How many entitlements it has.")
    entitlements_used_90d: Count | None = Field(default=None, description="How many of them it used within 90 days.")


class Session(Group):
    """The session acted in; without an id every request counts as a session of its own."""

    model_config = input_only(output=OUTPUT)

    id: Id | None = Field(default=None, description="The session's id.")
    started_at: Time | None = Field(default=None, description="When the session began.")
    intent: LongText | None = Field(
        default=None, description="Declared task, or RFC 9396 authorization details, of an agent."
    )


class Action(Group):
    """What is asked for, in the vendor's own name and in our category."""

    model_config = input_only(arguments=ARGUMENTS)

    name: Text = Field(description="The action in the vendor's own words, such as `s3:GetObject`.")
    category: Category | None = Field(default=None, description="The action's category, by which the policy rules.")
    reversible: bool | None = Field(default=None, description="Whether it can be undone.")
    impact: Impact | None = Field(default=None, description="How much harm it can do.")
    outcome: Outcome | None = Field(
        default=None, description="What came of it; unknown for a request that is still to be decided."
    )


class Resource(Group):
    """What is acted upon."""

    id: Text | None = Field(default=None, description="The resource's id.")
    type: Text | None = Field(default=None, description="The resource's type, such as `bucket`.")
    sensitivity: Sensitivity | None = Field(default=None, description="How sensitive it is.")
    environment: Environment | None = Field(default=None, description="The environment it belongs to.")


class Network(Group):
    """Where the request comes from; enrichment fills what follows from the address alone."""

    ip: Text | None = Field(default=None, description="The address the request comes from.")
    asn: Annotated[int, Field(ge=1, le=4_294_967_295)] | None = Field(
        default=None, description="Number of the autonomous system the address belongs to."
    )
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] | None = Field(
        default=None, description="Country of the address, ISO 3166-1 alpha-2."
    )
    latitude: Annotated[FiniteFloat, Field(ge=-90, le=90)] | None = Field(
        default=None, description="Latitude of the address, in degrees."
    )
    longitude: Annotated[FiniteFloat, Field(ge=-180, le=180)] | None = Field(
        default=None, description="Longitude of the address, in degrees."
    )
    accuracy_km: Annotated[FiniteFloat, Field(ge=0, le=20_040)] | None = Field(
        default=None, description="How far off latitude and longitude may be, in km: a database's accuracy radius."
    )
    hosting: bool | None = Field(default=None, description="Whether it is a hosting provider's network.")
    anonymizer: bool | None = Field(default=None, description="Whether it is a VPN, proxy or Tor exit.")
    reputation: Annotated[FiniteFloat, Field(ge=0, le=1)] | None = Field(
        default=None, description="Reputation of the address: 0 is clean, 1 is known bad."
    )


class Device(Group):
    """The device, or for a workload the instance, that sends the request."""

    id: Id | None = Field(default=None, description="The device's or instance's id.")
    managed: bool | None = Field(default=None, description="Whether the organisation manages it.")
    compliant: bool | None = Field(default=None, description="Whether it meets the organisation's rules.")
    user_agent: LongText | None = Field(default=None, description="The user agent as sent.")


class Authentication(Group):
    """How and when the identity last proved itself, as the caller claims it."""

    acr: Text | None = Field(
        default=None, description="Authentication context class reference, as the identity provider reports it."
    )
    amr: Texts | None = Field(default=None, description="RFC 8176 authentication method references.")
    time: Time | None = Field(default=None, description="When the identity last authenticated.")
    aal: Annotated[int, Field(ge=1, le=3)] | None = Field(
        default=None, description="NIST SP 800-63B authenticator assurance level."
    )


class Credential(Group):
    """The secret or token presented."""

    id: Id | None = Field(default=None, description="The credential's id, never the secret itself.")
    kind: CredentialKind | None = Field(default=None, description="What kind of credential it is.")
    issued_at: Time | None = Field(default=None, description="When it was issued.")
    expires_at: Time | None = Field(default=None, description="When it expires.")
    scope: Texts | None = Field(default=None, description="What it was issued for.")
    exposed: bool | None = Field(default=None, description="Whether it is known to have leaked.")
    attested_at: Time | None = Field(default=None, description="When the workload that holds it was last attested.")
    proof_of_possession: bool | None = Field(
        default=None,
        description="Whether the request proved possession of its key: DPoP, mutual TLS, a device-bound session "
        "credential, an attested SVID.",
    )
    privileged: bool | None = Field(default=None, description="Whether it carries elevated rights.")
    environment: Environment | None = Field(default=None, description="The environment it was issued for.")


Share = Annotated[FiniteFloat, Field(ge=0, le=1)]


class TaskFit(Group):
    """How well an agent's call fits its declared task: measured from texts that are not kept, see `task_fit.py`."""

    _texts: bytes = PrivateAttr(default=b"")

    similarity: Share | None = Field(default=None, description="How alike the call and the task are: 0 not, 1 equal.")
    arguments_in_task: Share | None = Field(
        default=None, description="The share of the arguments' words that the task has."
    )
    arguments_in_output: Share | None = Field(
        default=None, description="The share of the arguments' words that only outputs of tools have."
    )
    entities_outside_task: Count | None = Field(
        default=None, description="How many addresses, accounts and the like the arguments name that the task does not."
    )
    entities_from_output: Count | None = Field(
        default=None, description="How many of these an output of a tool has named before."
    )

    @property
    def texts(self) -> bytes:
        """The SHA-256 of the texts that were measured, where this was made from them; in memory alone."""
        return self._texts


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
    time: Time = Field(description="When it happened, or is about to happen.")
    identity: Identity = Field(description="Who acts.")
    session: Session = Field(default=Session(), description="The session it belongs to.")
    action: Action = Field(description="What is asked for.")
    resource: Resource = Field(default=Resource(), description="What is acted upon.")
    network: Network = Field(default=Network(), description="Where it comes from.")
    device: Device = Field(default=Device(), description="The device that sends it.")
    authentication: Authentication = Field(default=Authentication(), description="How the identity last proved itself.")
    credential: Credential = Field(default=Credential(), description="The credential presented.")
    task_fit: TaskFit = Field(default=TaskFit(), description="How well an agent's call fits its declared task.")

    @model_validator(mode="before")
    @classmethod
    def _without_texts(cls, event: Any) -> Any:
        reduced, texts = with_task_fit(event)
        if texts:
            fit = TaskFit.model_validate(reduced.get("task_fit") or {})
            fit._texts = texts
            reduced["task_fit"] = fit
        return reduced
