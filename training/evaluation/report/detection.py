"""Everything that is measured of one model on one world, as tables and as figures by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from features.arrays import Array
from features.model.trust_curve import HORIZONS, probability
from training.evaluation.context import EvaluationContext, SectionResult
from training.evaluation.tables import Table
from training.evaluation.targets import exactly
from training.metrics.bootstrap import Estimate, estimate
from training.metrics.calibration import (
    Bin,
    ahead,
    average_precision,
    calibration_error,
    decay_calibration,
    reliability,
)
from training.metrics.evaluation import BUDGETS, MAIN, challenges
from training.metrics.fairness import NOTE, Treated, treated
from training.metrics.friction import RECALLS, friction
from training.metrics.policy_constants import DENIED_BELOW, FRESH_MINUTES
from training.metrics.prompts import SPANS, by_floors, prompted, rates
from training.metrics.session_expiry import FRICTION, expired, oracle, pairs, spent, whole_horizon
from training.metrics.session_recall import caught, recalls, share
from training.metrics.time_to_detect import detection
from training.model import baselines
from training.model.fit import Recipe
from training.pipeline.dataset import HELD_OUT
from training.promotion.checks import rising

Told = Callable[[str], None]


def recall(of: EvaluationContext) -> SectionResult:
    """What is caught at each budget."""
    masks = {f"{part.group}/{part.name}": part.sessions for part in of.parts}
    by_budget = {budget: recalls(of.sessions, budget, of.weights, masks) for budget in BUDGETS}
    rows = [
        (part.group, part.name, *(str(by_budget[b][f"{part.group}/{part.name}"]) for b in BUDGETS)) for part in of.parts
    ]
    figures = {
        f"recall/{budget:g}/{part.name}": Estimate(s.value, s.low, s.high, s.count)
        for budget in BUDGETS
        for part in of.parts
        for s in [by_budget[budget][f"{part.group}/{part.name}"]]
    }
    columns = ("group", "", *(f"{b:.1%} of benign sessions challenged" for b in BUDGETS))
    return [Table("Recall of compromised sessions", columns, tuple(rows))], figures


def by_world(of: EvaluationContext) -> SectionResult:
    """What is caught in each of several worlds, at the friction spent in all of them together."""
    number = np.searchsorted(of.data.worlds, of.sessions.first, side="right")
    masks = {str(world + 1): number == world for world in range(len(of.data.worlds) + 1)}
    by_budget = [recalls(of.sessions, budget, of.weights, masks) for budget in BUDGETS]
    rows = tuple((name, *(str(found[name]) for found in by_budget)) for name in masks)
    columns = ("world", *(f"{b:.1%} of benign sessions challenged" for b in BUDGETS))
    note = "Each world has habits of its own: its shares and rates are drawn anew around the documented ones."
    return [Table("Recall of compromised sessions, world by world", columns, rows, note)], {}


def step_ups(of: EvaluationContext) -> SectionResult:
    """What catching costs."""
    rows: list[tuple[str, ...]] = []
    figures: dict[str, Estimate] = {}
    for part in of.parts:
        found = friction(of.test_set, of.score, of.sessions, part, of.drawn)
        rows.append((part.group, part.name, *(_two(found[r].per_1000, found[r].per_identity_day) for r in RECALLS)))
        for wanted in RECALLS:
            figures[f"step_ups_per_1000/{wanted:g}/{part.name}"] = found[wanted].per_1000
            figures[f"step_ups_per_identity_day/{wanted:g}/{part.name}"] = found[wanted].per_identity_day
    note = "Each cell: per 1,000 legitimate requests; per identity and day on which it did anything."
    columns = ("group", "", *(f"recall {wanted:g}" for wanted in RECALLS))
    return [Table("Step-ups at a recall of compromised sessions", columns, tuple(rows), note)], figures


def _two(one: Estimate, other: Estimate) -> str:
    return f"{one.value:.3g} [{one.low:.3g}, {one.high:.3g}]; {other.value:.3g} [{other.low:.3g}, {other.high:.3g}]"


def fair(of: EvaluationContext, seed: int) -> SectionResult:
    """Who is asked and who is protected, by identity type, length of history and region."""
    found = treated(of.test_set, of.score, of.sessions, of.data.world.events, seed)
    figures = {f"asked_per_1000/{each.name}": each.asked for each in found}
    return [fairness_table(found)], figures | {f"protected/{each.name}": each.caught for each in found}


def early(of: EvaluationContext) -> SectionResult:
    """How early, how much harm stopped at which cost, and what escalations are challenged."""
    rows: list[tuple[str, ...]] = []
    escalation = of.test_set.targets.escalation[of.test_set.rows] & ~of.malicious
    whose, trust = of.identity[escalation], 1.0 / (1.0 + np.exp(of.score[escalation]))
    denied = of.drawn.mean(trust < DENIED_BELOW, whose)
    figures = {"escalations_denied": denied}
    alone = ~by_floors(of.test_set.matrix[escalation])
    for budget in BUDGETS:
        challenged = challenges(of.test_set, of.score, of.sessions, budget)
        found = detection(of.test_set, challenged, of.drawn)
        asked = of.drawn.mean(challenged[escalation], whose)
        beyond = of.drawn.mean(challenged[escalation] * alone, whose)
        prompts = rates(of.test_set, prompted(of.test_set, challenged > 0.5), of.drawn)
        rows.append(
            (
                f"{budget:.1%}",
                f"{found.events:.0f}",
                f"{found.minutes:.1f}",
                str(found.detected),
                str(found.stopped),
                str(found.stopped_with_prompts),
                *(str(prompts[kind]) for kind in SPANS),
                str(asked),
                str(beyond),
                str(denied),
            )
        )
        figures |= {
            f"events_to_detection/{budget:g}": exactly(found.events, found.detected),
            f"minutes_to_detection/{budget:g}": exactly(found.minutes, found.detected),
            f"stopped/{budget:g}": found.stopped,
            f"stopped_with_prompts/{budget:g}": found.stopped_with_prompts,
            f"escalations/{budget:g}": asked,
            f"escalations_beyond/{budget:g}": beyond,
            **{f"prompts/{kind}/{budget:g}": each for kind, each in prompts.items()},
        }
    columns = (
        "benign sessions challenged",
        "median acts to detection",
        "median minutes",
        "sessions detected",
        "harmful acts stopped before they happened",
        "the same with prompts by floors",
        *(f"prompts on owners so, a {span}" for span, _ in SPANS.values()),
        "requests of legitimate escalations challenged",
        "those of them on which no floor would prompt",
        f"requests of legitimate escalations trusted less than {DENIED_BELOW:g}, where no proof helps",
    )
    note = (
        "Floors are taken to prompt on every privileged act, whoever acts, without a proof by several factors in the "
        f"{FRESH_MINUTES:g} minutes before."
    )
    return [Table("How early, and what harm is stopped", columns, tuple(rows), note)], figures


def truth(of: EvaluationContext) -> SectionResult:
    """Ranking and calibration, now and at each horizon."""
    risk, seen = probability(of.score), of.test_set.without(HELD_OUT)
    figures = {
        "average_precision": average_precision(of.malicious, of.score, of.identity, of.drawn),
        "brier": of.drawn.mean((risk - of.malicious) ** 2, of.identity),
        "prevalence": of.drawn.mean(of.malicious, of.identity),
        "ratio with abuse held out": of.drawn.ratio(risk, of.malicious, of.identity),
    }
    test_set, kinds = of.test_set.part(seen), of.test_set.kind[of.test_set.rows[seen]]
    said, malicious, identity = risk[seen], of.malicious[seen], of.identity[seen]
    for kind in ("all", *np.unique(kinds)):
        here = np.ones(len(kinds), bool) if kind == "all" else kinds == kind
        error = calibration_error(malicious[here], said[here], identity[here], of.drawn)
        figures["ece" if kind == "all" else f"ece/{kind}"] = error
        figures[f"ratio/{kind}"] = of.drawn.ratio(said[here], malicious[here], identity[here])
    hazards = of.model.hazards(of.test_set.matrix)
    compromised_by = 1.0 - np.cumprod(1.0 - hazards[seen], axis=1)
    decay = decay_calibration(test_set, compromised_by, of.drawn)
    figures |= {f"decay/{horizon}": found for horizon, found in decay.items()}
    figures["rising"] = exactly(float(rising(of.score, hazards)), len(of.score))
    rows = tuple((name, str(found)) for name, found in figures.items())
    note = (
        "`ratio` is predicted over actual malicious requests, `decay` predicted over actual losses by so many seconds. "
        "Both, `ece` and the bins below leave out the sessions of abuse that is held out of training and calibration, "
        "of whose frequency a model cannot know."
    )
    now = reliability(malicious, said, identity, of.drawn)
    soon = ahead(test_set, HORIZONS[2])
    later = reliability(soon.compromised, compromised_by[soon.rows, 2], soon.identity, of.drawn)
    return [
        Table("Are the probabilities true?", ("figure", ""), rows, note),
        *(
            Table(title, ("said", "mean of it", "was so"), tuple(_bins(bins)))
            for title, bins in (("Risk now: said and so", now), ("Lost within two hours: said and so", later))
        ),
    ], figures


def _bins(bins: list[Bin]) -> Iterator[tuple[str, ...]]:
    for each in bins:
        yield f"{each.low:g} to {each.high:g}", f"{each.said:.3g}", str(each.was)


def lifetimes(of: EvaluationContext) -> SectionResult:
    """`valid_until` against a lifetime that is the same for all, and, in a simulated world, against an oracle."""
    test_set, outcome = of.test_set, of.test_set.targets
    steps = pairs(outcome, test_set.rows)
    hazards = of.model.hazards(test_set.matrix[np.searchsorted(test_set.rows, steps.first)])
    scores = {"valid_until": spent(hazards, steps.gap), "fixed lifetime": steps.gap}
    soon = ahead(test_set, HORIZONS[2])
    rows_ahead = test_set.rows[soon.rows]
    compromised_by = 1.0 - np.cumprod(1.0 - of.model.hazards(test_set.matrix[soon.rows]), axis=1)
    rankings = {"valid_until": compromised_by[:, 2]}
    if of.data.world.source == "simulated":
        knows = oracle(of.data.world, outcome)
        scores["oracle"], rankings["oracle"] = knows(steps), knows(whole_horizon(rows_ahead, HORIZONS[2]))
    met = {name: expired(steps, score, outcome, of.drawn) for name, score in scores.items()}
    ranked = {
        name: average_precision(soon.compromised, score, soon.identity, of.drawn) for name, score in rankings.items()
    }
    figures = {f"expiry/{name}": found for name, found in met.items()}
    figures |= {f"future_average_precision/{name}": found for name, found in ranked.items()}
    for name in ("fixed lifetime", "oracle"):
        if name in met and met[name].value > 0:
            figures[f"expiry/over_{name.split()[0]}"] = _over(met["valid_until"], met[name])
    if "oracle" in ranked:
        figures["future/over_oracle"] = _over(ranked["valid_until"], ranked["oracle"])
    rows = tuple((name, str(met[name]), str(ranked.get(name, "-"))) for name in met)
    note = (
        f"Takeovers in mid-session whose first act met an expired session, where {FRICTION:.0%} of the owners' own "
        "gaps expire; and average precision of losses within two hours. The oracle knows how the simulation chooses "
        "victims and how long intruders wait, not who was chosen."
    )
    columns = ("lifetime", "takeovers that met an expired session", "future average precision at 2 h")
    return [Table("Lifetimes at equal friction", columns, rows, note)], figures


def _over(one: Estimate, other: Estimate) -> Estimate:
    """Its ends are those of the first over the second as found."""
    return Estimate(one.value / other.value, one.low / other.value, one.high / other.value, one.count)


def rivals(of: EvaluationContext, recipe: Recipe, seed: int) -> SectionResult:
    """The baselines on the same sessions, and whether the model beats each in every identity type."""
    data, rows = of.data, of.test_set.rows
    kept = data.thinned(recipe, seed)
    scores = {
        "static rules": baselines.static_rules(of.test_set.matrix),
        "logistic regression": baselines.logistic_regression(
            data.matrix, data.targets.malicious, kept, data.test_set.matrix
        ),
        "isolation forest": baselines.isolation_forest(data.matrix, kept, data.test_set.matrix, seed),
        "prompt every hour": baselines.every_hour(data.targets, rows),
        "always prompt on privileged": baselines.always_on_privileged(of.test_set.matrix),
    }
    kinds = {"all": np.ones(len(of.sessions.compromised), bool)} | {
        str(k): of.sessions.kind == k for k in np.unique(of.sessions.kind)
    }
    compromised = np.flatnonzero(of.sessions.compromised)
    own = {budget: caught(of.sessions, budget, of.weights) for budget in BUDGETS}
    table: list[tuple[str, ...]] = []
    figures: dict[str, Estimate] = {}
    beaten, asked = 0, 0
    for name, score in scores.items():
        theirs = of.test_set.sessions(score)
        for kind, mask in kinds.items():
            if not mask[compromised].any():
                continue
            cells = []
            for budget in BUDGETS:
                weights = of.weights[:, compromised[mask[compromised]]]
                hits = caught(theirs, budget, of.weights)[:, mask[compromised]]
                found = share(hits, weights)
                with np.errstate(divide="ignore", invalid="ignore"):
                    ahead_by = ((own[budget][:, mask[compromised]] - hits) * weights).sum(axis=1) / weights.sum(axis=1)
                gain = estimate(ahead_by, hits.shape[1])
                figures[f"baseline/{name}/{budget:g}/{kind}"] = Estimate(
                    found.value, found.low, found.high, found.count
                )
                cells.append(f"{found.value:.2f}; {gain.value:+.2f} [{gain.low:+.2f}, {gain.high:+.2f}]")
                if budget == MAIN and kind != "all":
                    asked, beaten = asked + 1, beaten + (gain.low > 0)
            table.append((name, kind, *cells))
    figures["baselines/not_beaten"] = exactly(float(asked - beaten), asked)
    note = (
        "Each cell: the baseline's recall; by how much the model's is higher. Ties are drawn by lot, for all alike. "
        "Line and forest are fitted on other identities of this very world, which the model has not seen."
    )
    columns = ("baseline", "identity type", *(f"{b:.1%} of benign sessions challenged" for b in BUDGETS))
    return [
        Table("Against baselines on the same sessions", columns, tuple(table), note),
        _prompts(of, scores),
    ], figures


def _prompts(of: EvaluationContext, scores: dict[str, Array]) -> Table:
    """Prompts that ask whoever it is, at the friction they have, and the model at the same number of step-ups."""
    rows = []
    own = ~of.malicious
    for name in ("prompt every hour", "always prompt on privileged"):
        asked = scores[name] > 0
        rate = float(asked[own].mean())
        level = np.quantile(of.score[own], 1 - rate)
        for who, challenged in ((name, asked), ("model, as many step-ups", of.score > level)):
            found = detection(of.test_set, challenged.astype(float), of.drawn)
            hit = of.test_set.sessions(challenged.astype(float))
            reached = float((hit.score[hit.compromised] > 0).mean())
            rows.append((who, f"{1_000 * float(challenged[own].mean()):.1f}", f"{reached:.2f}", str(found.stopped)))
    columns = (
        "prompt",
        "step-ups per 1,000 legitimate requests",
        "compromised sessions reached",
        "harmful acts stopped",
    )
    return Table("Prompts for everybody, and the model at the same friction", columns, tuple(rows))


def fairness_table(found: list[Treated]) -> Table:
    """As a section of the report."""
    rows = tuple((each.group, each.name, str(each.asked), str(each.caught)) for each in found)
    columns = ("group", "", "step-ups per 1,000 legitimate requests", "recall of compromised sessions")
    return Table("Who is asked, and who is protected", columns, rows, NOTE.format(budget=MAIN))
