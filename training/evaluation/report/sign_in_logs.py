"""Report section on guessing at sign-ins: at one identity, from one address at many, and from the internet all day."""

from __future__ import annotations

import numpy as np

from features.arrays import Array
from training.data.sessions import visit_keys
from training.evaluation.context import EvaluationContext, SectionResult
from training.evaluation.tables import Table
from training.metrics.bootstrap import Estimate, bootstrap_weights
from training.scenarios.guessing import BACKGROUND, GUESSED, SPRAYED

BUDGET = 0.01
"""The share of benign sessions that may be challenged."""
NAMES = {"guessing": GUESSED, "spray": SPRAYED, "background": BACKGROUND}
"""Scenarios by the name of their figure."""


def sign_ins_section(context: EvaluationContext) -> SectionResult:
    """The share of guesses that are challenged, in the deployments whose sign-ins somebody guesses at."""
    data, rows = context.data, context.test_set.rows
    scenario = data.targets.scenario[rows]
    guessed = np.isin(scenario, list(NAMES.values()))
    exposed = np.isin(data.deployment[rows], np.unique(data.deployment[rows[guessed]]))
    visit = visit_keys(data.world.events)[rows]
    threshold = _threshold(visit[exposed], context.malicious[exposed], context.score[exposed])
    figures = {
        f"sign-ins/{name}/{BUDGET:g}": _caught(context, visit, scenario == each, threshold)
        for name, each in NAMES.items()
    }
    note = (
        "Deployments whose sign-ins are guessed at. A guess is all that one attacker tried at one identity in one "
        "session, or on one day where the log names none; it is caught when one of its requests is challenged, where "
        f"{BUDGET:.0%} of the benign sessions of these deployments are."
    )
    shown = tuple((name, str(figures[f"sign-ins/{name}/{BUDGET:g}"])) for name in NAMES)
    return [Table("Guessing at sign-ins", ("", "caught"), shown, note)], figures


def _threshold(visit: Array, malicious: Array, score: Array) -> float:
    """The score that the given share of benign sessions exceed."""
    benign = ~np.isin(visit, np.unique(visit[malicious]))
    highest = _highest(visit[benign], score[benign])[1]
    return float(np.quantile(highest, 1 - BUDGET, method="higher")) if len(highest) else np.inf


def _highest(visit: Array, score: Array) -> tuple[Array, Array]:
    """The place of each session's first row, and its highest score."""
    _, first, group = np.unique(visit, return_index=True, return_inverse=True)
    highest = np.full(len(first), -np.inf)
    np.maximum.at(highest, group, score)
    return first, highest


def _caught(context: EvaluationContext, visit: Array, mask: Array, threshold: float) -> Estimate:
    if not mask.any():
        return Estimate.unknown(0)
    first, highest = _highest(visit[mask], context.score[mask])
    identity = context.identity[mask][first]
    return bootstrap_weights(identity, context.seed).mean(highest > threshold, identity)
