"""Report sections that refit models or replay histories: login baseline, poisoning, ablations, leaks, techniques."""

from __future__ import annotations

import numpy as np

from training.evaluation.context import EvaluationContext, SectionResult
from training.evaluation.studies.ablations import (
    ABLATION_AUGMENTATION,
    FEATURE_GROUPS,
    RankingSkill,
    fit_without_features,
    measure_leaks,
    run_ablations,
)
from training.evaluation.studies.login_baseline import HISTORIES, RECALL, login_step_up_rate, score_logins
from training.evaluation.studies.poisoning import POISON_SHARE, poison_histories, poison_labels
from training.evaluation.studies.techniques import techniques_section
from training.evaluation.tables import Table
from training.metrics.bootstrap import Estimate

ACCEPTED_DROP = 0.15
"""How far recall of a scenario may fall when the scenario is left out of training."""


def login_baseline_section(context: EvaluationContext) -> SectionResult:
    """Against SIMPLE-EXTEND, at logins alone; the model with and without features of the country."""
    logins = score_logins(context.data.world)
    position = np.searchsorted(context.test_set.rows, logins.rows)
    tested = np.flatnonzero(np.isin(logins.rows, context.test_set.rows))
    without_country = fit_without_features(context.data, context.recipe, context.seed, FEATURE_GROUPS["country"])
    scores = {"SIMPLE-EXTEND": logins.score}
    for name, margins in (("model", context.score), ("country out", without_country)):
        scores[name] = np.full(len(logins.rows), -np.inf)
        scores[name][tested] = margins[position[tested]]
    rates = {
        (name, history): login_step_up_rate(context.test_set, logins, score, history, context.bootstrap)
        for name, score in scores.items()
        for history in HISTORIES
    }
    rows = tuple((name, *(str(rates[name, history]) for history in HISTORIES)) for name in scores)
    note = (
        f"Step-ups per legitimate login at recall {RECALL:g} of malicious logins. Published for SIMPLE-EXTEND against "
        "targeted attackers of logins (TOPS 2022): .17 after 12 logins, .05 after 39."
    )
    columns = ("scorer", *(f"at least {history} logins before" for history in HISTORIES))
    figures = {f"login/{history}/{name}": rate for (name, history), rate in rates.items()}
    return [Table("Logins alone", columns, rows, note)], figures


def poisoning_section(context: EvaluationContext) -> SectionResult:
    """Attack requests fed into histories, and false verdicts of investigators."""
    histories = poison_histories(context.model, context.data, context.seed)
    labels = poison_labels(context.data, context.recipe, context.seed)
    rows = (
        ("victims' step-ups per 1,000 legitimate requests at recall .98", str(histories.clean)),
        (
            f"the same with {POISON_SHARE:.0%} attack rows ({histories.rows}) in their histories",
            str(histories.poisoned),
        ),
        ("change of the step-up rate, per request", f"{histories.change:+.4f}"),
        (
            f"change of an identity's later scores, in log-odds, by {labels.verdicts} false verdicts about it (the "
            "most that are accepted; together they weigh as much as one request)",
            f"{labels.log_odds:+.2f} (mean of {labels.identities})",
        ),
        ("change by another seed", f"{labels.by_chance:.2f}"),
    )
    note = (
        "Published for logins (TOPS 2022, targeted, recall .995 after 39 logins): .10 rises to .39. Here every attack "
        "row updates the history as if it had been allowed; in service a challenged request teaches no habit."
    )
    figures = {
        "poisoned": Estimate.exact(abs(histories.change), histories.clean.count),
        "misled_log_odds": Estimate.exact(labels.log_odds, labels.identities),
    }
    return [Table("Poisoning", ("", "figure"), rows, note)], figures


def ablations_section(context: EvaluationContext) -> SectionResult:
    """Refits without a group of features, a scenario, or an identity type."""
    ablations = run_ablations(context.data, context.recipe, context.seed, context.progress)
    rows = tuple((each.name, f"{each.full:.2f}", f"{each.without:.2f}") for each in ablations)
    scenarios = [each for each in ablations if each.name.startswith("scenario")]
    within = sum(each.full.value - each.without.value <= ACCEPTED_DROP for each in scenarios)
    figures = {"left_out/within": Estimate.exact(within / max(len(scenarios), 1), len(scenarios))}
    figures |= {f"left_out/{each.name}": each.without for each in ablations}
    note = (
        "Recall at 0.5 % of benign sessions challenged: of all compromised sessions, of the scenario's, or of the "
        "identity type's. Both models are fitted on this world's own identities, so the full one is not the model "
        f"above, and on histories augmented up to {ABLATION_AUGMENTATION} times, without what is left out. "
        f"{within} of {len(scenarios)} scenarios stay within {ACCEPTED_DROP:g}. Held-out scenarios are never trained "
        "on: see the table of recalls."
    )
    return [Table("Left out of training", ("left out", "full model", "without"), rows, note)], figures


def leaks_section(context: EvaluationContext) -> SectionResult:
    """Whether the model or the test knows what it should not."""
    leaks = measure_leaks(context.data, context.recipe, context.seed, context.progress)
    gap = leaks.at_random.times / leaks.grouped.times
    rows = (
        _skill_row("labels shuffled, five seeds", *leaks.shuffled),
        _skill_row("labels of other identities, five seeds", *leaks.shuffled_by_identity),
        _skill_row("split by identity and time", leaks.grouped),
        _skill_row("split at random", leaks.at_random),
        ("gap, random over grouped", f"{gap:.2f}", "", ""),
    )
    shuffles = {"shuffled": leaks.shuffled, "shuffled_by_identity": leaks.shuffled_by_identity}
    figures = {"split_gap": Estimate.exact(gap)}
    for name, draws in shuffles.items():
        figures[name] = Estimate.exact(max(skill.times for skill in draws), len(draws))
        figures[f"{name}/by_victim"] = Estimate.exact(max(skill.by_victim for skill in draws), len(draws))
        figures[f"{name}/area"] = Estimate.exact(float(np.mean([skill.area for skill in draws])), len(draws))
    note = (
        "Average precision over prevalence, without constraints: chance is 1; and the area under the ROC: chance is "
        "0.5. Malicious requests lie close together, so a model of noise ranks them high or low all at once, by "
        "chance. A single high draw whose malicious requests are mostly one victim's is noise; a leak would lift the "
        "area in every draw."
    )
    columns = ("", "times the prevalence", "victims weighted equally", "area under the ROC")
    return [Table("Leaks and memorisation", columns, rows, note)], figures


def techniques_left_out_section(context: EvaluationContext) -> SectionResult:
    """Recorded techniques that a refitted model has never met."""
    return techniques_section(context.data, context.recipe, context.seed, context.progress)


def _skill_row(name: str, *draws: RankingSkill) -> tuple[str, ...]:
    columns = ([each.times for each in draws], [each.by_victim for each in draws], [each.area for each in draws])
    return name, *(", ".join(f"{value:.2f}" for value in column) for column in columns)
