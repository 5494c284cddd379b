"""The evaluation context: one model scored on one test set, and what every report section and study needs."""

from __future__ import annotations

from dataclasses import dataclass

from features.arrays import Array
from features.model.bundle import TrustModel
from training.evaluation.tables import Table
from training.metrics.bootstrap import BootstrapWeights, Estimate, bootstrap_weights
from training.metrics.evaluation import TestSet
from training.metrics.session_recall import ScoredSessions, session_weights
from training.metrics.slices import Slice, slices_with_abuse
from training.model.recipe import Recipe
from training.pipeline.dataset import Dataset
from training.progress import ProgressCallback, no_progress

SectionResult = tuple[list[Table], dict[str, Estimate]]
"""A section's tables, and its figures by key."""


@dataclass(frozen=True)
class EvaluationContext:
    """One model on one test set."""

    model: TrustModel
    data: Dataset
    test_set: TestSet
    """With features computed from the model's own population."""
    score: Array
    """The model's log-odds of each row of the test, shape (rows,)."""
    sessions: ScoredSessions
    session_weights: Array
    """How often each session counts in each resample, shape (RESAMPLES, sessions)."""
    bootstrap: BootstrapWeights
    """Over the identities of the test."""
    slices: list[Slice]
    """Those that have a compromised session."""
    seed: int
    recipe: Recipe
    """How models are fitted that a section compares with."""
    progress: ProgressCallback = no_progress
    """Told what a section is doing, and the share of the section that is done."""

    @property
    def malicious(self) -> Array:
        """Whether each row of the test is malicious."""
        return self.test_set.malicious

    @property
    def identity(self) -> Array:
        """The identity number of each row of the test."""
        return self.test_set.identity


def evaluation_context(model: TrustModel, data: Dataset, seed: int, recipe: Recipe | None = None) -> EvaluationContext:
    """Score the test of a dataset with a model."""
    test_set = data.test_set_for(model)
    score = model.now_log_odds(test_set.matrix)
    sessions = test_set.sessions(score)
    return EvaluationContext(
        model=model,
        data=data,
        test_set=test_set,
        score=score,
        sessions=sessions,
        session_weights=session_weights(sessions, seed),
        bootstrap=bootstrap_weights(test_set.identity, seed),
        slices=slices_with_abuse(test_set, sessions),
        seed=seed,
        recipe=recipe or Recipe(),
    )
