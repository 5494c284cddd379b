"""The decision that `POST /score` answers with: the same JSON the decision log keeps."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from features.event.schema import Category
from serving.contracts.requests import WireModel
from serving.decision.findings import FindingKind
from serving.policy.schema import ProofKind, RemedyType

Ruling = Literal["allow", "step_up", "deny"]
FloorStatus = Literal["applied", "satisfied", "undecided"]
Timestamp = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
"""An ISO 8601 time with its offset."""


class TrustPoint(WireModel):
    """Trust at one time."""

    after_seconds: Annotated[int, Field(description="Seconds after the decision.")]
    trust: Annotated[float, Field(description="Probability that the session is legitimate then.")]


class LowestTrust(WireModel):
    """The lowest trust where the request comes from, while its network, device or client is new to the identity."""

    trust: Annotated[
        float,
        Field(
            description="The lowest trust there, over all sessions, since the first use; for more than a read also no "
            "higher than it would be had this request been the first from there."
        ),
    ]
    new: Annotated[
        list[Literal["network", "device", "client", "withheld"]],
        Field(
            description="What is new: `network` (operator and country), `device` (id), `client` (family and system), "
            "or `withheld` for what a session left out although its caller habitually sends it. A value is new until "
            "a proof made there has settled a step-up, or until it was allowed on three different days, at least 24 "
            "hours apart, at a trust that the lowest there has as well."
        ),
    ]
    since: Annotated[Timestamp, Field(description="When the first of them was first used.")]
    ruled: Annotated[bool, Field(description="Whether it is what was compared with the threshold.")]
    sentence: Annotated[str, Field(description="The same in words.")]


class Trust(WireModel):
    """How far the session is trusted, now and later."""

    now: Annotated[float, Field(description="Probability that this request is legitimate, as the model says it.")]
    counted: Annotated[
        float | None,
        Field(
            description="What is compared with `threshold`: `now`, or for anything but reading, listing and signing in "
            "the lower of `now` and `lowest.trust`. Null in records before 0.3."
        ),
    ] = None
    lowest: Annotated[
        LowestTrust | None,
        Field(
            description="The lowest trust where the request comes from; null where nothing of that is new to the "
            "identity. Many harmless requests do not raise it."
        ),
    ] = None
    curve: Annotated[list[TrustPoint], Field(description="Trust from now on if nothing else happens. It never rises.")]
    hazard_per_hour: Annotated[
        float, Field(description="Rate per hour at which the session is being compromised, over the next two hours.")
    ]
    valid_until: Annotated[
        Timestamp | None, Field(description="From this time on even a harmless request is challenged.")
    ]


class RequiredProof(WireModel):
    """The proof that satisfies a floor."""

    aal: Annotated[int, Field(description="Of a person: the least NIST SP 800-63B assurance level.")]
    phishing_resistant: Annotated[bool, Field(description="Of a person: whether the factor must resist phishing.")]
    max_age_seconds: Annotated[int, Field(description="How old the proof may be.")]
    accepts: Annotated[list[ProofKind], Field(description="Of a machine: the kinds of proof that count.")]


class FloorResult(WireModel):
    """A floor that is relevant to this request. One of `status` and `would_apply` says how it stands, the other is null
    (in records before 0.3, absent)."""

    id: Annotated[str, Field(description="The floor's id in the policy file.")]
    status: Annotated[
        FloorStatus | None,
        Field(
            description="`applied`: proof is required. `satisfied`: the proof is there. `undecided`: a fact the floor "
            "needs is unknown. Null in shadow mode."
        ),
    ] = None
    would_apply: Annotated[
        FloorStatus | None,
        Field(description="The status in shadow mode, which has no effect on the ruling. Null in enforce mode."),
    ] = None
    sentence: Annotated[str, Field(description="What the floor says of this request.")]
    requires: Annotated[RequiredProof, Field(description="The proof that satisfies the floor.")]
    references: Annotated[list[str], Field(description="The standards and advisories the floor rests on.")]


class Remedy(WireModel):
    """One way to turn this request into an allow. Which members are present depends on `type`."""

    type: Annotated[
        RemedyType,
        Field(description="`interactive_mfa` is for people; all others are for machines and their owners."),
    ]
    sentence: Annotated[str, Field(description="What to do.")]
    acr_values: Annotated[
        list[str] | None, Field(description="`interactive_mfa`: acr values each of which satisfies, weakest first.")
    ] = None
    amr_values: Annotated[
        list[str] | None, Field(description="`interactive_mfa`: amr values each of which satisfies by itself.")
    ] = None
    amr_combinations: Annotated[
        list[list[str]] | None, Field(description="`interactive_mfa`: amr values that satisfy together.")
    ] = None
    max_age_seconds: Annotated[
        int | None,
        Field(
            description="`interactive_mfa`, `attest_workload_identity`, `refresh_token`: how old it may be. 0: it must "
            "be made after this request."
        ),
    ] = None
    scope: Annotated[list[str] | None, Field(description="`jit_credential`: the scope to ask for.")] = None
    ttl_seconds: Annotated[int | None, Field(description="`jit_credential`: how long it may live.")] = None
    authorization_details: Annotated[
        list[dict[str, Any]] | None,
        Field(description="`intent_authorization`: the RFC 9396 authorization details to have authorised."),
    ] = None
    body: Annotated[
        dict[str, Any] | None,
        Field(
            description="The body of the report to `POST /step-ups` once the remedy is carried out. Its proof is an "
            "example that would be accepted: replace `made_at`, `acr`, `amr` and the like by what the issuer says. "
            "Null without a session, which a step-up could elevate."
        ),
    ]


class OperatorFinding(WireModel):
    """Something an operator should know about a rule or an identity, whatever the ruling."""

    kind: Annotated[
        FindingKind,
        Field(
            description="`asked_too_often`: a rule prompts one identity too often. `standing_fault`: a fault of the "
            "identity that no proof ends. `understated_action`: the declared category is less strict than the name's "
            "own. `other_identity_type`: the declared type is not the fixed one. `push_fatigue`: too many prompts went "
            "unanswered where the identity has proven nothing."
        ),
    ]
    subject: Annotated[str, Field(description="The floor, threshold, limit or key it is about.")]
    sentence: Annotated[str, Field(description="The finding in words.")]


class SessionInstruction(WireModel):
    """What to do with the session."""

    action: Annotated[Literal["keep", "end"], Field(description="`end` when the session is revoked.")]
    lifetime_seconds: Annotated[
        int | None, Field(description="After an allow: how long the session may continue before it is challenged.")
    ]
    limited_by: Annotated[
        Literal["trust", "assurance", "inactivity", "floor", "step_up", "policy"] | None,
        Field(description="What limits the lifetime."),
    ]


class FeatureContribution(WireModel):
    """What one feature adds to the risk."""

    feature: Annotated[str, Field(description="The feature's name in the catalogue.")]
    value: Annotated[float | None, Field(description="The feature's value; null when it is unknown.")]
    contribution: Annotated[
        float, Field(description="SHAP value in log-odds of compromise. A positive value raises the risk.")
    ]
    sentence: Annotated[str, Field(description="The feature's value in words.")]


class Explanation(WireModel):
    """Why the trust is what it is: base + Σ contribution = margin; trust.now = 1 - 1 / (1 + exp(-margin))."""

    base: Annotated[float, Field(description="Calibrated log-odds of compromise before any feature is seen.")]
    margin: Annotated[float, Field(description="Calibrated log-odds of compromise of this request.")]
    contributions: Annotated[list[FeatureContribution], Field(description="Strongest first.")]


class ContextCoverage(WireModel):
    """How much of the context the caller sent."""

    known: Annotated[int, Field(description="Context fields that are known.")]
    of: Annotated[int, Field(description="Context fields there are.")]
    thin: Annotated[bool, Field(description="Whether so little is known that the action's category rules as well.")]
    withheld: Annotated[
        list[Literal["network", "device", "client", "credential"]],
        Field(
            default_factory=list,
            description="What this caller habitually sends of the identity and did not: then each missing part counts "
            "as one never seen, and the features are those of such a request.",
        ),
    ]


class ActionReading(WireModel):
    """What the action counts as: the stricter of the declared category and the name's own. Floors of both apply."""

    category: Annotated[Category, Field(description="The category that counts.")]
    declared: Annotated[Category | None, Field(description="The category in the request.")]
    derived: Annotated[Category, Field(description="The category that the action's name has.")]
    derived_from: Annotated[
        Literal["aws", "vendor", "name", "nothing", "actions.yaml"],
        Field(
            description="AWS's own table, another vendor's table, the words of the name, nothing (then it is at "
            "least a `write`), or the deployment's actions.yaml, which replaces what is declared."
        ),
    ]


