"""The closed loop is what a service would have done, request by request, and reaches it in a few passes."""

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
from features.history.population import measure
from features.history.update import CHALLENGED
from features.model.bundle import Calibration, TrustModel
from training.data.labels import LABELS, World, benign_labels
from training.data.split import Split
from training.data.targets import prediction_targets
from training.evaluation.context import evaluation_context
from training.evaluation.studies.closed_loop import closed_loop, logged, loops
from training.metrics.evaluation import BUDGETS
from training.pipeline.dataset import Dataset

LIMIT = {"human": 3.0, "service_account": 3.0, "workload": 3.0}
"""Of three of the four types; nobody of the fourth is ever challenged."""

Records = defaultdict[tuple[str, ...], Array]


@dataclass(frozen=True)
class Newness:
    """Scores what is new and rare, so that what was learnt shows in the next score."""

    def decision_function(self, matrix: Array) -> Array:
        places = [feature_names().index(name) for name in ("action_is_new", "action_rarity", "resource_rarity")]
        found: Array = np.nan_to_num(matrix[:, places]).sum(axis=1)
        return found


@pytest.fixture(scope="module")
def data() -> Dataset:
    """A thousand requests of ten identities in time order, all tested, a third of nine identities' malicious."""
    events = table_of(sorted(random_events(1_000, seed=3, identities=10), key=lambda event: event.time))
    who = events["identity.id"].to_numpy()
    malicious = (np.random.default_rng(1).random(1_000) < 1 / 3) & (who != who[0])
    labels = benign_labels(events).set_column(0, LABELS.field(0), pa.array(malicious.astype(np.int8)))
    world, everything = World(events, labels), np.ones(1_000, bool)
    kind = events["identity.type"].to_numpy().astype(str)
    parts = Split(~everything, ~everything, ~everything, ~everything, everything, 2**62)
    return Dataset(
        world, np.zeros((1_000, len(feature_names()))), measure(events), parts, prediction_targets(world), kind
    )


@pytest.fixture(scope="module")
def model(data: Dataset) -> TrustModel:
    return TrustModel(Newness(), None, Calibration(), data.population, {})


def request_by_request(model: TrustModel, data: Dataset) -> Array:
    """Each event scored in its turn, and folded by what the score made of it."""
    identities: Records = defaultdict(partial(empty, IDENTITY))
    sessions: Records = defaultdict(partial(empty, SESSION))
    credentials: Records = defaultdict(partial(empty, CREDENTIAL))
    score = np.empty(data.world.events.num_rows)
    for place, event in enumerate(events_of(data.world.events)):
        who, row = event.identity.id, row_of(event)
        session = sessions[who, event.session.id or f"none-{place}"]
        credential = credentials[who, event.credential.id or f"none-{place}"]
        history = History(identities[(who,)], session, credential)
        score[place] = model.now_log_odds(vector(row, history, model.population)[None])[0]
        stopped = data.targets.malicious[place] and score[place] > LIMIT.get(event.identity.type, np.inf)
        fold(row, history, CHALLENGED if stopped else int(row["outcome"][0]))
    return score


def test_it_is_what_happens_request_by_request(model: TrustModel, data: Dataset) -> None:
    """To the bit, though it is reached by replaying all again and again; and rulings do change what is scored."""
    opened = model.now_log_odds(replay(data.world.events, data.population))
    start = logged(model, data, np.arange(1_000), opened)
    loop, open_ended = closed_loop(model, data, LIMIT, start), closed_loop(model, data, {}, start)

    assert loop.score.tobytes() == request_by_request(model, data).tobytes()
    assert ((loop.score != opened).any(), loop.passes > 2, open_ended.passes) == (True, True, 1)
    assert (len(start.theirs) < 1_000, open_ended.score.tobytes()) == (True, opened.tobytes())


def test_both_loops_stand_side_by_side(model: TrustModel, data: Dataset) -> None:
    """At each budget recall, harm and step-ups of both, and by how much the recall differs."""
    (table,), figures = loops(evaluation_context(model, data, 1))
    recalls = [[float(cell.split()[0]) for cell in row[1:3]] for row in table.rows]

    assert {(len(row), len(table.columns)) for row in table.rows} == {(8, 8)}
    assert [closed - opened for opened, closed in recalls] == pytest.approx(
        [figures[f"closed/recall_differs/{budget:g}"].value for budget in BUDGETS], abs=2e-3
    )
