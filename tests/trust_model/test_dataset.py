"""The dataset: who plays which part, what is known of each row, and what is refused."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from features.catalogue.all import FEATURES
from features.engine.batch import replay
from features.engine.population_window import measure_window
from features.event.arrow import EVENT_SCHEMA
from features.history.population import empty_population
from features.history.population_blend import blend
from features.model.bundle import Calibration, TrustModel
from features.model.trust_curve import HORIZONS
from training import World, prepare
from training.data.labels import benign_labels
from training.data.targets import at_risk_intervals, prediction_targets
from training.pipeline.dataset import HELD_OUT_SCENARIOS, Dataset, attack_weights
from training.pipeline.deployments import measure_deployments


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
    """As a deployment measures its own recent log: without labels, and so of those who will be tested as well. A few
    identities stay outside, to donate sessions as somebody whom nobody knows would."""
    split, targets = simulated_dataset.split, simulated_dataset.targets
    early = targets.time < targets.time[split.fit].min()

    assert targets.time[split.population].max() < targets.time[split.fit].min()
    assert 0.01 < 1 - len(np.unique(targets.identity[split.population])) / len(np.unique(targets.identity[early])) < 0.1


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


def test_a_model_is_tested_with_features_of_its_own_population(simulated_world: World) -> None:
    """In a log that names no deployments, its test set equals a replay against that population."""
    labels = simulated_world.labels.drop_columns(["deployment"])
    data = prepare(World(simulated_world.events, labels), 3)
    other = TrustModel(None, None, Calibration(), empty_population(), {})

    test_set = data.test_set_for(other)

    replayed = replay(data.world.events, empty_population())[test_set.rows]
    assert test_set.matrix.tobytes() == replayed.tobytes()
    assert data.test_set.matrix.tobytes() != replayed.tobytes()


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


def test_each_deployment_is_measured_by_itself(simulated_dataset: Dataset) -> None:
    """The features of a large deployment equal a replay of it alone against the population of its own window."""
    data = simulated_dataset
    number = int(np.argmax(np.bincount(data.deployment)))
    own = np.flatnonzero(data.deployment == number)
    window = own[data.split.population[own] & data.targets.known[own] & ~data.targets.malicious[own]]

    population = blend(data.population, measure_window(data.world.events.take(pa.array(window))))
    replayed = replay(data.world.events.take(pa.array(own)), population)
    assert data.matrix[own].tobytes() == replayed.tobytes()
    assert population.tobytes() != data.population.tobytes()


def test_a_large_log_keeps_its_features_in_half_the_memory(
    simulated_world: World, simulated_dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In single precision, rounded and otherwise the same; the test is scored in double precision."""
    monkeypatch.setattr("training.pipeline.dataset.LARGE", 1_000)

    data = prepare(simulated_world, 3)

    assert data.matrix.dtype == np.float32
    assert data.matrix.tobytes() == simulated_dataset.matrix.astype(np.float32).tobytes()
    assert data.test_set.matrix.dtype == np.float64


def test_a_small_window_is_blended_with_the_prior(simulated_world: World) -> None:
    """A model that is tested there brings its own; without any window the prior speaks alone."""
    populations = measure_deployments(simulated_world, np.arange(len(simulated_world.events)) < 400)
    nothing = measure_deployments(simulated_world, np.zeros(len(simulated_world.events), bool), populations.prior)
    other = populations.with_prior(empty_population())

    own = populations.measured[0:1]
    assert populations.snapshots[0:1].tobytes() == blend(populations.prior, own).tobytes()
    assert populations.snapshots[0:1].tobytes() not in {own.tobytes(), populations.prior.tobytes()}
    assert other.snapshots[0:1].tobytes() == blend(empty_population(), own).tobytes()
    assert {each.tobytes() for each in nothing.snapshots} == {populations.prior.tobytes()}
    assert {each.tobytes() for each in nothing.with_prior(empty_population()).snapshots} == {
        empty_population().tobytes()
    }


def test_the_requests_of_one_attacker_weigh_no_more_than_ten() -> None:
    """Three hundred guesses at one password teach little more; rows of the owner keep their weight."""
    malicious = np.r_[np.ones(300, bool), np.zeros(5, bool), np.ones(4, bool)]
    identity = np.r_[np.zeros(305, np.int64), np.ones(4, np.int64)]

    weights = attack_weights(malicious, identity)

    assert weights[:300].sum() == pytest.approx(10.0)
    assert set(weights[300:].tolist()) == {1.0}
