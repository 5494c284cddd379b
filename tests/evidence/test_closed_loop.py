"""The closed loop equals deciding request by request, and needs only a few passes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
import pytest
from support.random_events import random_events

from features.arrays import Array
from features.catalogue.all import feature_names
from features.engine.batch import replay
from features.engine.online import fold, vector
from features.event.arrow import events_of, table_of
from features.event.numpy_row import row_of
from features.history.layout import CREDENTIAL, IDENTITY, SESSION, History, empty
from features.history.population import measure_population
from features.history.update import CHALLENGED
from features.model.bundle import Calibration, TrustModel
from training.data.labels import LABELS, World, benign_labels
from training.data.split import Split
from training.data.targets import prediction_targets
from training.evaluation.context import evaluation_context
from training.evaluation.studies.closed_loop import close_loop, closed_loop_section, open_loop
from training.metrics.evaluation import BUDGETS
from training.pipeline.dataset import Dataset
from training.pipeline.deployments import DeploymentPopulations

THRESHOLDS = {"human": 3.0, "service_account": 3.0, "workload": 3.0}
"""For three of the four identity types; agents are never challenged."""

Records = defaultdict[tuple[str, ...], Array]


@dataclass(frozen=True)
class NewnessModel:
    """Scores how new and rare a request is, so that what a history learnt shows in the next score."""

    def decision_function(self, matrix: Array) -> Array:
        columns = [feature_names().index(name) for name in ("action_is_new", "action_rarity", "resource_rarity")]
        score: Array = np.nan_to_num(matrix[:, columns]).sum(axis=1)
        return score


@pytest.fixture(scope="module")
def data() -> Dataset:
    """A thousand requests of ten identities, in order of time and all tested.

    A third of the requests of nine identities are malicious.
    """
    events = table_of(sorted(random_events(1_000, seed=3, identities=10), key=lambda event: event.time))
    identity = events["identity.id"].to_numpy()
    malicious = (np.random.default_rng(1).random(1_000) < 1 / 3) & (identity != identity[0])
    labels = benign_labels(events).set_column(0, LABELS.field(0), pa.array(malicious.astype(np.int8)))
    world, everything = World(events, labels), np.ones(1_000, bool)
    identity_type = events["identity.type"].to_numpy().astype(str)
    split = Split(~everything, ~everything, ~everything, ~everything, everything, 2**62)
    matrix = np.zeros((1_000, len(feature_names())))
    populations = DeploymentPopulations.one_log(measure_population(events))
    return Dataset(world, matrix, populations, split, prediction_targets(world), identity_type)


@pytest.fixture(scope="module")
def model(data: Dataset) -> TrustModel:
    return TrustModel(NewnessModel(), None, Calibration(), data.population, {})


def score_one_by_one(model: TrustModel, data: Dataset) -> Array:
    """Score each event in turn, and fold it as the score decides."""
    identities: Records = defaultdict(partial(empty, IDENTITY))
    sessions: Records = defaultdict(partial(empty, SESSION))
    credentials: Records = defaultdict(partial(empty, CREDENTIAL))
    score = np.empty(data.world.events.num_rows)
    for number, event in enumerate(events_of(data.world.events)):
        identity, row = event.identity.id, row_of(event)
        session = sessions[identity, event.session.id or f"none-{number}"]
        credential = credentials[identity, event.credential.id or f"none-{number}"]
        history = History(identities[(identity,)], session, credential)
        score[number] = model.now_log_odds(vector(row, history, model.population)[None])[0]
        threshold = THRESHOLDS.get(event.identity.type, np.inf)
        challenged = data.targets.malicious[number] and score[number] > threshold
        fold(row, history, model.population, CHALLENGED if challenged else int(row["outcome"][0]))
    return score


def test_closed_loop_equals_scoring_one_by_one(model: TrustModel, data: Dataset) -> None:
    """Scores agree to the last bit, though the loop replays whole histories; and decisions do change scores."""
    tested_score = model.now_log_odds(replay(data.world.events, data.population))
    start = open_loop(model, data, np.arange(1_000), tested_score)

    loop = close_loop(model, data, THRESHOLDS, start)

    assert loop.score.tobytes() == score_one_by_one(model, data).tobytes()
    assert (loop.score != tested_score).any()
    assert loop.passes > 2


def test_without_thresholds_the_closed_loop_is_the_open_one(model: TrustModel, data: Dataset) -> None:
    """Nothing is challenged, so one pass is enough; identities without malicious requests are not replayed."""
    tested_score = model.now_log_odds(replay(data.world.events, data.population))
    start = open_loop(model, data, np.arange(1_000), tested_score)

    loop = close_loop(model, data, {}, start)

    assert loop.passes == 1
    assert loop.score.tobytes() == tested_score.tobytes()
    assert len(start.numbers) < 1_000


def test_both_loops_are_shown_side_by_side(model: TrustModel, data: Dataset) -> None:
    """At each budget: recall, harm and step-ups of both loops, and the difference of the recalls."""
    (table,), figures = closed_loop_section(evaluation_context(model, data, 1))
    recalls = [[float(cell.split()[0]) for cell in row[1:3]] for row in table.rows]

    assert [len(row) for row in table.rows] == [len(table.columns)] * len(BUDGETS)
    assert [closed - opened for opened, closed in recalls] == pytest.approx(
        [figures[f"closed/recall_differs/{budget:g}"].value for budget in BUDGETS], abs=2e-3
    )
