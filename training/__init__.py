"""Turn labelled histories into a registered model: the public API for data scientists.

Each name is imported at its first use (PEP 562), because scikit-learn and the compiler take seconds to import:
`session-trust training --help` needs neither.
"""

import importlib
import typing

if typing.TYPE_CHECKING:
    from training.data.labels import World
    from training.evaluation.context import evaluation_context
    from training.evaluation.report.baselines import baselines_section
    from training.evaluation.report.calibration import calibration_section, session_expiry_section
    from training.evaluation.report.detection import (
        fairness_section,
        recall_section,
        step_ups_section,
        time_to_detect_section,
    )
    from training.evaluation.studies.closed_loop import closed_loop_section
    from training.evaluation.studies.version_comparison import compare_versions
    from training.model.explanations import explain_hazard, explain_now
    from training.model.recipe import Recipe
    from training.pipeline.dataset import prepare
    from training.pipeline.doctor import examine_log
    from training.pipeline.retraining import RetrainResult, register_model, retrain
    from training.pipeline.train import augment, evaluate, fit, run_promotion_checks
    from training.promotion.registry import ForcedPromotion, NotPromoted, champion, promote
    from training.scenarios.attacks.registry import SCENARIOS
    from training.scenarios.injection import inject_abuse
    from training.simulation.world import WorldParameters, simulate, world_parameters

__all__ = [
    "SCENARIOS",
    "ForcedPromotion",
    "NotPromoted",
    "Recipe",
    "RetrainResult",
    "World",
    "WorldParameters",
    "augment",
    "baselines_section",
    "calibration_section",
    "champion",
    "closed_loop_section",
    "compare_versions",
    "evaluate",
    "evaluation_context",
    "examine_log",
    "explain_hazard",
    "explain_now",
    "fairness_section",
    "fit",
    "inject_abuse",
    "prepare",
    "promote",
    "recall_section",
    "register_model",
    "retrain",
    "run_promotion_checks",
    "session_expiry_section",
    "simulate",
    "step_ups_section",
    "time_to_detect_section",
    "world_parameters",
]

_HOME = {
    "World": "training.data.labels",
    "evaluation_context": "training.evaluation.context",
    "baselines_section": "training.evaluation.report.baselines",
    "calibration_section": "training.evaluation.report.calibration",
    "session_expiry_section": "training.evaluation.report.calibration",
    "fairness_section": "training.evaluation.report.detection",
    "recall_section": "training.evaluation.report.detection",
    "step_ups_section": "training.evaluation.report.detection",
    "time_to_detect_section": "training.evaluation.report.detection",
    "closed_loop_section": "training.evaluation.studies.closed_loop",
    "compare_versions": "training.evaluation.studies.version_comparison",
    "explain_hazard": "training.model.explanations",
    "explain_now": "training.model.explanations",
    "Recipe": "training.model.recipe",
    "prepare": "training.pipeline.dataset",
    "examine_log": "training.pipeline.doctor",
    "RetrainResult": "training.pipeline.retraining",
    "register_model": "training.pipeline.retraining",
    "retrain": "training.pipeline.retraining",
    "augment": "training.pipeline.train",
    "evaluate": "training.pipeline.train",
    "fit": "training.pipeline.train",
    "run_promotion_checks": "training.pipeline.train",
    "ForcedPromotion": "training.promotion.registry",
    "NotPromoted": "training.promotion.registry",
    "champion": "training.promotion.registry",
    "promote": "training.promotion.registry",
    "inject_abuse": "training.scenarios.injection",
    "SCENARIOS": "training.scenarios.attacks.registry",
    "WorldParameters": "training.simulation.world",
    "simulate": "training.simulation.world",
    "world_parameters": "training.simulation.world",
}


def __getattr__(name: str) -> typing.Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
