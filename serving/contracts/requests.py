"""What callers send. Strict models: an unknown member is refused by name. Responses are in `responses.py`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

from features.event.schema import Device, Event, LongText, Network, Text, Texts, Time
from serving.decision.authorization_details import Details
from serving.policy.schema import ProofKind

INLINE_LIMIT = 1_000
"""How many events a request may carry as its history."""


class WireModel(BaseModel):
    """Strict, frozen, and no undeclared members."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class ScoreRequest(WireModel):
    """Ask for a decision on one request (an *event*) of an identity."""

    event: Annotated[Event, Field(description="The request to decide, with what is known of its session and context.")]
    history: Annotated[
        tuple[Event, ...] | None,
        Field(
            strict=False,
            max_length=INLINE_LIMIT,
            description="Decide by these past events alone, in place of the stored history; nothing is stored. "
            "All are of the event's identity and before it. Needs scope `assure`.",
        ),
    ] = None
    mode: Annotated[
        Literal["enforce", "replay"],
        Field(
            description="`enforce` decides a request of this moment. `replay` decides a past one, in a history of its "
            "own, and is never to be enforced. Needs scope `investigate`."
        ),
    ] = "enforce"
    space: Annotated[
        Text | None,
        Field(
            description="With `replay`: the namespace whose history is used and extended. Without it the replay "
            "starts from an empty history."
        ),
    ] = None
    population: Annotated[
        Text | None,
        Field(
            description="With `replay`: the digest of a population, as `versions.population` of a recorded decision "
            "names it. The request is compared with that one. Without it, with the one in force."
        ),
    ] = None


class StepUpProof(WireModel):
    """The evidence with which a challenge was met."""

    made_at: Annotated[
        Time,
        Field(
            description="When the proof was made, such as `auth_time`. After the decision that asked for it where its "
            "remedy says `max_age_seconds` 0; a time of whole seconds counts to the end of its second."
        ),
    ]
    id: Annotated[
        Text | None,
        Field(description="What its issuer calls it, such as `jti`. A proof counts in one session only."),
    ] = None
    kind: Annotated[
        ProofKind,
        Field(
            description="The remedy that was carried out. `interactive_mfa`: a person signed in. "
            "`attest_workload_identity`: a workload attested itself. `refresh_token`: a credential was exchanged. "
            "`jit_credential`: a credential for this task was issued. `intent_authorization`: the task was authorised. "
            "`owner_approval`: the owner approved it. The names `authentication`, `attestation`, `refresh` and "
            "`intent` of 0.2 are still read."
        ),
    ] = "interactive_mfa"
    acr: Annotated[
        Text | None, Field(description="Authentication context class reference, as the identity provider reports it.")
    ] = None
    amr: Annotated[Texts, Field(description="Factors used: RFC 8176 authentication method references.")] = ()
    aal: Annotated[
        Annotated[int, Field(ge=1, le=3)] | None, Field(description="NIST SP 800-63B authenticator assurance level.")
    ] = None
    scope: Annotated[
        Texts,
        Field(description="Scope of a `jit_credential`: `category:type`, `category:type/id` or `category:*`."),
    ] = ()
    expires_at: Annotated[
        Time | None, Field(description="When a `jit_credential` expires. Required for that kind.")
    ] = None
    authorization_details: Annotated[
        Details,
        Field(description="RFC 9396 authorization details of an `intent_authorization`: the task that was authorised."),
    ] = ()
    network: Annotated[
        Network | None,
        Field(
            description="The network the proof was made on, where the identity provider knows it. If the request came "
            "from another, the proof does not count. Leave it out for authenticators that use a network of "
            "their own, such as a telephone that confirms."
        ),
    ] = None
    device: Annotated[
        Device | None,
        Field(
            description="The device and client the proof was made on, where the identity provider knows them. If they "
            "are others than the request names, the proof does not count."
        ),
    ] = None


class StepUpRequest(WireModel):
    """Report the result of a challenge, as the identity provider knows it."""

    decision_id: Annotated[Text, Field(description="The decision whose ruling was `step_up`.")]
    identity: Annotated[Text, Field(description="The identity that decision was about.")]
    session: Annotated[
        Text | None,
        Field(description="The session that decision was about. Without one nothing can be elevated: see `result`."),
    ] = None
    result: Annotated[
        Literal["completed", "failed", "abandoned"],
        Field(
            description="`completed` needs a proof and elevates the session. `failed` and `abandoned` are recorded; "
            "`failed` after `completed` ends the elevation."
        ),
    ]
    proof: Annotated[StepUpProof | None, Field(description="Required when the result is `completed`.")] = None


class FeedbackRequest(WireModel):
    """An investigator's verdict on a decision. The latest verdict of each investigator counts."""

    verdict: Annotated[
        Literal["intruder", "owner", "unsure"],
        Field(
            description="`intruder`: the request was malicious. `owner`: it was legitimate. `unsure`: it cannot be "
            "told. Training reads these values as labels."
        ),
    ]
    note: Annotated[LongText | None, Field(description="Free text, kept with the verdict and never exported.")] = None


class RevocationRequest(WireModel):
    """Deny a session, or a whole identity, from now on."""

    identity: Annotated[Text, Field(description="The identity to deny.")]
    session: Annotated[
        Text | None, Field(description="The session to deny. Without it every session of the identity is denied.")
    ] = None
    reason: Annotated[Text, Field(description="Why, for the record.")]


class ShippedRecords(RootModel[list[Event] | list[Any]]):
    """Events in our own form or, with the query parameter `source`, a vendor's native log records.

    This describes the body in the API description: a record that is none is named in the answer. `log_records.py`
    reads it, and takes other forms as well.
    """


FormToken = Annotated[
    str, Field(description="The hidden field of the page's form. Needed unless a key is in the header.")
]


class SignOutForm(WireModel):
    """The button that signs out."""

    form_token: FormToken = ""


class SignInForm(SignOutForm):
    """The form on the sign-in page."""

    key: Annotated[str, Field(min_length=1, description="A key of scope `investigate`.")]


class FeedbackForm(FeedbackRequest, SignOutForm):
    """The form below a decision."""
