"""Turns one request into one recorded, explained decision."""

from serving.decision import Decision, Explanation, Proof, Standing, decide
from serving.imported_cases import imported_cases
from serving.policy import Policy, PolicyError
from serving.store import Store
from serving.tally import Tally
from serving.tuning import sampled, tune
from serving.whatif import tried

__all__ = [
    "Decision",
    "Explanation",
    "Policy",
    "PolicyError",
    "Proof",
    "Standing",
    "Store",
    "Tally",
    "decide",
    "imported_cases",
    "sampled",
    "tried",
    "tune",
]
