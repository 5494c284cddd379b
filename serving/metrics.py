"""What operators count, in Prometheus's text form."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary, generate_latest

REGISTRY = CollectorRegistry()
DECISIONS = Counter(
    "session_trust_decisions",
    "Decisions recorded, by ruling and identity type",
    ["ruling", "identity_type"],
    registry=REGISTRY,
)
FLOORS = Counter("session_trust_floors", "Floors met, by id and status", ["floor", "status"], registry=REGISTRY)
DEGRADED = Counter("session_trust_degraded", "Decisions that failed closed", registry=REGISTRY)
EVENTS = Counter("session_trust_events", "Shipped events, by what came of them", ["result"], registry=REGISTRY)
ANSWERS = Counter("session_trust_answers", "HTTP answers, by route and status", ["route", "status"], registry=REGISTRY)
SECONDS = Histogram(
    "session_trust_score_seconds",
    "Seconds from a request for a decision to its durable answer",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0),
    registry=REGISTRY,
)
PROMPTS_AVOIDED = Counter(
    "session_trust_prompts_avoided",
    "Prompts an automation was spared because it was asked too often",
    ["identity_type"],
    registry=REGISTRY,
)
FINDINGS = Counter(
    "session_trust_findings",
    "Decisions that show an operator something, by kind and the floor or threshold it is about",
    ["kind", "subject"],
    registry=REGISTRY,
)
_STAGE = Summary(
    "session_trust_stage_seconds", "Seconds of a decision, by what they were spent on", ["stage"], registry=REGISTRY
)
REMEMBERING, FEATURES, EXPLAINING, FORESEEING, RULING, RECORDING = (
    _STAGE.labels(stage) for stage in ("remembered", "features", "explanation", "hazards", "ruling", "record")
)
"""What is read from the store, the features, the present trust with its SHAP values, the trust to come, floors and
ruling, and what is written; the rest of a decision's time is HTTP, its turn, and the commit."""
READY = Gauge("session_trust_ready", "1 when a champion is loaded", registry=REGISTRY)
POLICY_SWAPS = Counter("session_trust_policy_swaps", "Policies taken into force while running", registry=REGISTRY)
POLICY_REFUSED = Gauge(
    "session_trust_policy_refused", "1 while the policy file is refused and an older one rules", registry=REGISTRY
)


def text() -> bytes:
    """All metrics as they stand."""
    return generate_latest(REGISTRY)
