"""Report section on identities of which nothing is known yet: every identity of a new deployment is one."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import roc_auc_score

from features.arrays import Array
from features.model.bundle import TYPES
from features.model.trust_curve import probability
from training.evaluation.context import EvaluationContext, SectionResult
from training.evaluation.tables import Table
from training.metrics.bootstrap import Estimate, bootstrap_weights, estimate
from training.metrics.calibration import RANKING_RESAMPLES
from training.model.explanations import explain_now
from training.pipeline.cold_copies import ColdCopies, copy_sessions

COPIED = 0.2
"""Share of the benign sessions of the test that are copied."""
POSITIONS = {"event 1": (0, 1), "events 2-3": (1, 3), "events 4-20": (3, 20)}
"""By name: the first position of a copy's events, and the one after the last."""
EXPLAINED = 1_500
"""Requests whose contributions are looked at."""
TOLERANCE = 0.5
"""Log-odds by which what is unknown of a request may lower its risk before it is counted."""


def cold_identities_section(context: EvaluationContext) -> SectionResult:
    """Copies of the test's sessions, each the first thing seen of its identity: ranking, calibration, the unknown."""
    data, rows = context.data, context.test_set.rows[~context.data.held_out[context.test_set.rows]]
    copies = copy_sessions(data.world, data.targets, rows, data.populations, COPIED, context.seed)
    if not copies.malicious.any() or copies.malicious.all():
        return [], {}
    score, identity = context.model.now_log_odds(copies.matrix), data.targets.identity[copies.row]
    figures = {"cold/auc": _auc(copies, score, identity, context.seed)}
    kinds = data.identity_type[copies.row]
    for name in ("all", *TYPES):
        for label, (begin, end) in POSITIONS.items():
            chosen = (copies.position >= begin) & (copies.position < end)
            chosen &= (kinds == name) | (name == "all")
            figures[f"cold/{name}/{label}"] = _predicted_over_actual(copies, score, identity, chosen, context.seed)
    figures["cold/unknown lowers risk"] = _unknown_lowers_risk(context, copies)
    note = (
        "Sessions of the test, copied to identities of their own without a past, 20 events each; half begin with the "
        "session, half within it, attacked ones with the attack. Figures by type and event are predicted over actual "
        f"malicious requests. `unknown lowers risk` is the share of these requests whose unknown features together "
        f"lower the log-odds of an attack by more than {TOLERANCE}."
    )
    rows_shown = tuple((name, str(figure)) for name, figure in figures.items())
    return [Table("Identities without a past", ("figure", ""), rows_shown, note)], figures


def _auc(copies: ColdCopies, score: Array, identity: Array, seed: int) -> Estimate:
    bootstrap = bootstrap_weights(identity, seed)
    column = bootstrap.columns(identity)
    draws = []
    for resample in bootstrap.weights[:RANKING_RESAMPLES]:
        weight = resample[column] * copies.weight
        drawn = weight > 0.0
        both = len(np.unique(copies.malicious[drawn])) == 2
        draws.append(
            roc_auc_score(copies.malicious[drawn], score[drawn], sample_weight=weight[drawn]) if both else np.nan
        )
    return estimate(np.array(draws), int(copies.malicious.sum()))


def _predicted_over_actual(copies: ColdCopies, score: Array, identity: Array, chosen: Array, seed: int) -> Estimate:
    if not copies.malicious[chosen].any():
        return Estimate.unknown(int(chosen.sum()))
    weight, identity = copies.weight[chosen], identity[chosen]
    predicted, actual = probability(score[chosen]) * weight, copies.malicious[chosen] * weight
    ratio = bootstrap_weights(identity, seed).ratio(predicted, actual, identity)
    return Estimate(ratio.value, ratio.low, ratio.high, int(copies.malicious[chosen].sum()))


def _unknown_lowers_risk(context: EvaluationContext, copies: ColdCopies) -> Estimate:
    rng = np.random.default_rng(context.seed)
    sample = rng.choice(len(copies.row), min(EXPLAINED, len(copies.row)), replace=False)
    contributions = explain_now(context.model, copies.matrix[sample]).contributions
    unknown = np.where(np.isnan(copies.matrix[sample]), contributions, 0.0).sum(axis=1)
    identity = context.data.targets.identity[copies.row[sample]]
    return bootstrap_weights(identity, context.seed).mean(unknown < -TOLERANCE, identity)
