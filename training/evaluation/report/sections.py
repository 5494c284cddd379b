"""All the evidence of one model in one call: what `python -m training evaluate --report` writes down."""

from __future__ import annotations

from collections.abc import Callable

from features.model.bundle import TrustModel
from training.evaluation.context import SectionResult, evaluation_context
from training.evaluation.report import detection, refits
from training.evaluation.studies import closed_loop
from training.evaluation.tables import Table
from training.evaluation.targets import table
from training.metrics.bootstrap import Estimate
from training.model.fit import Recipe
from training.pipeline.dataset import Dataset


def whole_evidence(
    model: TrustModel, data: Dataset, recipe: Recipe, seed: int, told: Callable[[str, float], None]
) -> tuple[list[Table], dict[str, Estimate]]:
    """Every section in turn, and first of all the targets; `told` what is done, and the share of the whole."""
    told("scoring", 0.0)
    of = evaluation_context(model, data, seed)
    quick: list[Callable[[], SectionResult]] = [
        lambda: detection.recall(of),
        lambda: detection.by_world(of),
        lambda: detection.step_ups(of),
        lambda: detection.fair(of, seed),
        lambda: detection.early(of),
        lambda: detection.truth(of),
        lambda: detection.lifetimes(of),
        lambda: detection.rivals(of, recipe, seed),
        lambda: closed_loop.loops(of),
        lambda: refits.sign_ins(of, recipe, seed),
        lambda: refits.taught(of, recipe, seed),
        lambda: refits.left_out(of, recipe, seed, lambda what: told(what, 0.4)),
        lambda: refits.remembered(of, recipe, seed, lambda what: told(what, 0.7)),
    ]
    names = (
        "recall",
        "worlds",
        "step-ups",
        "fairness",
        "detection",
        "calibration",
        "lifetimes",
        "baselines",
        "the closed loop",
    )
    slow = ("sign-ins", "poisoning", "ablations", "memory")
    shares = (0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.12, 0.16, 0.2, 0.22, 0.28, 0.4, 0.7)
    tables: list[Table] = []
    figures: dict[str, Estimate] = {}
    for section, name, share in zip(quick, (*names, *slow), shares, strict=True):
        told(name, share)
        more, found = section()
        tables += more
        figures |= found
    told("done", 1.0)
    return [table(figures), *tables], figures
