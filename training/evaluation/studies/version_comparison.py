"""Compare two registered versions on the same events, and whether they differ by more than chance.

Both versions are resampled together, so what makes a test easy or hard for both cancels out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from features.arrays import Array
from features.model.bundle import TrustModel
from features.model.trust_curve import HORIZONS, probability
from training.evaluation.tables import Table
from training.metrics.bootstrap import BootstrapWeights, Estimate, bootstrap_weights, estimate, ratio_of
from training.metrics.calibration import average_precision_draws, outcomes_within
from training.metrics.evaluation import BUDGETS, TestSet, challenge_probability
from training.metrics.session_recall import ScoredSessions, caught_sessions, session_weights
from training.metrics.time_to_detect import measure_detection
from training.pipeline.dataset import Dataset

NOTE = (
    "Both versions score the same requests of the same identities, each with features computed from its own population "
    "and at its own thresholds. `differs` is challenger less champion, resampled for both together: where its interval "
    "holds 0, no difference is shown. `better` names the version that the difference speaks for."
)


@dataclass(frozen=True)
class Comparison:
    """One figure of champion and challenger."""

    name: str
    draws: list[Array]
    """The figure in each resample, champion first; each of shape (n,)."""
    count: int
    more_is_better: bool

    @property
    def differs(self) -> Estimate:
        """Challenger less champion."""
        return estimate(self.draws[1] - self.draws[0], self.count)

    @property
    def better(self) -> str:
        """The version that the difference speaks for, or "neither"."""
        difference = self.differs
        if not np.isfinite(difference.value) or difference.low <= 0.0 <= difference.high:
            return "neither"
        return "challenger" if (difference.value > 0) == self.more_is_better else "champion"

    def row(self) -> tuple[str, ...]:
        """The figure as a row of the table."""
        difference = self.differs.interval("+.3g") if np.isfinite(self.differs.value) else "-"
        return self.name, *(str(estimate(draws, self.count)) for draws in self.draws), difference, self.better


@dataclass(frozen=True)
class _ScoredVersion:
    model: TrustModel
    test_set: TestSet
    score: Array
    sessions: ScoredSessions


def compare_versions(
    champion: TrustModel, challenger: TrustModel, data: Dataset, seed: int
) -> tuple[Table, dict[str, Estimate]]:
    """Compare two versions on the test of a dataset; the figures are the differences."""
    versions = [_score(model, data) for model in (champion, challenger)]
    bootstrap = bootstrap_weights(data.test_set.identity, seed)
    comparisons = [
        *_compare_recall(versions, seed),
        *_compare_detection(versions, bootstrap),
        *_compare_ranking(versions, bootstrap),
    ]
    names = (f"champion, version {champion.version}", f"challenger, version {challenger.version}")
    rows = tuple(each.row() for each in comparisons)
    figures = {f"against/{each.name}": each.differs for each in comparisons}
    title = "Champion and challenger on the same events"
    return Table(title, ("", *names, "differs", "better"), rows, NOTE), figures


def _score(model: TrustModel, data: Dataset) -> _ScoredVersion:
    test_set = data.test_set_for(model)
    score = model.now_log_odds(test_set.matrix)
    return _ScoredVersion(model, test_set, score, test_set.sessions(score))


def _compare_recall(versions: list[_ScoredVersion], seed: int) -> Iterator[Comparison]:
    """Thresholds are set anew in every resample."""
    sessions = versions[0].sessions
    weights = session_weights(sessions, seed)
    compromised_weights = weights[:, sessions.compromised]
    total = compromised_weights.sum(axis=1)
    for budget in BUDGETS:
        draws = [
            ratio_of((caught_sessions(each.sessions, budget, weights) * compromised_weights).sum(axis=1), total)
            for each in versions
        ]
        name = f"recall of compromised sessions at {budget:.1%}"
        yield Comparison(name, draws, int(sessions.compromised.sum()), True)


def _compare_detection(versions: list[_ScoredVersion], bootstrap: BootstrapWeights) -> Iterator[Comparison]:
    """Harm stopped, and legitimate escalations challenged."""
    test_set = versions[0].test_set
    escalations = test_set.targets.escalation[test_set.rows] & ~test_set.malicious
    for budget in BUDGETS:
        challenged = [challenge_probability(v.test_set, v.score, v.sessions, budget) for v in versions]
        detections = [
            measure_detection(version.test_set, each, bootstrap)
            for version, each in zip(versions, challenged, strict=True)
        ]
        harm = [detection.harm_stopped for detection in detections]
        name = f"harmful actions stopped at {budget:.1%}"
        yield _compare_means(name, harm, detections[0].harm_identity, bootstrap, True)
        name = f"legitimate escalations challenged at {budget:.1%}"
        values = [each[escalations] for each in challenged]
        yield _compare_means(name, values, test_set.identity[escalations], bootstrap, False)


def _compare_ranking(versions: list[_ScoredVersion], bootstrap: BootstrapWeights) -> Iterator[Comparison]:
    """Ranking and error now, and ranking of losses within two hours."""
    test_set = versions[0].test_set
    malicious, identity = test_set.malicious, test_set.identity
    risks = [probability(version.score) for version in versions]
    draws = [average_precision_draws(malicious, risk, identity, bootstrap) for risk in risks]
    yield Comparison("average precision", draws, int(malicious.sum()), True)
    yield _compare_means("Brier score", [(risk - malicious) ** 2 for risk in risks], identity, bootstrap, False)
    outcomes = outcomes_within(test_set, HORIZONS[2])
    compromised_by = [
        1.0 - np.cumprod(1.0 - v.model.hazards(v.test_set.matrix[outcomes.rows]), axis=1)[:, 2] for v in versions
    ]
    draws = [
        average_precision_draws(outcomes.compromised, each, outcomes.identity, bootstrap) for each in compromised_by
    ]
    yield Comparison("average precision of losses within two hours", draws, int(outcomes.compromised.sum()), True)


def _compare_means(
    name: str, values: list[Array], identity: Array, bootstrap: BootstrapWeights, more_is_better: bool
) -> Comparison:
    count = bootstrap.totals(np.ones(len(identity)), identity)
    draws = [ratio_of(bootstrap.totals(each, identity), count) for each in values]
    return Comparison(name, draws, len(identity), more_is_better)
