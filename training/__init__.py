"""Turns labelled histories into a registered model: the data scientist's calls."""

from training.data.labels import World
from training.evaluation.context import evaluation_context
from training.evaluation.report.sections import early, fair, recall, step_ups, truth
from training.evaluation.studies.closed_loop import loops
from training.evaluation.studies.version_comparison import against
from training.model.explanations import explained, explained_hazard
from training.model.fit import Recipe
from training.pipeline.dataset import prepare
from training.pipeline.retrain import Outcome, record, retrain
from training.pipeline.train import assess, fit, gate, more_examples
from training.promotion.registry import Forced, NotPromoted, champion, promote
from training.scenarios.attacks.registry import SCENARIOS
from training.scenarios.injection import inject_abuse
from training.simulation.world import WorldParameters, simulate, world_parameters

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
    "champion",
    "early",
    "evaluation_context",
    "explained",
    "explained_hazard",
    "fair",
    "fit",
    "gate",
    "inject_abuse",
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
