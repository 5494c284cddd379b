"""Turns one request into one recorded, explained decision."""

from serving.decision import Decision, Explanation, Proof, Standing, decide
from serving.policy import Policy, PolicyError
from serving.store import Store

__all__ = ["Decision", "Explanation", "Policy", "PolicyError", "Proof", "Standing", "Store", "decide"]
