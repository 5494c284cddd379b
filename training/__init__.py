"""Turns labelled histories into a registered model: the data scientist's calls."""

from training.fit import Recipe
from training.graft import graft
from training.labels import World
from training.register import Forced, NotPromoted, champion, promote
from training.retrain import Outcome, assess, fit, gate, prepare, record, retrain
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
    "assess",
    "champion",
    "fit",
    "gate",
    "graft",
    "prepare",
    "promote",
    "record",
    "retrain",
    "simulate",
    "world_parameters",
]
