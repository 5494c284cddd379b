"""One model scored on one test, with what every section of the report and every study needs."""

from __future__ import annotations

from dataclasses import dataclass

from features.arrays import Array
from features.model.bundle import TrustModel
from training.evaluation.tables import Table
from training.metrics.bootstrap import Estimate, Redrawn, redrawn
from training.metrics.evaluation import Tested
from training.metrics.session_recall import Sessions, resampled
from training.metrics.slices import Slice, slices
from training.pipeline.dataset import Prepared

Found = tuple[list[Table], dict[str, Estimate]]


@dataclass(frozen=True)
class Case:
    """One model on one test, with what every section needs."""

    model: TrustModel
    data: Prepared
    tested: Tested
    score: Array
    mine: Sessions
    weights: Array
    drawn: Redrawn
    parts: list[Slice]

    @property
    def foreign(self) -> Array:
        """By row of the test."""
        return self.tested.of.foreign[self.tested.rows]

    @property
    def identity(self) -> Array:
        """By row of the test."""
        return self.tested.of.identity[self.tested.rows]


def case(model: TrustModel, data: Prepared, seed: int) -> Case:
    """Score the test with the model's own population."""
    tested = data.seen_by(model)
    score = model.now_log_odds(tested.matrix)
    mine = tested.sessions(score)
    drawn = redrawn(tested.of.identity[tested.rows], seed)
    return Case(model, data, tested, score, mine, resampled(mine, seed), drawn, slices(tested, mine))
