"""The dataset: who plays which part, what is known of each row, and what is refused."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from features.catalogue.all import FEATURES
from features.engine.batch import replay
from features.event.arrow import EVENT_SCHEMA
from features.history.population import empty_population
from features.model.bundle import Calibration, TrustModel
from features.model.trust_curve import HORIZONS
from training import World, prepare
from training.data.labels import benign_labels
from training.data.targets import at_risk_intervals, prediction_targets
from training.pipeline.dataset import HELD_OUT_SCENARIOS, Dataset


def test_every_identity_is_in_one_part(simulated_dataset: Dataset) -> None:
    """No identity is both fitted and tested."""
    split, identity = simulated_dataset.split, simulated_dataset.targets.identity
    parts = [set(identity[mask].tolist()) for mask in (split.fit, split.stop, split.calibrate, split.test)]

    assert sum(len(part & other) for number, part in enumerate(parts) for other in parts[:number]) == 0


def test_the_test_comes_last(simulated_dataset: Dataset) -> None:
    """Every tested row is later than every fitted one."""
    split, time = simulated_dataset.split, simulated_dataset.targets.time

    assert time[split.fit].max() < time[split.test].min()


def test_the_population_is_measured_before_anything_is_fitted(simulated_dataset: Dataset) -> None:
    """And on identities that are not tested."""
    split, targets = simulated_dataset.split, simulated_dataset.targets
    shared = set(targets.identity[split.population].tolist()) & set(targets.identity[split.test].tolist())

    assert targets.time[split.population].max() < targets.time[split.fit].min()
    assert shared == set()


def test_held_out_scenarios_are_in_the_test_alone(simulated_dataset: Dataset) -> None:
    """No row for fitting, stopping or calibrating belongs to one."""
    split, scenario = simulated_dataset.split, simulated_dataset.targets.scenario
    names = {
        name for part in (split.fit, split.stop, split.calibrate) for name in scenario[simulated_dataset.rows(part)]
    }

    assert HELD_OUT_SCENARIOS
    assert names & HELD_OUT_SCENARIOS == set()


def test_an_interval_cut_off_by_the_end_of_the_data_counts_only_losses(simulated_dataset: Dataset) -> None:
    """Without a loss, it says nothing."""
    targets, end = simulated_dataset.targets, simulated_dataset.split.end
    pairs = at_risk_intervals(targets, np.flatnonzero(targets.known), end)
    observed_seconds = (end - targets.time[pairs.rows]) / 1e6
    cut_off = observed_seconds < np.array(HORIZONS)[pairs.interval]

    assert pairs.compromised[cut_off].all()


def test_no_row_is_at_risk_after_the_loss(simulated_dataset: Dataset) -> None:
    """The hazard is that of the first malicious request."""
    targets = simulated_dataset.targets
    pairs = at_risk_intervals(targets, np.flatnonzero(targets.known), simulated_dataset.split.end)

    assert (targets.seconds[pairs.rows] > 0).all()
    assert pairs.compromised.any()


def test_a_model_is_tested_with_features_of_its_own_population(simulated_dataset: Dataset) -> None:
    """The test set of a model with another population equals a replay against that population."""
    other = TrustModel(None, None, Calibration(), empty_population(), {})

    test_set = simulated_dataset.test_set_for(other)

    replayed = replay(simulated_dataset.world.events, empty_population())[test_set.rows]
    assert test_set.matrix.tobytes() == replayed.tobytes()
    assert simulated_dataset.test_set.matrix.tobytes() != replayed.tobytes()


def test_columns_that_nobody_logs_may_be_missing(simulated_world: World) -> None:
    """A log without any nullable column is accepted, and so are labels of one column."""
    needed = ["time", "identity.id", "identity.type", "session.id", "action.name"]
    bare = World(simulated_world.events.select(needed), simulated_world.labels.select(["compromised"]))

    data = prepare(bare, 3)

    assert data.world.events.schema == EVENT_SCHEMA
    assert data.matrix.shape == (simulated_world.events.num_rows, len(FEATURES))


def test_labels_without_the_required_column_are_refused_by_name(simulated_world: World) -> None:
    """The message says which column is needed."""
    with pytest.raises(ValueError, match="labels need a column 'compromised'"):
        prepare(World(simulated_world.events, simulated_world.labels.select(["scenario"])), 3)


def test_a_world_says_what_data_it_is(simulated_world: World) -> None:
    """Simulated, one's own log, or one's own log with simulated abuse."""
    simulated = World(simulated_world.events[:100], simulated_world.labels[:100])
    own = World(simulated.events, benign_labels(simulated.events, "yours"))
    mixed = World(pa.concat_tables([own.events, simulated.events]), pa.concat_tables([own.labels, simulated.labels]))

    assert simulated.source == "simulated"
    assert own.source == "yours"
    assert mixed.source == "your benign events, simulated abuse"


def test_sessions_are_numbered_as_the_features_know_them(simulated_world: World) -> None:
    """One for each pair of identity and session; an event without a session is a session of its own."""
    named = simulated_world.events.select(["identity.id", "session.id"]).to_pandas()
    pairs = named.dropna().drop_duplicates()

    sessions = np.unique(prediction_targets(simulated_world).session)
    assert len(sessions) == len(pairs) + named["session.id"].isna().sum()


def test_the_matrix_has_one_column_for_each_feature(simulated_dataset: Dataset) -> None:
    """The features that train are those that serve."""
    assert simulated_dataset.matrix.shape == (simulated_dataset.world.events.num_rows, len(FEATURES))