class DecisionVersions(WireModel):
    """What the decision was made with."""

    model: Annotated[str | None, Field(description="Version of the registered model; null without a model.")]
    policy: Annotated[str, Field(description="Digest of the policy file.")]
    features: Annotated[str, Field(description="Digest of the feature catalogue.")]
    catalogues: Annotated[
        str | None,
        Field(description="Digest of actions.yaml, assets.yaml and identities.yaml; null without any."),
    ] = None
    population: Annotated[
        str | None,
        Field(description="Digest of the population the request was compared with; null in records before 0.3."),
    ] = None


class ScoreResponse(WireModel):
    """A decision on one request. It is recorded before it is sent, and it is not a token."""

    decision_id: Annotated[str, Field(description="The decision's id in the log: a ULID.")]
    ruling: Annotated[Ruling, Field(description="What to enforce. Anything but a 200 response means deny.")]
    because: Annotated[list[str], Field(description="What made the ruling this strict. Empty for an allow.")]
    degraded: Annotated[str | None, Field(description="Why the engine could not decide fully, and so failed closed.")]
    trust: Annotated[Trust | None, Field(description="How far the session is trusted; null without a model.")]
    model_asks: Annotated[Ruling | None, Field(description="What the model's trust alone asks for.")]
    model_would_ask: Annotated[
        Ruling | None, Field(description="What it would ask for, while its thresholds are in shadow mode.")
    ]
    threshold: Annotated[
        float | None, Field(description="The trust (`trust.counted`) this identity type needs for this sensitivity.")
    ]
    action: Annotated[
        ActionReading | None, Field(description="What the action counts as; null in records before 0.3.")
    ] = None
    floors: Annotated[list[FloorResult], Field(description="Floors relevant to this request.")]
    remedies: Annotated[
        list[Remedy], Field(description="What this kind of identity can do, best first. Empty unless `step_up`.")
    ]
    refused_proofs: Annotated[
        list[str],
        Field(description="Why proofs that were given do not settle a `step_up`, a sentence each; the newest three."),
    ]
    findings: Annotated[list[OperatorFinding], Field(description="What an operator should know.")]
    prompt_avoided: Annotated[
        bool, Field(description="Whether an automation that is asked too often was spared another prompt.")
    ]
    session: Annotated[SessionInstruction, Field(description="What to do with the session.")]
    explanation: Annotated[Explanation | None, Field(description="Why the trust is what it is; null without a model.")]
    context: Annotated[ContextCoverage, Field(description="How much of the context is known.")]
    challenge: Annotated[
        str | None, Field(description="RFC 9470 challenge for a `WWW-Authenticate` header. Only for people.")
    ]
    challenge_expires_at: Annotated[
        Timestamp | None, Field(description="Until when `POST /step-ups` takes an answer to a `step_up`.")
    ]
    retry_after_seconds: Annotated[
        int | None,
        Field(
            description="Show no prompt for this `step_up` for so many seconds: too many prompts of the identity went "
            "unanswered where it has proven nothing. A proof that is completed meanwhile counts all the same, and "
            "prompts elsewhere are not put off. Null where a prompt may be shown."
        ),
    ] = None
    cache_seconds: Annotated[int, Field(description="How long an allow may be reused for the same request.")]
    enforceable: Annotated[bool, Field(description="False for a replay.")]
    versions: Annotated[DecisionVersions, Field(description="What the decision was made with.")]
    ignored_claims: Annotated[
        list[str], Field(description="Claims of proof in the event that this key may not assert, and were removed.")
    ]
