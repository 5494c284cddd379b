"""Prometheus metrics of the service, and how a decision is counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary, generate_latest

REGISTRY = CollectorRegistry()
DECISIONS = Counter(
    "session_trust_decisions",
    "Decisions recorded, by ruling and identity type",
    ["ruling", "identity_type"],
    registry=REGISTRY,
)
FLOORS = Counter(
    "session_trust_floors", "Relevant floors of decisions, by id and status", ["floor", "status"], registry=REGISTRY
)
UNDERSTATED_ACTIONS = Counter(
    "session_trust_understated_actions",
    "Requests whose declared category was less strict than the action's own",
    registry=REGISTRY,
)
OTHER_TYPES = Counter(
    "session_trust_other_identity_types",
    "Requests that declared another identity type than the fixed one",
    registry=REGISTRY,
)
DEGRADED = Counter("session_trust_degraded", "Decisions that failed closed", registry=REGISTRY)
EVENTS = Counter("session_trust_events", "Shipped events, by result", ["result"], registry=REGISTRY)
RESPONSES = Counter(
    "session_trust_answers", "HTTP responses, by route and status", ["route", "status"], registry=REGISTRY
)
FAILED_ATTEMPTS = Counter(
    "session_trust_failed_authentications",
    "Wrong keys, by whether they came in a header (key) or in the sign-in form (sign_in)",
    ["kind"],
    registry=REGISTRY,
)
SCORE_SECONDS = Histogram(
    "session_trust_score_seconds",
    "Seconds from a request for a decision to its durable answer",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0),
    registry=REGISTRY,
)
PROMPTS_AVOIDED = Counter(
    "session_trust_prompts_avoided",
    "Prompts an automation was spared because it was prompted too often",
    ["identity_type"],
    registry=REGISTRY,
)
FINDINGS = Counter(
    "session_trust_findings",
    "Findings for operators in decisions, by kind and the floor or threshold they are about",
    ["kind", "subject"],
    registry=REGISTRY,
)
UNMAPPED_CLAIMS = Counter(
    "session_trust_unmapped_claims",
    "acr and amr values of sign-ins that the policy does not know, by value; `other` beyond the first hundred",
    ["claim", "value"],
    registry=REGISTRY,
)
_MOST_UNMAPPED = 100
_unmapped_values: set[tuple[str, str]] = set()
_STAGE = Summary("session_trust_stage_seconds", "Seconds of a decision, by stage", ["stage"], registry=REGISTRY)
REMEMBERING, FEATURES, EXPLAINING, FORESEEING, RULING, RECORDING = (
    _STAGE.labels(stage) for stage in ("remembered", "features", "explanation", "hazards", "ruling", "record")
)
"""Reading from the store, the features, the trust now with its SHAP values, the trust later, floors and ruling, and
writing to the store. The rest of a decision's time is HTTP, the queue, and the commit."""
READY = Gauge("session_trust_ready", "1 when a champion model is loaded", registry=REGISTRY)
POLICY_SWAPS = Counter(
    "session_trust_policy_swaps", "Policies put into force while the service runs", registry=REGISTRY
)
POLICY_REFUSED = Gauge(
    "session_trust_policy_refused",
    "1 while a changed policy file, or a catalogue beside it, is refused and an older one is in force",
    registry=REGISTRY,
)

POPULATION_AGE = Gauge(
    "session_trust_population_age_seconds",
    "Seconds since the deployment's own population was measured; NaN while the model's is in force",
    registry=REGISTRY,
)
POPULATION_DRIFT = Gauge(
    "session_trust_population_drift",
    "How far the population in force is from the one before it (PSI); NaN while that is unknown",
    registry=REGISTRY,
)
POPULATION_REFUSED = Gauge(
    "session_trust_population_refused",
    "1 while a stored population is damaged and the one before it is in force",
    registry=REGISTRY,
)


def count_decision(decision: Mapping[str, Any], identity_type: str, seconds: float) -> None:
    """Count a decision as it was answered, and the time it took."""
    DECISIONS.labels(decision["ruling"], identity_type).inc()
    if decision["degraded"]:
        DEGRADED.inc()
    if decision["prompt_avoided"]:
        PROMPTS_AVOIDED.labels(identity_type).inc()
    for finding in decision["findings"]:
        FINDINGS.labels(finding["kind"], finding["subject"]).inc()
    for floor in decision["floors"]:
        FLOORS.labels(floor["id"], floor.get("status", "shadow")).inc()
    SCORE_SECONDS.observe(seconds)


def count_unmapped(values: Iterable[tuple[str, str]]) -> None:
    """Count acr and amr values that the policy does not know, each by its name."""
    for claim, value in values:
        if len(_unmapped_values) < _MOST_UNMAPPED:
            _unmapped_values.add((claim, value))
        UNMAPPED_CLAIMS.labels(claim, value if (claim, value) in _unmapped_values else "other").inc()


def count_events(result: Mapping[str, Any], broken: int) -> None:
    """Count shipped events by what became of them."""
    EVENTS.labels("folded").inc(result["folded"])
    EVENTS.labels("duplicates").inc(result["duplicates"])
    EVENTS.labels("broken").inc(broken)
    EVENTS.labels("left_out").inc(sum(result["left_out"].values()))


def exposition() -> bytes:
    """All metrics in Prometheus's text format."""
    return generate_latest(REGISTRY)
