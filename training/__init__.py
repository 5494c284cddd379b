"""Turns labelled histories into a registered model: the data scientist's calls.

Each name is imported at its first use (PEP 562), so a command that needs one of them does not wait for all.
"""

import importlib
import typing

if typing.TYPE_CHECKING:
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

_MODULES = {
    "SCENARIOS": "training.scenarios.attacks.registry",
    "Forced": "training.promotion.registry",
    "NotPromoted": "training.promotion.registry",
    "Outcome": "training.pipeline.retrain",
    "Recipe": "training.model.fit",
    "World": "training.data.labels",
    "WorldParameters": "training.simulation.world",
    "against": "training.evaluation.studies.version_comparison",
    "assess": "training.pipeline.train",
    "champion": "training.promotion.registry",
    "early": "training.evaluation.report.sections",
    "evaluation_context": "training.evaluation.context",
    "explained": "training.model.explanations",
    "explained_hazard": "training.model.explanations",
    "fair": "training.evaluation.report.sections",
    "fit": "training.pipeline.train",
    "gate": "training.pipeline.train",
    "inject_abuse": "training.scenarios.injection",
    "loops": "training.evaluation.studies.closed_loop",
    "more_examples": "training.pipeline.train",
    "prepare": "training.pipeline.dataset",
    "promote": "training.promotion.registry",
    "recall": "training.evaluation.report.sections",
    "record": "training.pipeline.retrain",
    "retrain": "training.pipeline.retrain",
    "simulate": "training.simulation.world",
    "step_ups": "training.evaluation.report.sections",
    "truth": "training.evaluation.report.sections",
    "world_parameters": "training.simulation.world",
}


def __getattr__(name: str) -> typing.Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
