"""What every route but `POST /score` answers with. The decision itself is in `decision.py`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, RootModel

from features.event.schema import Event, IdentityType
from serving.contracts.decision import Ruling, ScoreResponse, Timestamp
from serving.contracts.in_force import CataloguesInForce, PopulationInForce, RefusedFile
from serving.contracts.requests import WireModel
from serving.decision.findings import FindingKind


class ProblemField(WireModel):
    """One field that is wrong."""

    field: Annotated[str, Field(description="The field's path in the request, such as `event.time`.")]
    detail: Annotated[str, Field(description="What is wrong with it.")]


class ProblemDetails(WireModel):
    """A refusal or a failure, in the form of RFC 9457."""

    type: Annotated[Literal["about:blank"], Field(description="Always `about:blank`: the status says it all.")]
    title: Annotated[str, Field(description="The status's reason phrase in RFC 9110.")]
    status: Annotated[int, Field(description="The HTTP status.")]
    detail: Annotated[str, Field(description="What went wrong, in words.")]
    errors: Annotated[
        list[ProblemField] | None, Field(description="Each field that is wrong. Present for a 400 about fields.")
    ] = None


class IngestResponse(WireModel):
    """What became of shipped events."""

    folded: Annotated[int, Field(description="Events that updated a history.")]
    duplicates: Annotated[int, Field(description="Events whose id was known, and that changed nothing.")]
    broken: Annotated[
        list[str],
        Field(
            description="Records that are not events, by position and reason: `record 0` is the first of a list, "
            "`line 1` the first line. At most 1,000 are named; the rest are counted."
        ),
    ]
    left_out: Annotated[
        dict[str, int],
        Field(
            description="Records that can be read and are no act of a known identity, such as a heartbeat or a sign-in "
            "whose name the log hides: how many, by what they are."
        ),
    ]


class StepUpResponse(WireModel):
    """A challenge's result was recorded."""

    decision_id: Annotated[str, Field(description="The decision that asked for the proof.")]
    result: Annotated[Literal["completed", "failed", "abandoned"], Field(description="The result as reported.")]
    elevated_until: Annotated[
        Timestamp | None, Field(description="Until when the proof counts; null unless `completed`.")
    ]


class RevocationResponse(WireModel):
    """A session or an identity is denied from now on."""

    identity: Annotated[str, Field(description="The identity.")]
    session: Annotated[str | None, Field(description="The session; null when the whole identity is denied.")]
    revoked_at: Annotated[Timestamp, Field(description="When the revocation took effect.")]


class LiftResponse(WireModel):
    """A revocation has ended."""

    identity: Annotated[str, Field(description="The identity.")]
    session: Annotated[str | None, Field(description="The session; null for the identity as a whole.")]
    lifted_at: Annotated[Timestamp, Field(description="When it ended.")]


class FeedbackResponse(WireModel):
    """A verdict was recorded."""

    decision_id: Annotated[str, Field(description="The decision the verdict is about.")]
    verdict: Annotated[Literal["intruder", "owner", "unsure"], Field(description="The verdict as sent.")]
    by: Annotated[str, Field(description="The id of the key that gave it.")]
    at: Annotated[Timestamp, Field(description="When it was given.")]


class ExportedVerdict(WireModel):
    """One line of the verdicts export: a label that `session-trust training labels pull` reads."""

    event_id: Annotated[str, Field(description="The event the decision was about.")]
    identity: Annotated[str, Field(description="The event's identity.")]
    verdict: Annotated[Literal["intruder", "owner", "unsure"], Field(description="The verdict.")]
    at: Annotated[Timestamp, Field(description="When it was given.")]
    by: Annotated[str, Field(description="The id of the key that gave it.")]
    decision_id: Annotated[str, Field(description="The decision the verdict is about.")]


class DecisionListItem(WireModel):
    """One decision in a search result."""

    decision_id: Annotated[str, Field(description="The decision's id.")]
    at: Annotated[Timestamp, Field(description="The time it was made at.")]
    ruling: Annotated[Ruling, Field(description="Its ruling.")]
    identity: Annotated[str | None, Field(description="The identity; null once the decision is erased.")]
    session: Annotated[str | None, Field(description="The session; null when unknown or erased.")]
    erased: Annotated[bool, Field(description="Whether the decision's content has been erased.")]


class DecisionListResponse(WireModel):
    """Decisions that match a search."""

    decisions: Annotated[list[DecisionListItem], Field(description="Newest first, 100 at most.")]


class RecordedTypes(WireModel):
    """What was declared before this request: the identity's type, and its session's task."""

    fixed: Annotated[IdentityType | None, Field(description="The type that was fixed; null while it is provisional.")]
    declared: Annotated[list[IdentityType], Field(description="The types that were declared before.")]
    intent: Annotated[
        str | None,
        Field(description="The authorization details that an agent's session declared before; null without any."),
    ] = None


class RecordedPlaces(WireModel):
    """What was known of the places of the identity and of its proofs when the request was decided."""

    habits: Annotated[
        dict[str, bool | None],
        Field(description="Whether the caller habitually says each part of a place; null where that is not known."),
    ]
    proven_network: Annotated[
        bool, Field(description="Whether the identity had lately proven itself on this network with this device.")
    ]
    claims: Annotated[
        dict[str, dict[str, Any]], Field(description="Where each claim of the request was made, by kind of proof.")
    ]


