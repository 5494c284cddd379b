"""The closed loop: decisions determine what histories learn, as in service.

An attacker cannot meet a challenge, so a challenged malicious request teaches no habit. A legitimate user meets it, so
the request is folded as it was logged. The open loop, used elsewhere, folds every request as it was logged. Both run
the same compiled step; the outcome of each row tells it what happened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from features.arrays import Array
from features.event.numpy_row import rows_of
from features.history.update import CHALLENGED
from features.model.bundle import TrustModel
from training.evaluation.context import EvaluationContext, SectionResult
from training.evaluation.tables import Table
from training.metrics.bootstrap import Estimate
from training.metrics.evaluation import BUDGETS
from training.metrics.session_recall import thresholds_at_budget
from training.metrics.time_to_detect import measure_detection
from training.pipeline.dataset import Dataset

NOTE = (
    "Open loop: histories grow by what was logged. Closed loop: a challenged malicious request teaches nothing, a "
    "challenged legitimate one teaches once the challenge is met, from the first day of each tested identity on. Both "
    "use the thresholds of the open loop's budget; `differs` is closed less open. Unlike in service, a met challenge "
    "does not quiet the model for a while, so step-ups are counted high in both."
)


@dataclass(frozen=True)
class ClosedLoop:
    """The scores of the test's rows in the closed loop, and the number of passes it took."""

    score: Array
    passes: int


@dataclass(frozen=True)
class OpenLoop:
    """The open loop, from which every closed loop starts.

    It holds the rows of tested identities with malicious requests: no other identity's history depends on decisions.
    """

    numbers: Array
    """Numbers of those rows in the dataset."""
    rows: Array
    """The rows themselves, as numpy records."""
    score: Array
    """Their scores."""
    tested: Array
    """Numbers of all rows of the test."""
    tested_score: Array
    """The scores of all rows of the test."""


def open_loop(model: TrustModel, data: Dataset, tested: Array, tested_score: Array) -> OpenLoop:
    """Replay as in service and score."""
    identity = data.targets.identity
    affected = np.intersect1d(identity[tested], identity[data.targets.malicious])
    numbers = np.flatnonzero(np.isin(identity, affected))
    rows = rows_of(data.world.events.take(pa.array(numbers)))
    matrix = data.populations_for(model).replay(rows, data.deployment[numbers])
    return OpenLoop(numbers, rows, model.now_log_odds(matrix), tested, tested_score)


def close_loop(model: TrustModel, data: Dataset, thresholds: Mapping[str, float], start: OpenLoop) -> ClosedLoop:
    """Replay with the challenges of the pass before until none changes.

    A decision depends only on earlier ones, so each pass settles at least one more event of every identity. When
    nothing changes any more, the result is that of deciding event by event. `thresholds` are scores by identity type;
    types without one are never challenged.
    """
    numbers, populations = start.numbers, data.populations_for(model)
    rows, score = start.rows.copy(), start.score.copy()
    malicious, identity = data.targets.malicious[numbers], data.targets.identity[numbers]
    threshold = np.array([thresholds.get(name, np.inf) for name in data.identity_type[numbers]])
    challenged, passes = np.zeros(len(rows), bool), 1
    while True:
        now_challenged = malicious & (score > threshold)
        changed = np.isin(identity, identity[now_challenged != challenged])
        if not changed.any():
            closed, affected = start.tested_score.copy(), np.isin(start.tested, numbers)
            closed[affected] = score[np.searchsorted(numbers, start.tested[affected])]
            return ClosedLoop(closed, passes)
        challenged, passes = now_challenged, passes + 1
        rows["outcome"] = np.where(challenged, CHALLENGED, start.rows["outcome"])
        matrix = populations.replay(rows[changed], data.deployment[numbers[changed]])
        score[changed] = model.now_log_odds(matrix)


@dataclass(frozen=True)
class _Outcome:
    """One loop at fixed thresholds."""

    caught: Array
    """Whether each compromised session is caught."""
    challenged: Array
    """Whether each row of the test is challenged."""
    stopped: Estimate


def closed_loop_section(context: EvaluationContext) -> SectionResult:
    """Recall, harm stopped and step-ups in both loops, at each budget."""
    rows: list[tuple[str, ...]] = []
    figures: dict[str, Estimate] = {}
    bootstrap, compromised = context.bootstrap, context.sessions.compromised
    start = open_loop(context.model, context.data, context.test_set.rows, context.score)
    identity, legitimate = context.sessions.identity[compromised], ~context.malicious
    for budget in BUDGETS:
        by_type = thresholds_at_budget(context.sessions, budget, np.ones((1, len(compromised))))
        thresholds = {name: float(threshold.score[0]) for name, threshold in by_type.items()}
        loop = close_loop(context.model, context.data, thresholds, start)
        outcomes = [_outcome(context, score, thresholds) for score in (context.score, loop.score)]
        pairs = {
            "recall": [bootstrap.mean(outcome.caught, identity) for outcome in outcomes],
            "stopped": [outcome.stopped for outcome in outcomes],
            "step_ups_per_1000": [
                bootstrap.mean(1_000.0 * outcome.challenged[legitimate], context.identity[legitimate])
                for outcome in outcomes
            ],
        }
        differs = bootstrap.mean(outcomes[1].caught - outcomes[0].caught, identity)
        cells = (str(estimate) for pair in pairs.values() for estimate in pair)
        rows.append((f"{budget:.1%}", *cells, differs.interval("+.3f")))
        figures |= {f"closed/{name}/{budget:g}": closed for name, (_, closed) in pairs.items()}
        figures[f"closed/recall_differs/{budget:g}"] = differs
    names = ("recall of compromised sessions", "harmful actions stopped", "step-ups per 1,000 legitimate requests")
    both = tuple(f"{name}, {loop_name}" for name in names for loop_name in ("open", "closed"))
    columns = ("benign sessions challenged", *both, "recall differs")
    return [Table("Open loop and closed loop", columns, tuple(rows), NOTE)], figures


def _outcome(context: EvaluationContext, score: Array, thresholds: Mapping[str, float]) -> _Outcome:
    test_set = context.test_set
    challenged = score > np.array([thresholds[name] for name in test_set.identity_type[test_set.rows]])
    sessions = test_set.sessions(score)
    caught = sessions.score > np.array([thresholds[name] for name in sessions.identity_type])
    detection = measure_detection(test_set, challenged.astype(float), context.bootstrap)
    return _Outcome(caught[sessions.compromised].astype(float), challenged.astype(float), detection.stopped)
