"""Report section on baselines: rules, simple models and plain prompts on the same sessions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from features.arrays import Array
from training.evaluation.context import EvaluationContext, SectionResult
from training.evaluation.report.detection import BUDGET_COLUMNS
from training.evaluation.tables import Table
from training.metrics.bootstrap import Estimate, estimate, ratio_of
from training.metrics.evaluation import BUDGETS, MAIN_BUDGET
from training.metrics.session_recall import caught_sessions, weighted_share
from training.metrics.time_to_detect import measure_detection
from training.model.baselines import (
    isolation_forest,
    logistic_regression,
    prompt_every_hour,
    prompt_on_privileged,
    static_rules,
)

HOURLY, PRIVILEGED = "prompt every hour", "always prompt on privileged"


def baselines_section(context: EvaluationContext) -> SectionResult:
    """The baselines' recall, and whether the model beats each of them in every identity type."""
    scores = _baseline_scores(context)
    sessions, weights = context.sessions, context.session_weights
    groups = {"all": np.ones(len(sessions.compromised), bool)}
    groups |= {str(name): sessions.identity_type == name for name in np.unique(sessions.identity_type)}
    compromised = np.flatnonzero(sessions.compromised)
    groups = {name: mask[compromised] for name, mask in groups.items() if mask[compromised].any()}
    caught_by_model = {budget: caught_sessions(sessions, budget, weights) for budget in BUDGETS}
    rows: list[tuple[str, ...]] = []
    figures: dict[str, Estimate] = {}
    gains: list[Estimate] = []
    for name, score in scores.items():
        baseline = context.test_set.sessions(score)
        caught = {budget: caught_sessions(baseline, budget, weights) for budget in BUDGETS}
        for group, mask in groups.items():
            cells = []
            for budget in BUDGETS:
                group_weights = weights[:, compromised[mask]]
                recall = weighted_share(caught[budget][:, mask], group_weights)
                gain = _gain(caught_by_model[budget][:, mask], caught[budget][:, mask], group_weights)
                figures[f"baseline/{name}/{budget:g}/{group}"] = recall
                cells.append(f"{recall.value:.2f}; {gain.interval('+.2f')}")
                if budget == MAIN_BUDGET and group != "all":
                    gains.append(gain)
            rows.append((name, group, *cells))
    not_beaten = sum(not gain.low > 0 for gain in gains)
    figures["baselines/not_beaten"] = Estimate.exact(float(not_beaten), len(gains))
    note = (
        "Each cell: the baseline's recall; by how much the model's is higher. Ties are challenged in part, for all "
        "alike. Logistic regression and isolation forest are fitted on other identities of this very world, which the "
        "model has not seen."
    )
    title, columns = "Baselines on the same sessions", ("baseline", "identity type", *BUDGET_COLUMNS)
    return [Table(title, columns, tuple(rows), note), _prompts_table(context, scores)], figures


def _baseline_scores(context: EvaluationContext) -> dict[str, Array]:
    data, rows, seed = context.data, context.test_set.rows, context.seed
    fitting, malicious = data.baseline_rows(context.recipe, seed), data.targets.malicious
    test_matrix = data.test_set.matrix
    return {
        "static rules": static_rules(context.test_set.matrix),
        "logistic regression": logistic_regression(data.matrix, malicious, fitting, test_matrix),
        "isolation forest": isolation_forest(data.matrix, fitting, test_matrix, seed),
        HOURLY: prompt_every_hour(data.targets, rows),
        PRIVILEGED: prompt_on_privileged(context.test_set.matrix),
    }


def _gain(caught_by_model: Array, caught: Array, weights: Array) -> Estimate:
    """By how much the model's recall is higher than a baseline's."""
    draws = ratio_of(((caught_by_model - caught) * weights).sum(axis=1), weights.sum(axis=1))
    return estimate(draws, caught.shape[1])


def _prompts_table(context: EvaluationContext, scores: Mapping[str, Array]) -> Table:
    """Prompts for everybody at the friction they cause, and the model at the same number of step-ups."""
    rows = []
    legitimate = ~context.malicious
    for baseline in (HOURLY, PRIVILEGED):
        prompted = scores[baseline] > 0
        level = np.quantile(context.score[legitimate], 1 - float(prompted[legitimate].mean()))
        for name, challenged in ((baseline, prompted), ("model, as many step-ups", context.score > level)):
            detection = measure_detection(context.test_set, challenged.astype(float), context.bootstrap)
            sessions = context.test_set.sessions(challenged.astype(float))
            reached = float((sessions.score[sessions.compromised] > 0).mean())
            per_1000 = 1_000 * float(challenged[legitimate].mean())
            rows.append((name, f"{per_1000:.1f}", f"{reached:.2f}", str(detection.stopped)))
    columns = (
        "prompt",
        "step-ups per 1,000 legitimate requests",
        "compromised sessions reached",
        "harmful actions stopped",
    )
    return Table("Prompts for everybody, and the model at the same friction", columns, tuple(rows))