class RecordedLowestTrust(WireModel):
    """The lowest trust at what was new to the identity, as it was kept when the request was decided."""

    trust: Annotated[float, Field(description="The lowest trust there.")]
    trust_as_sent: Annotated[float, Field(description="The same without stand-ins for what was withheld.")]
    seconds: Annotated[
        float | None, Field(description="The shortest that trust let a session last there; null without a limit.")
    ]
    kinds: Annotated[list[str], Field(description="What was new.")]
    since: Annotated[Timestamp, Field(description="When the first of it was first used.")]


class DecisionBody(WireModel):
    """What was decided, about what, from which features."""

    answer: Annotated[ScoreResponse, Field(description="The decision, word for word as it was sent.")]
    event: Annotated[Event, Field(description="The event as it was decided: without ignored claims, enriched.")]
    features: Annotated[dict[str, float | None], Field(description="Every feature by name; null when it is unknown.")]
    mode: Annotated[
        Literal["enforce", "replay", "inline"],
        Field(description="How it was asked for; `inline` when the request carried its own history."),
    ]
    assured: Annotated[
        bool | None, Field(description="Whether its caller might assert facts; null in records before 0.3.")
    ] = None
    received_at: Annotated[
        Timestamp | None, Field(description="When the request came, by the server's clock; null in records before 0.3.")
    ] = None
    trust_as_sent: Annotated[
        float | None,
        Field(description="The trust without stand-ins for what was withheld; null in records before 0.3."),
    ] = None
    lowest: Annotated[
        RecordedLowestTrust | None,
        Field(description="The lowest trust where the request came from, if something of that was new."),
    ] = None
    places: Annotated[
        RecordedPlaces | None, Field(description="What was known of places; null in records before 0.3.")
    ] = None
    valid_until: Annotated[
        int | None, Field(description="When the session's trust ends, in µs since 1970, as the session keeps it.")
    ] = None
    prompt: Annotated[
        dict[str, Any] | None, Field(description="The remedy offered first and the rules that asked, of a challenge.")
    ] = None
    types: Annotated[
        RecordedTypes | None, Field(description="What was known of the identity's type; null in records before 0.3.")
    ] = None


class DecisionRecordResponse(WireModel):
    """One decision as the log keeps it."""

    id: Annotated[str, Field(description="The decision's id.")]
    space: Annotated[str, Field(description="`live`, `inline`, or `replay:` and the replay's namespace.")]
    caller: Annotated[str, Field(description="The id of the key that asked for it.")]
    identity: Annotated[str, Field(description="The event's identity.")]
    session: Annotated[str | None, Field(description="The event's session, if it has an id.")]
    event_id: Annotated[str | None, Field(description="The event's own id, if it has one.")]
    body_digest: Annotated[str, Field(description="Digest of the request, by which a repeated one is recognised.")]
    category: Annotated[str | None, Field(description="The action's category.")]
    resource_type: Annotated[str | None, Field(description="The resource's type.")]
    ruling: Annotated[Ruling, Field(description="The ruling.")]
    at: Annotated[Timestamp, Field(description="The time it was made at.")]
    version: Annotated[int, Field(description="Version of the identity's history after the decision.")]
    body: Annotated[DecisionBody, Field(description="What was decided, about what, from which features.")]


class StoredFinding(WireModel):
    """A finding, with how often decisions showed it."""

    kind: Annotated[FindingKind, Field(description="The kind of finding.")]
    subject: Annotated[str, Field(description="The floor, threshold or limit it is about.")]
    identity: Annotated[str, Field(description="The identity it is about.")]
    decision_id: Annotated[str, Field(description="The latest decision that showed it.")]
    times: Annotated[int, Field(description="How many decisions showed it.")]
    first_at: Annotated[Timestamp, Field(description="The first time.")]
    last_at: Annotated[Timestamp, Field(description="The latest time.")]
    sentence: Annotated[str, Field(description="The finding in words.")]


class FindingsResponse(WireModel):
    """Findings of live decisions."""

    findings: Annotated[list[StoredFinding], Field(description="Newest first, 200 at most.")]


class PolicyResponse(WireModel):
    """The policy in force."""

    digest: Annotated[str, Field(description="Digest of the policy file; decisions name it.")]
    refused: Annotated[
        str | None,
        Field(description="Why newer files are not in force, and which policy is; null when none is refused."),
    ]
    refused_files: Annotated[
        list[RefusedFile],
        Field(description="Each file that is refused; what it said before stays in force, and other files are taken."),
    ]
    catalogues: Annotated[CataloguesInForce, Field(description="The files beside the policy that are in force.")]
    policy: Annotated[
        dict[str, Any], Field(description="The policy. `session-trust policy schema` prints its JSON schema.")
    ]


class ModelResponse(WireModel):
    """The model in force."""

    version: Annotated[str | None, Field(description="Version in the registry; null when there is no model.")]
    missing: Annotated[str | None, Field(description="Why there is no model; null when there is one.")]
    tags: Annotated[dict[str, str], Field(description="What the registry says of this version.")]
    population: Annotated[PopulationInForce, Field(description="What events are compared with.")]


class ReadyResponse(WireModel):
    """The service is ready: a model is loaded."""

    ready: Annotated[Literal[True], Field(description="Always true; the response is a 503 otherwise.")]
    model: Annotated[str | None, Field(description="Version of the model in force.")]


class OpenApiDocument(RootModel[dict[str, Any]]):
    """This document, OpenAPI 3.1."""
