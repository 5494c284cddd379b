"""The closed loop: rulings decide what is folded, as in service, where open-loop figures fold what was logged.

An intruder cannot meet a challenge, so what he does against one teaches no habit. An owner meets his, so his request
is folded as it was logged. The same compiled step runs as everywhere, told by each row what became of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from features.arrays import Array
from features.engine.batch import replay_rows
from features.event.numpy_row import rows_of
from features.history.update import CHALLENGED
from features.model.bundle import TrustModel
from training.evaluation.context import EvaluationContext, SectionResult
from training.evaluation.tables import Table
from training.metrics.bootstrap import Estimate
from training.metrics.evaluation import BUDGETS
from training.metrics.session_recall import limits
from training.metrics.time_to_detect import detection
from training.pipeline.dataset import Dataset

NOTE = (
    "Open loop: histories grow by what was logged. Closed: an intruder's challenged request teaches nothing, an "
    "owner's teaches once he has met the challenge, from the first day of each tested identity on. Both at the same "
    "thresholds, those of the open loop's budget; `differs` is closed less open. A met challenge does not quiet the "
    "model here, as it does in service, so step-ups are counted high, in both alike."
)


@dataclass(frozen=True)
class Loop:
    """What the test's rows score in the closed loop, and how many passes it took to settle."""

    score: Array
    passes: int


@dataclass(frozen=True)
class Logged:
    """As it was logged, where every loop begins: all rows, by number, of tested identities in whose name an intruder
    acts, since nobody else's history depends on rulings; and what the tested rows score in the open loop."""

    theirs: Array
    rows: Array
    score: Array
    test_set: Array
    opened: Array


def logged(model: TrustModel, data: Dataset, test_set: Array, opened: Array) -> Logged:
    """Replayed against the model's own population, and scored."""
    who = data.targets.identity
    theirs = np.flatnonzero(np.isin(who, np.intersect1d(who[test_set], who[data.targets.malicious])))
    rows = rows_of(data.world.events.take(pa.array(theirs)))
    return Logged(theirs, rows, model.now_log_odds(replay_rows(rows, model.population)), test_set, opened)


def closed_loop(model: TrustModel, data: Dataset, limit: Mapping[str, float], start: Logged) -> Loop:
    """Replay again and again with the challenges of the pass before, until none changes.

    A ruling rests on earlier ones alone, so each pass settles at least the next event of every identity, and where
    nothing changes any more everything is as if each event had been ruled on in its turn.
    """
    of, theirs = data.targets, start.theirs
    rows, score = start.rows.copy(), start.score.copy()
    malicious, who = of.malicious[theirs], of.identity[theirs]
    above = np.array([limit.get(kind, np.inf) for kind in data.kind[theirs]])
    challenged, passes = np.zeros(len(rows), bool), 1
    while True:
        now = malicious & (score > above)
        again = np.isin(who, who[now != challenged])
        if not again.any():
            closed, touched = start.opened.copy(), np.isin(start.test_set, theirs)
            closed[touched] = score[np.searchsorted(theirs, start.test_set[touched])]
            return Loop(closed, passes)
        challenged, passes = now, passes + 1
        rows["outcome"] = np.where(challenged, CHALLENGED, start.rows["outcome"])
        score[again] = model.now_log_odds(replay_rows(rows[again], model.population))


@dataclass(frozen=True)
class _Side:
    """One loop at fixed thresholds: by compromised session whether it was caught, and what is asked of whom."""

    caught: Array
    challenged: Array
    stopped: Estimate


def loops(of: EvaluationContext) -> SectionResult:
    """Recall, harm stopped and step-ups in both loops, at each budget."""
    rows: list[tuple[str, ...]] = []
    figures: dict[str, Estimate] = {}
    compromised, start = of.sessions.compromised, logged(of.model, of.data, of.test_set.rows, of.score)
    for budget in BUDGETS:
        found = limits(of.sessions, budget, np.ones((1, len(compromised))))
        limit = {kind: float(each.score[0]) for kind, each in found.items()}
        loop = closed_loop(of.model, of.data, limit, start)
        opened, closed = _side(of, of.score, limit), _side(of, loop.score, limit)
        sessions, own = of.sessions.identity[compromised], ~of.malicious
        both = {
            "recall": tuple(of.drawn.mean(side.caught, sessions) for side in (opened, closed)),
            "stopped": (opened.stopped, closed.stopped),
            "step_ups_per_1000": tuple(
                of.drawn.mean(1_000.0 * side.challenged[own], of.identity[own]) for side in (opened, closed)
            ),
        }
        differs = of.drawn.mean(closed.caught - opened.caught, sessions)
        cells = (str(each) for pair in both.values() for each in pair)
        rows.append((f"{budget:.1%}", *cells, f"{differs.value:+.3f} [{differs.low:+.3f}, {differs.high:+.3f}]"))
        for name, (_, each) in both.items():
            figures[f"closed/{name}/{budget:g}"] = each
        figures[f"closed/recall_differs/{budget:g}"] = differs
    names = ("recall of compromised sessions", "harmful acts stopped", "step-ups per 1,000 legitimate requests")
    sides = tuple(f"{name}, {side}" for name in names for side in ("open", "closed"))
    columns = ("benign sessions challenged", *sides, "recall differs")
    return [Table("Open loop and closed loop", columns, tuple(rows), NOTE)], figures


def _side(of: EvaluationContext, score: Array, limit: Mapping[str, float]) -> _Side:
    challenged = score > np.array([limit[kind] for kind in of.test_set.kind[of.test_set.rows]])
    sessions = of.test_set.sessions(score)
    caught = sessions.score > np.array([limit[kind] for kind in sessions.kind])
    found = detection(of.test_set, challenged.astype(float), of.drawn)
    return _Side(caught[sessions.compromised].astype(float), challenged.astype(float), found.stopped)
