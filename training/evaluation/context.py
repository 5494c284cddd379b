"""One model scored on one test, with what every section of the report and every study needs."""

from __future__ import annotations

from dataclasses import dataclass

from features.arrays import Array
from features.model.bundle import TrustModel
from training.evaluation.tables import Table
from training.metrics.bootstrap import BootstrapWeights, Estimate, bootstrap_weights
from training.metrics.evaluation import TestSet
from training.metrics.session_recall import Sessions, resampled
from training.metrics.slices import Slice, slices
from training.pipeline.dataset import Dataset

SectionResult = tuple[list[Table], dict[str, Estimate]]


@dataclass(frozen=True)
class EvaluationContext:
    """One model on one test, with what every section needs."""

    model: TrustModel
    data: Dataset
    test_set: TestSet
    score: Array
    sessions: Sessions
    weights: Array
    drawn: BootstrapWeights
    parts: list[Slice]

    @property
    def malicious(self) -> Array:
        """By row of the test."""
        return self.test_set.targets.malicious[self.test_set.rows]

    @property
    def identity(self) -> Array:
        """By row of the test."""
        return self.test_set.targets.identity[self.test_set.rows]


def evaluation_context(model: TrustModel, data: Dataset, seed: int) -> EvaluationContext:
    """Score the test with the model's own population."""
    test_set = data.seen_by(model)
    score = model.now_log_odds(test_set.matrix)
    sessions = test_set.sessions(score)
    drawn = bootstrap_weights(test_set.targets.identity[test_set.rows], seed)
    return EvaluationContext(
        model, data, test_set, score, sessions, resampled(sessions, seed), drawn, slices(test_set, sessions)
    )
