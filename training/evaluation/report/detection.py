"""Report sections on detection: recall, step-ups, fairness, and the time to detect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from training.evaluation.context import EvaluationContext, SectionResult
from training.evaluation.tables import Table
from training.metrics.bootstrap import Estimate
from training.metrics.evaluation import BUDGETS, MAIN_BUDGET, challenge_probability
from training.metrics.fairness import GroupTreatment, group_treatment
from training.metrics.friction import RECALL_LEVELS, StepUpRate, step_up_rates
from training.metrics.policy_constants import DENY_BELOW_TRUST, FRESH_PROOF_MINUTES
from training.metrics.prompts import PROMPT_PERIODS, prompt_rates, prompted_by_floors, prompts_shown
from training.metrics.session_recall import recall_by_group
from training.metrics.time_to_detect import Detection, measure_detection

BUDGET_COLUMNS = tuple(f"{budget:.1%} of benign sessions challenged" for budget in BUDGETS)
DETECTION_COLUMNS = (
    "benign sessions challenged",
    "median malicious requests to detection",
    "median minutes",
    "sessions detected",
    "harmful actions stopped before they happened",
    "the same with prompts by floors",
    *(f"prompts on legitimate users, per {period}" for period, _ in PROMPT_PERIODS.values()),
    "requests of legitimate escalations challenged",
    "those of them on which no floor would prompt",
    f"requests of legitimate escalations trusted less than {DENY_BELOW_TRUST:g}, where no proof helps",
)


def recall_section(context: EvaluationContext) -> SectionResult:
    """Recall of compromised sessions in each slice, at each budget."""
    masks = {(part.group, part.name): part.sessions for part in context.slices}
    by_budget = {
        budget: recall_by_group(context.sessions, budget, context.session_weights, masks) for budget in BUDGETS
    }
    rows = tuple((*key, *(f"{by_budget[budget][key]:.2f}" for budget in BUDGETS)) for key in masks)
    figures = {
        f"recall/{budget:g}/{name}": recall
        for budget, recalls in by_budget.items()
        for (_, name), recall in recalls.items()
    }
    return [Table("Recall of compromised sessions", ("group", "", *BUDGET_COLUMNS), rows)], figures


def recall_by_world_section(context: EvaluationContext) -> SectionResult:
    """Recall in each of several worlds, at the friction of all of them together."""
    world = np.searchsorted(context.data.world_starts, context.sessions.first, side="right")
    masks = {str(number + 1): world == number for number in range(len(context.data.world_starts) + 1)}
    by_budget = [recall_by_group(context.sessions, budget, context.session_weights, masks) for budget in BUDGETS]
    rows = tuple((name, *(f"{recalls[name]:.2f}" for recalls in by_budget)) for name in masks)
    note = "Worlds differ: the shares and rates of each are drawn anew around the documented ones."
    return [Table("Recall of compromised sessions, by world", ("world", *BUDGET_COLUMNS), rows, note)], {}


def step_ups_section(context: EvaluationContext) -> SectionResult:
    """Step-ups of legitimate users where a given recall is reached, in each slice."""
    rows: list[tuple[str, ...]] = []
    figures: dict[str, Estimate] = {}
    for part in context.slices:
        rates = step_up_rates(context.test_set, context.score, context.sessions, part, context.bootstrap)
        rows.append((part.group, part.name, *(_step_up_cell(rates[recall]) for recall in RECALL_LEVELS)))
        for recall in RECALL_LEVELS:
            figures[f"step_ups_per_1000/{recall:g}/{part.name}"] = rates[recall].per_1000
            figures[f"step_ups_per_identity_day/{recall:g}/{part.name}"] = rates[recall].per_identity_day
    note = "Each cell: per 1,000 legitimate requests; per identity and day on which it was active."
    columns = ("group", "", *(f"recall {recall:g}" for recall in RECALL_LEVELS))
    return [Table("Step-ups at a recall of compromised sessions", columns, tuple(rows), note)], figures


def _step_up_cell(rate: StepUpRate) -> str:
    return f"{rate.per_1000.interval()}; {rate.per_identity_day.interval()}"


def fairness_section(context: EvaluationContext) -> SectionResult:
    """Challenges and protection by identity type, length of history and region."""
    groups = group_treatment(context.test_set, context.score, context.sessions, context.data.world.events, context.seed)
    figures = {f"asked_per_1000/{group.name}": group.step_ups_per_1000 for group in groups}
    return [_fairness_table(groups)], figures | {f"protected/{group.name}": group.recall for group in groups}


def _fairness_table(groups: Sequence[GroupTreatment]) -> Table:
    note = (
        f"At {MAIN_BUDGET:.1%} of benign sessions challenged in each identity type. An identity's region is where most "
        "of its own requests come from. Where intervals do not overlap, one group is challenged more or protected less "
        "than another: a question for whoever deploys the model, not an answer."
    )
    rows = tuple((group.group, group.name, str(group.step_ups_per_1000), str(group.recall)) for group in groups)
    columns = ("group", "", "step-ups per 1,000 legitimate requests", "recall of compromised sessions")
    return Table("Fairness: challenges and protection by group", columns, rows, note)


def time_to_detect_section(context: EvaluationContext) -> SectionResult:
    """Time to the first challenge, harm stopped, prompts shown, and legitimate escalations challenged."""
    rows: list[tuple[str, ...]] = []
    test_set, bootstrap = context.test_set, context.bootstrap
    escalation = test_set.targets.escalation[test_set.rows] & ~context.malicious
    identity, trust = context.identity[escalation], 1.0 / (1.0 + np.exp(context.score[escalation]))
    denied = bootstrap.mean(trust < DENY_BELOW_TRUST, identity)
    figures = {"escalations_denied": denied}
    beyond_floors = ~prompted_by_floors(test_set.matrix[escalation])
    for budget in BUDGETS:
        challenged = challenge_probability(test_set, context.score, context.sessions, budget)
        detection = measure_detection(test_set, challenged, bootstrap)
        prompts = prompt_rates(test_set, prompts_shown(test_set, challenged > 0.5), bootstrap)
        escalations = bootstrap.mean(challenged[escalation], identity)
        beyond = bootstrap.mean(challenged[escalation] * beyond_floors, identity)
        rows.append(_detection_row(budget, detection, prompts, (escalations, beyond, denied)))
        figures |= {
            f"events_to_detection/{budget:g}": Estimate.exact(detection.events, detection.detected),
            f"minutes_to_detection/{budget:g}": Estimate.exact(detection.minutes, detection.detected),
            f"stopped/{budget:g}": detection.stopped,
            f"stopped_with_prompts/{budget:g}": detection.stopped_with_prompts,
            f"escalations/{budget:g}": escalations,
            f"escalations_beyond/{budget:g}": beyond,
            **{f"prompts/{group}/{budget:g}": rate for group, rate in prompts.items()},
        }
    note = (
        "Floors are taken to prompt on every privileged action without a multi-factor proof in the "
        f"{FRESH_PROOF_MINUTES:g} minutes before."
    )
    return [Table("Time to detect, and harm stopped", DETECTION_COLUMNS, tuple(rows), note)], figures


def _detection_row(
    budget: float, detection: Detection, prompts: Mapping[str, Estimate], escalations: Sequence[Estimate]
) -> tuple[str, ...]:
    return (
        f"{budget:.1%}",
        f"{detection.events:.0f}",
        f"{detection.minutes:.1f}",
        str(detection.detected),
        str(detection.stopped),
        str(detection.stopped_with_prompts),
        *(str(prompts[group]) for group in PROMPT_PERIODS),
        *map(str, escalations),
    )
