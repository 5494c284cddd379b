"""All the evidence of one model in one call: what `python -m training evaluate --report` writes down."""

from __future__ import annotations

from collections.abc import Callable

from features.bundle import TrustModel
from training import closed, evidence, evidence_slow
from training.fit import Recipe
from training.goals import table
from training.resample import Estimate
from training.retrain import Prepared
from training.tables import Table


def whole_evidence(
    model: TrustModel, data: Prepared, recipe: Recipe, seed: int, told: Callable[[str, float], None]
) -> tuple[list[Table], dict[str, Estimate]]:
    """Every section in turn, and first of all the targets; `told` what is done, and the share of the whole."""
    told("scoring", 0.0)
    of = evidence.case(model, data, seed)
    quick: list[Callable[[], evidence.Found]] = [
        lambda: evidence.recall(of),
        lambda: evidence.by_world(of),
        lambda: evidence.step_ups(of),
        lambda: evidence.fair(of, seed),
        lambda: evidence.early(of),
        lambda: evidence.truth(of),
        lambda: evidence.lifetimes(of),
        lambda: evidence.rivals(of, recipe, seed),
        lambda: closed.loops(of),
        lambda: evidence_slow.sign_ins(of, recipe, seed),
        lambda: evidence_slow.taught(of, recipe, seed),
        lambda: evidence_slow.left_out(of, recipe, seed, lambda what: told(what, 0.4)),
        lambda: evidence_slow.remembered(of, recipe, seed, lambda what: told(what, 0.7)),
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
