"""Turns labelled histories into a registered model: the data scientist's calls."""

from training.against import against
from training.closed import loops
from training.evidence import case, early, fair, recall, step_ups, truth
from training.explained import explained, explained_hazard
from training.fit import Recipe
from training.graft import graft
from training.labels import World
from training.register import Forced, NotPromoted, champion, promote
from training.retrain import Outcome, assess, fit, gate, more_examples, prepare, record, retrain
from training.scenarios import SCENARIOS
from training.world import WorldParameters, simulate, world_parameters

__all__ = [
    "SCENARIOS",
    "Forced",
    "NotPromoted",
    "Outcome",
    "Recipe",
    "World",
    "WorldParameters",
    "against",
    "assess",
    "case",
    "champion",
    "early",
    "explained",
    "explained_hazard",
    "fair",
    "fit",
    "gate",
    "graft",
    "loops",
    "more_examples",
    "prepare",
    "promote",
    "recall",
    "record",
    "retrain",
    "simulate",
    "step_ups",
    "truth",
    "world_parameters",
]
