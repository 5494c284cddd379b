"""What takes refits and replays: logins against the published rival, ablations, memory, poisoning."""

from __future__ import annotations

import numpy as np

from training.evaluation.context import EvaluationContext, SectionResult
from training.evaluation.report.detection import Told
from training.evaluation.studies.ablations import AGAIN, WITHOUT, Skill, ablations, memory, without_features
from training.evaluation.studies.login_baseline import HISTORIES, RECALL, asked, logins
from training.evaluation.studies.poisoning import SHARE, misled, poisoned
from training.evaluation.tables import Table
from training.evaluation.targets import exactly
from training.metrics.bootstrap import Estimate
from training.model.fit import Recipe

WITHIN = 0.15
"""How far recall of a scenario may fall when it was never trained on."""


def sign_ins(of: EvaluationContext, recipe: Recipe, seed: int) -> SectionResult:
    """Against SIMPLE-EXTEND, at sign-ins alone; the model with and without countries."""
    these = logins(of.data.world)
    place = np.searchsorted(of.test_set.rows, these.rows)
    there = np.flatnonzero(np.isin(these.rows, of.test_set.rows))
    scores = {"SIMPLE-EXTEND": these.score}
    for name, margins in (
        ("model", of.score),
        ("country out", without_features(of.data, recipe, seed, WITHOUT["country"])),
    ):
        scores[name] = np.full(len(these.rows), -np.inf)
        scores[name][there] = margins[place[there]]
    found = {
        (name, history): asked(of.test_set, these, score, history, of.drawn)
        for name, score in scores.items()
        for history in HISTORIES
    }
    rows = tuple((name, *(str(found[name, history]) for history in HISTORIES)) for name in scores)
    note = (
        f"Step-ups per legitimate sign-in at recall {RECALL:g} of intruders' sign-ins. Published for SIMPLE-EXTEND "
        "against targeted attackers of logins (TOPS 2022): .17 after 12 logins, .05 after 39."
    )
    columns = ("scorer", *(f"at least {history} sign-ins before" for history in HISTORIES))
    figures = {f"login/{history}/{name}": figure for (name, history), figure in found.items()}
    return [Table("Sign-ins alone", columns, rows, note)], figures


def left_out(of: EvaluationContext, recipe: Recipe, seed: int, told: Told) -> SectionResult:
    """Refits without something."""
    found = ablations(of.data, recipe, seed, told)
    rows = tuple((each.name, str(each.full), str(each.without)) for each in found)
    scenarios = [each for each in found if each.name.startswith("scenario")]
    within = sum(each.full.value - each.without.value <= WITHIN for each in scenarios)
    figures = {"left_out/within": exactly(within / max(len(scenarios), 1), len(scenarios))}
    for each in found:
        share = each.without
        figures[f"left_out/{each.name}"] = Estimate(share.value, share.low, share.high, share.count)
    note = (
        "Recall at 0.5 % of benign sessions challenged of all compromised sessions, of those of the scenario, or of the "
        "identity type. Both models are fitted on this world's own identities, so the full one is not the model above, "
        f"and on examples put into their lives up to {AGAIN} times more, without what is left out. "
        f"{within} of {len(scenarios)} scenarios stay within {WITHIN:g}. Held-out scenarios are never trained on: see "
        "the table of recalls."
    )
    return [Table("What is left out of training", ("left out", "full model", "without"), rows, note)], figures


def remembered(of: EvaluationContext, recipe: Recipe, seed: int, told: Told) -> SectionResult:
    """Whether model or test knows what it should not."""
    found = memory(of.data, recipe, seed, told)
    gap = found.at_random.times / found.grouped.times
    rows = (
        _skills("labels shuffled, five seeds", *found.shuffled),
        _skills("labels of other identities, five seeds", *found.shuffled_by_identity),
        _skills("split by identity and time", found.grouped),
        _skills("split at random", found.at_random),
        ("gap, random over grouped", f"{gap:.2f}", "", ""),
    )
    shuffles = {"shuffled": found.shuffled, "shuffled_by_identity": found.shuffled_by_identity}
    figures = {name: exactly(max(each.times for each in draws), len(draws)) for name, draws in shuffles.items()}
    for name, draws in shuffles.items():
        figures[f"{name}/by_victim"] = exactly(max(each.by_victim for each in draws), len(draws))
        figures[f"{name}/area"] = exactly(float(np.mean([each.area for each in draws])), len(draws))
    note = (
        "Average precision over prevalence, constraints off: chance is 1; and the area under the ROC: chance is 0.5. "
        "Malicious requests lie close together, so a model of noise ranks them high or low all at once, by lot: a single "
        "high draw whose acts are mostly one victim's is noise, and a leak would lift the area in every draw."
    )
    columns = ("", "times the prevalence", "every victim counting alike", "area under the ROC")
    return [Table("Leaks and memory", columns, rows, note)], figures | {"split_gap": exactly(gap)}


def _skills(name: str, *draws: Skill) -> tuple[str, ...]:
    columns = ([each.times for each in draws], [each.by_victim for each in draws], [each.area for each in draws])
    return name, *(", ".join(f"{value:.2f}" for value in column) for column in columns)


def taught(of: EvaluationContext, recipe: Recipe, seed: int) -> SectionResult:
    """Attacks fed into histories, and verdicts that lie."""
    fed, lied = poisoned(of.model, of.data, seed), misled(of.data, recipe, seed)
    rows = (
        ("victims' step-ups per 1,000 legitimate requests at recall .98", str(fed.clean)),
        (f"the same with {SHARE:.0%} attack rows ({fed.rows}) in their histories", str(fed.fed)),
        ("change of the step-up rate, per request", f"{fed.moved:+.4f}"),
        (
            f"{lied.verdicts} lying verdicts (no more are taken, and together they count for one request) about one "
            "identity: its later scores move by, in log-odds",
            f"{lied.log_odds:+.2f} (mean of {lied.identities})",
        ),
        ("another seed moves them by", f"{lied.by_chance:.2f}"),
    )
    note = (
        "Published for logins (TOPS 2022, targeted, recall .995 after 39 logins): .10 rises to .39. Here every attack "
        "row is folded as if it had been allowed; in service a challenged request teaches no habit."
    )
    figures = {
        "poisoned": exactly(abs(fed.moved), fed.clean.count),
        "misled_log_odds": exactly(lied.log_odds, lied.identities),
    }
    return [Table("Poisoning", ("", "figure"), rows, note)], figures
