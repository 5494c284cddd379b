"""Turns one request into one recorded, explained decision."""

from serving.decision.decide import Decision, Explanation, Proof, SessionState, decide
from serving.policy.schema import Policy, PolicyError
from serving.policy_analysis.from_event_file import imported_cases
from serving.policy_analysis.replay import tried
from serving.policy_analysis.replay_counts import Tally
from serving.policy_analysis.tune import sampled, tune
from serving.store.store import Store

__all__ = [
    "Decision",
    "Explanation",
    "Policy",
    "PolicyError",
    "Proof",
    "SessionState",
    "Store",
    "Tally",
    "decide",
    "imported_cases",
    "sampled",
    "tried",
    "tune",
]
