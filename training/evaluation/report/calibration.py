"""Report sections on probabilities: ranking and calibration, and what session expiry is worth."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from features.arrays import Array
from features.model.trust_curve import HORIZONS, probability
from training.evaluation.context import EvaluationContext, SectionResult
from training.evaluation.tables import Table
from training.metrics.bootstrap import Estimate
from training.metrics.calibration import (
    ReliabilityBin,
    average_precision,
    calibration_error,
    horizon_calibration,
    outcomes_within,
    reliability_bins,
)
from training.metrics.evaluation import TestSet
from training.metrics.session_expiry import (
    EXPIRY_FRICTION,
    cumulative_hazard,
    hypothetical_pairs,
    oracle_scorer,
    request_pairs,
    takeovers_expired,
)
from training.pipeline.dataset import HELD_OUT_SCENARIOS
from training.promotion.checks import count_rising_curves


def calibration_section(context: EvaluationContext) -> SectionResult:
    """Ranking and calibration, now and at each horizon."""
    risk, bootstrap = probability(context.score), context.bootstrap
    figures = {
        "average_precision": average_precision(context.malicious, context.score, context.identity, bootstrap),
        "brier": bootstrap.mean((risk - context.malicious) ** 2, context.identity),
        "prevalence": bootstrap.mean(context.malicious, context.identity),
        "ratio with abuse held out": bootstrap.ratio(risk, context.malicious, context.identity),
    }
    trained = context.test_set.without_scenarios(HELD_OUT_SCENARIOS)
    test_set, risk = context.test_set.part(trained), risk[trained]
    figures |= _calibration_by_type(context, test_set, risk)
    hazards = context.model.hazards(context.test_set.matrix)
    compromised_by = 1.0 - np.cumprod(1.0 - hazards[trained], axis=1)
    by_horizon = horizon_calibration(test_set, compromised_by, bootstrap)
    figures |= {f"decay/{horizon}": ratio for horizon, ratio in by_horizon.items()}
    rising = count_rising_curves(context.score, hazards)
    figures["rising"] = Estimate.exact(float(rising), len(context.score))
    note = (
        "`ratio` is predicted over actual malicious requests, `decay` predicted over actual losses within so many "
        "seconds. Both, `ece` and the bins below leave out sessions of abuse that is held out of training and "
        "calibration: a model cannot know how frequent it is."
    )
    rows = tuple((name, str(figure)) for name, figure in figures.items())
    now = reliability_bins(test_set.malicious, risk, test_set.identity, bootstrap)
    outcomes = outcomes_within(test_set, HORIZONS[2])
    later = reliability_bins(outcomes.compromised, compromised_by[outcomes.rows, 2], outcomes.identity, bootstrap)
    return [
        Table("Calibration", ("figure", ""), rows, note),
        _reliability_table("Reliability of the risk now", now),
        _reliability_table("Reliability of the risk within two hours", later),
    ], figures


def _calibration_by_type(context: EvaluationContext, test_set: TestSet, risk: Array) -> dict[str, Estimate]:
    identity_type, malicious, identity = (
        test_set.identity_type[test_set.rows],
        test_set.malicious,
        test_set.identity,
    )
    figures = {}
    for name in ("all", *np.unique(identity_type)):
        mask = np.ones(len(identity_type), bool) if name == "all" else identity_type == name
        error = calibration_error(malicious[mask], risk[mask], identity[mask], context.bootstrap)
        figures["ece" if name == "all" else f"ece/{name}"] = error
        figures[f"ratio/{name}"] = context.bootstrap.ratio(risk[mask], malicious[mask], identity[mask])
    return figures


def _reliability_table(title: str, bins: list[ReliabilityBin]) -> Table:
    return Table(title, ("predicted", "mean predicted", "actual"), tuple(_reliability_rows(bins)))


def _reliability_rows(bins: list[ReliabilityBin]) -> Iterator[tuple[str, ...]]:
    for row in bins:
        yield f"{row.low:g} to {row.high:g}", f"{row.predicted:.3g}", str(row.actual)


def session_expiry_section(context: EvaluationContext) -> SectionResult:
    """`valid_until` against one lifetime for all sessions and, in a simulated world, against an oracle."""
    test_set = context.test_set
    expired = takeovers_by_lifetime(context)
    outcomes = outcomes_within(test_set, HORIZONS[2])
    survival = np.cumprod(1.0 - context.model.hazards(test_set.matrix[outcomes.rows]), axis=1)
    rankings = {"valid_until": (1.0 - survival)[:, 2]}
    if context.data.world.source == "simulated":
        oracle = oracle_scorer(context.data.world, test_set.targets)
        rankings["oracle"] = oracle(hypothetical_pairs(test_set.rows[outcomes.rows], HORIZONS[2]))
    precision = {
        name: average_precision(outcomes.compromised, score, outcomes.identity, context.bootstrap)
        for name, score in rankings.items()
    }
    rows = tuple((name, str(expired[name]), str(precision.get(name, "-"))) for name in expired)
    note = (
        "Takeovers in mid-session whose first request met an expired session, where "
        f"{EXPIRY_FRICTION:.0%} of the legitimate gaps expire; and average precision of losses within two hours. The "
        "oracle knows how the simulation chooses victims and how long attackers wait, but not who was chosen."
    )
    columns = ("lifetime", "takeovers that met an expired session", "future average precision at 2 h")
    return [Table("Session expiry at equal friction", columns, rows, note)], expiry_figures(expired, precision)


def takeovers_by_lifetime(context: EvaluationContext) -> dict[str, Estimate]:
    """The share of takeovers in mid-session whose first request met an expired session, by what ends sessions."""
    test_set, targets = context.test_set, context.test_set.targets
    pairs = request_pairs(targets, test_set.rows)
    hazards = context.model.hazards(test_set.matrix[np.searchsorted(test_set.rows, pairs.first)])
    scores = {"valid_until": cumulative_hazard(hazards, pairs.gap), "fixed lifetime": pairs.gap}
    if context.data.world.source == "simulated":
        scores["oracle"] = oracle_scorer(context.data.world, targets)(pairs)
    return {name: takeovers_expired(pairs, score, targets, context.bootstrap) for name, score in scores.items()}


def expiry_figures(expired: dict[str, Estimate], precision: dict[str, Estimate]) -> dict[str, Estimate]:
    """The figures of the section by key, each lifetime's over the others' too."""
    figures = {f"expiry/{name}": share for name, share in expired.items()}
    figures |= {f"future_average_precision/{name}": value for name, value in precision.items()}
    for name in ("fixed lifetime", "oracle"):
        if name in expired and expired[name].value > 0:
            figures[f"expiry/over_{name.split()[0]}"] = _relative(expired["valid_until"], expired[name])
    if "oracle" in precision:
        figures["future/over_oracle"] = _relative(precision["valid_until"], precision["oracle"])
    return figures


def _relative(figure: Estimate, reference: Estimate) -> Estimate:
    """A figure and its interval, each divided by the value of another figure."""
    value = reference.value
    return Estimate(figure.value / value, figure.low / value, figure.high / value, figure.count)
