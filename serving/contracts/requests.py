"""What callers send and are sent, as strict models; unknown members are refused."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from features.event.schema import Event, LongText, Text, Texts, Time
from serving.decision.authorization_details import Details
from serving.policy.schema import ProofKind

INLINE_LIMIT = 1_000
"""How many events a request may bring as its history."""


class Wire(BaseModel):
    """Strict, frozen, and no member that is not known."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class ScoreRequest(Wire):
    """A request to be decided."""

    event: Event
    history: Annotated[
        tuple[Event, ...] | None,
        Field(strict=False, max_length=INLINE_LIMIT, description="Judge by these events alone (scope assure)."),
    ] = None
    mode: Annotated[
        Literal["enforce", "replay"],
        Field(description="replay takes past events, in a space of its own (scope investigate)."),
    ] = "enforce"
    space: Annotated[
        Text | None,
        Field(description="Names the history space of a replay; without it the replay starts from nothing."),
    ] = None


class StepUpProof(Wire):
    """Evidence that a challenge was met."""

    made_at: Time
    kind: ProofKind = "authentication"
    acr: Text | None = None
    amr: Texts = ()
    aal: Annotated[int, Field(ge=1, le=3)] | None = None
    scope: Annotated[
        Texts, Field(description="Of a jit_credential: `category:type`, `category:type/id` or `category:*`.")
    ] = ()
    expires_at: Annotated[Time | None, Field(description="When a jit_credential ends; it needs an end.")] = None
    authorization_details: Annotated[Details, Field(description="Of an intent, as RFC 9396 has them.")] = ()


class StepUpRequest(Wire):
    """What became of a challenge, as the identity provider reports it (scope assure)."""

    decision_id: Text
    identity: Text
    session: Text | None = None
    result: Literal["completed", "failed", "abandoned"]
    proof: StepUpProof | None = None


class FeedbackRequest(Wire):
    """Whose request a decision was about, as an investigator found (scope investigate); his last word counts."""

    verdict: Annotated[Literal["intruder", "owner", "unsure"], Field(description="The words training reads.")]
    note: Annotated[LongText | None, Field(description="Kept with the verdict, and not exported.")] = None


class RevocationRequest(Wire):
    """Deny a session, or without one everything of an identity, from now on (scope investigate)."""

    identity: Text
    session: Text | None = None
    reason: Text


class CurvePoint(Wire):
    """Trust at a time."""

    after_seconds: int
    trust: float


class TrustAnswer(Wire):
    """How far the session is trusted."""

    now: Annotated[float, Field(description="Probability that this request is its owner's.")]
    curve: Annotated[list[CurvePoint], Field(description="Trust from now on; it never rises.")]
    hazard_per_hour: Annotated[float, Field(description="Rate at which the session is being lost, over two hours.")]
    valid_until: Annotated[str | None, Field(description="After this even a clean request is challenged.")]


class FloorAnswer(Wire):
    """A floor that is relevant to this request."""

    id: str
    status: Annotated[
        Literal["applied", "satisfied", "undecided"] | None, Field(description="Absent in shadow mode.")
    ] = None
    would_apply: Annotated[
        Literal["applied", "satisfied", "undecided"] | None, Field(description="Its status, in shadow mode only.")
    ] = None
    sentence: str
    requires: Annotated[dict[str, Any], Field(description="What proof satisfies it.")]
    references: list[str]


class FindingAnswer(Wire):
    """What an operator should know of a rule or an identity, whatever the ruling."""

    kind: Annotated[
        Literal["asked_too_often", "standing_fault"],
        Field(description="asked_too_often names the floor or threshold at fault."),
    ]
    subject: Annotated[str, Field(description="The floor, threshold or limit it is about.")]
    sentence: str


class SessionAnswer(Wire):
    """What becomes of the session."""

    action: Literal["keep", "end"]
    lifetime_seconds: Annotated[int | None, Field(description="How long it may go on without asking again.")]
    limited_by: Annotated[str | None, Field(description="trust, assurance, inactivity, floor, step_up or policy.")]


class ContributionAnswer(Wire):
    """What one feature adds."""

    feature: str
    value: Annotated[float | None, Field(description="null when it is not known.")]
    contribution: Annotated[float, Field(description="Log-odds of compromise; positive raises risk.")]
    sentence: str


class ExplanationAnswer(Wire):
    """base + Σ contribution = margin, in calibrated log-odds of compromise; trust.now = 1 - 1 / (1 + exp(-margin))."""

    base: float
    margin: float
    contributions: list[ContributionAnswer]


class ContextAnswer(Wire):
    """How much of the context is known."""

    known: int
    of: int
    thin: bool


class VersionsAnswer(Wire):
    """What was in force."""

    model: str | None
    policy: str
    features: str


class ScoreAnswer(Wire):
    """The decision. It answers this one request and is no token."""

    decision_id: str
    ruling: Annotated[Literal["allow", "step_up", "deny"], Field(description="Anything but a 200 means deny.")]
    because: Annotated[list[str], Field(description="What made the ruling this strict.")]
    degraded: Annotated[str | None, Field(description="Why the engine could not judge fully, and so failed closed.")]
    trust: TrustAnswer | None
    model_asks: Literal["allow", "step_up", "deny"] | None
    model_would_ask: Annotated[
        Literal["allow", "step_up", "deny"] | None, Field(description="Its ruling, when thresholds are in shadow mode.")
    ]
    threshold: Annotated[float | None, Field(description="The trust this identity type needs for this sensitivity.")]
    floors: list[FloorAnswer]
    remedies: Annotated[list[dict[str, Any]], Field(description="What this kind of identity can do, best first.")]
    findings: list[FindingAnswer]
    prompt_avoided: Annotated[bool, Field(description="Whether an automation asked too often was spared a prompt.")]
    session: SessionAnswer
    explanation: ExplanationAnswer | None
    context: ContextAnswer
    challenge: Annotated[str | None, Field(description="RFC 9470 challenge for WWW-Authenticate; for people only.")]
    cache_seconds: Annotated[int, Field(description="How long an allow may be reused for the same request.")]
    enforceable: Annotated[bool, Field(description="false for replays.")]
    versions: VersionsAnswer
    ignored_claims: Annotated[list[str], Field(description="Claims of proof this caller's key may not assert.")]


class IngestAnswer(Wire):
    """What came of shipped events."""

    folded: int
    duplicates: int
    broken: Annotated[
        list[str], Field(description="Records of a native log that are no events, with place and reason.")
    ]
